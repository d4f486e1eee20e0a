"""Sites with audit logs, and real writers as processes of their own."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sundbench.governance.audit.client import Client
from sundbench.governance.audit.log import Log
from sundbench.governance.audit.places import authority, digest, socket_path
from sundbench.governance.audit.record import Entry
from sundbench.site import Site

SECRET = "the secret of anna's server, thirty and more letters"


class Running:
    """A writer that runs, and the hub's client of it."""

    def __init__(self, site: Site, process: "subprocess.Popen[str]") -> None:
        self.site = site
        self.process = process
        self.hub = Client(socket_path(site), authority(site), timeout=60)

    def client(self, secret: str = SECRET) -> Client:
        return Client(socket_path(self.site), secret, timeout=60)

    def register(self, secret: str = SECRET, actions: tuple[str, ...] = ("execute",)) -> Client:
        self.hub.register(digest(secret), "anna", "lung", "e" * 64, actions)
        return self.client(secret)

    def stop(self) -> int:
        self.hub.close()
        self.process.terminate()
        return self.process.wait(20)

    def kill(self) -> None:
        self.hub.close()
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder for sockets: pytest's own are too long for them."""
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        monkeypatch.setenv("SUNDBENCH_RUNTIME", folder)
        yield Path(folder)


@pytest.fixture
def site(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv("SUNDBENCH_ANCHORS", raising=False)
    monkeypatch.delenv("SUNDBENCH_DATABASE", raising=False)
    return Site.from_environment(tmp_path / "home")


@pytest.fixture
def log(site: Site) -> Iterator[Log]:
    with Log(site) as log:
        yield log


@pytest.fixture
def filled(site: Site) -> Site:
    """A site whose log holds 30 records in three segments, anchored after each ten, and closed."""
    for _ in range(3):
        with Log(site, segment_bytes=2000) as log:
            for number in range(10 if log.sequence > 1 else 9):
                log.append([execute(f"x = {number}")])
    return site


def execute(code: str, actor: str = "anna", permit: str = "lung") -> Entry:
    return Entry(actor, "execute", "kernel-1", {"code": code}, permit, "e" * 64)


@pytest.fixture
def start(site: Site) -> Iterator[Callable[..., Running]]:
    """Starts a writer, and waits until it listens; what still runs at the end is killed."""
    started: list[Running] = []

    def start(*options: str) -> Running:
        process = subprocess.Popen(
            [sys.executable, "-m", "sundbench.governance.audit.writer", "--home", str(site.root), *options],
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(site, process)
        started.append(running)
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            try:
                running.hub.state()
            except Exception:
                time.sleep(0.02)
            else:
                break
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.kill()
        assert running.process.stderr is not None
        running.process.stderr.close()


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start()


@contextmanager
def edited(path: Path) -> Iterator[list[bytes]]:
    """A file's lines, to be changed in place."""
    lines = path.read_bytes().splitlines(keepends=True)
    yield lines
    path.write_bytes(b"".join(lines))
