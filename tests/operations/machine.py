"""A machine within this one, whose first process is a real systemd: for what operators do as root.

It has its own processes, network, host name, accounts and files: all of this machine's are seen, and what is
changed is gone with it. So units are started by systemd and not imitated.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BOOT = Path(__file__).with_name("boot.sh")
# It goes with whoever made it, however that ends.
APART = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net"),
    *("--fork", "--kill-child"),
)
_SHELL = ("/bin/bash", "-euo", "pipefail", "-c")
_IN_GROUP = ("sh", "-ec", 'echo 0 > "$0/cgroup.procs"; exec "$@"')
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def missing() -> str | None:
    """What stands in the way of such a machine here; None if nothing."""
    if os.geteuid() != 0:
        return "a machine within this one is made by root"
    if not Path("/lib/systemd/systemd").exists():
        return "no systemd: install Debian's package systemd (make system)"
    return None


@dataclass(frozen=True)
class Machine:
    """A machine that runs.

    Attributes:
        first: its systemd, as this machine numbers it.
    """

    first: int

    def run(
        self, script: str, *, check: bool = True, seconds: float = 280, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell's script there, as root; a failure shows what it said."""
        done = subprocess.run(
            [*("nsenter", f"--target={self.first}", "--all", "--wdns=/"), *_SHELL, script],
            env={"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "SYSTEMD_PAGER": "", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done

    def seen(self, path: str) -> Path:
        """One of its files, from outside."""
        return Path(f"/proc/{self.first}/root") / path.lstrip("/")


@contextmanager
def running(*shown: Path) -> Iterator[Machine]:
    """Boot a machine; nothing of it is left afterwards.

    Args:
        shown: folders that it finds below ``/machine``, by their names.
    """
    folder = Path(tempfile.mkdtemp(prefix="sb-machine-"))
    with _group() as group, (folder.parent / f"{folder.name}.log").open("wb") as log:
        outer = subprocess.Popen(
            [*_IN_GROUP, str(group), *APART, "sh", str(BOOT), str(folder), *map(str, shown)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            made = Machine(_await(outer))
            yield made
        finally:
            outer.kill()
            outer.wait()
            folder.rmdir()
            Path(log.name).unlink()


def _await(outer: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until and outer.poll() is None:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
            made = Machine(int(children[0]))
            if made.run("systemctl is-system-running", check=False).stdout.strip() == "running":
                return made.first
        time.sleep(0.1)
    raise AssertionError("systemd doesn't come up as the first process of a machine of its own")


@contextmanager
def _group() -> Iterator[Path]:
    """A control group for it (version 2), so that its systemd makes its own in there and not beside."""
    with tempfile.TemporaryDirectory(prefix="sb-groups-") as folder:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", folder], check=True)
        group = Path(folder) / f"sb-machine-{secrets.token_hex(4)}"
        try:
            group.mkdir()
            yield group
        finally:
            until = time.monotonic() + 20
            while group.exists() and time.monotonic() < until:
                for below in sorted(group.rglob("*/"), reverse=True):
                    with suppress(OSError):
                        below.rmdir()
                with suppress(OSError):
                    group.rmdir()
                time.sleep(0.05)
            subprocess.run(["umount", folder], check=True)
