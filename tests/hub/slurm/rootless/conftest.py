"""A hub that isn't root, and comes to permits' accounts through sudo and the gate alone."""

import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sundbench.governance.audit import places
from sundbench.slurm import accounts, gate
from sundbench.slurm.small.cluster import SmallSlurm
from tests.conftest import REPOSITORY
from tests.hub.installation import (
    PERMITS,
    Platform,
    add_data,
    amend,
    at_work,
    close,
    free_ports,
    make_platform,
)
from tests.hub.slurm.conftest import SETTINGS, Cluster, remove

SUDO = ("/usr/bin/sudo", "-n")


@dataclass
class Unprivileged(Platform):
    """A platform whose programs run as an account of their own.

    Attributes:
        account: its name.
        view: what precedes a program, so that it runs as that account.
    """

    account: str = ""
    view: tuple[str, ...] = ()

    def _start(self, command: list[str], log: str) -> "subprocess.Popen[bytes]":
        return super()._start([*self.view, *command], log)

    def tries(self, *command: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command as the hub's account."""
        return subprocess.run(
            [*self.view, *command], input=given, env=self.environment, errors="surrogateescape",
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    @property
    def gate(self) -> list[str]:
        """How the hub calls the gate."""
        return [*SUDO, "--", *gate.call(self.site)]


def rule(account: str, home: Path) -> str:
    """The line for sudoers that docs/operators.md has, for an account, this Python and an installation."""
    page = (REPOSITORY / "docs" / "operators.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^sundbench ALL=\(root\) NOPASSWD: .*$", page, re.MULTILINE)
    replaced = line.replace("sundbench ALL", f"{account} ALL", 1).replace(
        "/opt/sundbench/*/.venv/bin/python", sys.executable
    )
    return replaced.replace("/srv/sundbench", str(home)) + "\n"


@pytest.fixture(scope="package")
def hub(slurm: SmallSlurm, sandboxes: None) -> Iterator[Cluster]:
    """A platform with one project, whose programs run as an account that may call sudo for the gate."""
    if shutil.which("sudo") is None:
        message = "no sudo is installed (make system)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    root = Path(tempfile.mkdtemp(prefix="sb-rootless-"))
    root.chmod(0o755)
    account, project = f"sbhub-{secrets.token_hex(3)}", f"p-{secrets.token_hex(3)}"
    subprocess.run(["useradd", "--system", "--user-group", account], check=True)
    with ExitStack() as made:
        made.callback(shutil.rmtree, root, ignore_errors=True)
        made.callback(subprocess.run, ["userdel", "--force", account], check=True, capture_output=True)
        platform = made.enter_context(_installed(root, account, project, slurm))
        made.enter_context(at_work(platform))
        gateway = platform._start([sys.executable, "-m", "sundbench.hub.audit_gateway"], "gateway.log")
        made.callback(gateway.wait)
        made.callback(gateway.terminate)
        yield Cluster(platform, slurm, (project,))


@contextmanager
def _installed(root: Path, account: str, project: str, slurm: SmallSlurm) -> Iterator[Unprivileged]:
    """What operators do as root, and all else the hub's account's own."""
    (audit,) = free_ports(1)
    made = make_platform(root / "home", [], SETTINGS.format(host=slurm.host_address, audit=audit))
    user, home = f"of-{project}", made.site.root
    for other in PERMITS:  # whose accounts other runs of tests may have
        close(made.site, other)
    amend(made.site, project, (f"{user}:researcher",))
    made.give_password(user)
    add_data(made.site, project)
    places.authority(made.site)  # which the tests read, too
    own = pwd.getpwnam(account)
    try:
        subprocess.run(
            [str(Path(sys.executable).with_name("sundbench")), "hub", "accounts", "--set-up"],
            env=made.environment | {"SUNDBENCH_USER": "sofie"}, check=True,
        )  # fmt: skip
        for path in (home, *home.rglob("*")):
            if path.lstat().st_uid == 0 and path.name != "accounts.json":
                group = -1 if path.is_relative_to(made.site.extracts) else own.pw_gid
                os.chown(path, own.pw_uid, group, follow_symlinks=False)
        for folder, file, text in (
            # An operator's mistake, which must open nothing, stands beside the rule.
            ("sudoers", "sundbench", f"Defaults env_keep += SLURM_CONF\n{rule(account, home)}"),
            ("slurm", "slurm.conf", (slurm.folder / "slurm.conf").read_text()),
        ):
            (root / folder).mkdir()
            (root / folder / file).write_text(text)
        view = (
            *("unshare", "--mount", sys.executable, str(Path(__file__).with_name("as_account.py"))),
            *(account, str(root / "sudoers"), str(root / "slurm")),
        )
        given = {name: text for name, text in made.environment.items() if name != "SLURM_CONF"}
        given["HOME"] = str(made.site.hub)
        yield Unprivileged(
            made.site, made.url, made.passwords, given, made.command, account=account, view=view
        )
    finally:
        remove(accounts.name_of(project))
