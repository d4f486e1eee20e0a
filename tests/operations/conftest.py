"""A cluster made from nothing as docs/operators.md says, for all that an operator does with it afterwards."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hub.installation import Visitor, eventually, permit_text
from tests.operations.machine import Machine, missing, running

HERE = Path(__file__).parent
PROJECT = "lung-cancer"
_NETWORK = 0x40000000  # CLONE_NEWNET
_ENVIRONMENT = """
export PATH=/usr/local/bin:/usr/local/sbin:$PATH SUNDBENCH_USER=ida
set -a; . /etc/sundbench/environment; set +a
as_hub() { runuser -u sundbench -- "$@"; }
"""


def steps(page: str, section: str) -> str:
    """The shell lines of a section of the operators' page."""
    (text,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    return "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@dataclass(frozen=True)
class Installation:
    """The installation.

    Attributes:
        machine: on which all of it runs, nodes in namespaces of their own.
        page: docs/operators.md.
        said: what the page's commands printed.
    """

    machine: Machine
    page: str
    said: str

    def run(self, script: str, **more: bool) -> str:
        """Run an operator's commands; what they print."""
        return self.machine.run(_ENVIRONMENT + script, **more).stdout

    def follow(self, section: str, *, but: str | None = None) -> str:
        """Run all lines of one of the page's sections, but for those in which a pattern is found."""
        lines = [
            line for line in steps(self.page, section).splitlines() if but is None or not re.search(but, line)
        ]
        return self.run("cd /var/tmp/site\n" + "\n".join(lines))

    def put(self, file: Path, path: str) -> None:
        """Bring a file to the machine."""
        shutil.copy(file, self.machine.seen(path))

    def log_in(self, user: str) -> Visitor:
        """Somebody in a browser of the hub's machine."""
        (password,) = re.findall(rf"^{user}: (\S+)$", self.said, re.MULTILINE)
        visitor = Visitor("https://hub.example.dk/")
        eventually(lambda: visitor.log_in(user, password).ok)
        return visitor

    def await_hub(self) -> None:
        """Wait until it answers."""
        eventually(
            lambda: self.run("as_hub sundbench hub status >/dev/null && echo up || true") == "up\n", 90
        )


@pytest.fixture(scope="session")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """What a register holder sends; still being written, beside what else there is to do."""
    folder = tmp_path_factory.mktemp("sent")
    program = Path(sys.executable).with_name("sundbench")
    command = [
        program,
        "synthesize",
        "--persons",
        "60",
        "--years",
        "2020-2020",
        "--workers",
        "1",
        folder / "delivery",
    ]
    made = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made.folder = folder  # type: ignore[attr-defined]
    yield made
    made.wait()


@pytest.fixture(scope="session")
def installation(
    repository: Path, sandboxes: None, delivery: subprocess.Popen[bytes]
) -> Iterator[Installation]:
    """Follow docs/operators.md from an empty machine on."""
    if lacking := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
    page = (repository / "docs" / "operators.md").read_text(encoding="utf-8")
    with running(Path(sys.prefix), HERE) as machine, _inside(machine):
        site = machine.seen("/var/tmp/site")
        site.mkdir()
        pack(repository, site / "sundbench-0.2.0.tar.gz")
        (site / f"{PROJECT}.toml").write_text(permit_text(PROJECT, ("rikke:researcher",)))
        machine.run("bash /machine/operations/site.sh")
        assert delivery.wait() == 0
        subprocess.run(["cp", "-r", delivery.folder / "delivery", machine.seen("/mnt/delivery")], check=True)  # type: ignore[attr-defined]
        machine.run("bash /machine/operations/slurm.sh")
        lines = steps(page, "A cluster from nothing")
        done = machine.run(
            f"cd /var/tmp/site; export PATH=/usr/local/bin:/usr/local/sbin:$PATH; {lines}", seconds=280
        )
        made = Installation(machine, page, done.stdout)
        made.await_hub()
        yield made


def pack(tree: Path, to: Path) -> None:
    """Make a version's archive of a tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ":!tests", ":!benchmarks"],
        cwd=tree, check=True, capture_output=True,
    ).stdout  # fmt: skip
    subprocess.run(["tar", "-czf", to, "--null", "-T", "-"], cwd=tree, input=listed, check=True)


@contextmanager
def _inside(machine: Machine) -> Iterator[None]:
    """Let this thread's connections begin in the machine's network, and find its names."""
    own, there = (os.open(f"/proc/{which}/ns/net", os.O_RDONLY) for which in ("thread-self", machine.first))
    enter: Callable[[int], int] = lambda where: ctypes.CDLL(None, use_errno=True).setns(where, _NETWORK)  # noqa: E731
    found = socket.getaddrinfo
    bundle = str(machine.seen("/etc/sundbench/authority.pem"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            socket, "getaddrinfo",
            lambda host, *more, **named: found(
                "127.0.0.1" if host == "hub.example.dk" else host, *more, **named
            ),
        )  # fmt: skip
        for name in ("REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE"):
            patched.setenv(name, bundle)
        assert enter(there) == 0, "root may enter a network"
        try:
            yield
        finally:
            enter(own)
            os.close(own)
            os.close(there)
