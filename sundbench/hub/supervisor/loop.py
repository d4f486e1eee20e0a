"""The supervisor's loop: start what is due, notice what has died, leave word of what runs."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sundbench.errors import HubError
from sundbench.governance.audit.actions import Action
from sundbench.hub.runtime import prepare, private
from sundbench.hub.settings import read
from sundbench.hub.supervisor import notes, table, winding_down
from sundbench.hub.supervisor.programs import Program, programs
from sundbench.hub.supervisor.table import Process
from sundbench.site import Site

LOCK = "supervisor.lock"
"""In the hub's folder; held by who starts, stops or changes an installation's hub."""
_LONGEST_WAIT = 60.0
_STEADY = 60.0
"""Seconds after which a process counts as up for good: its next death is the first again."""
_HOPELESS = 3
"""Deaths of one process, before everything was up once, after which the start is given up."""
_BEAT = 0.3

log = logging.getLogger(__name__)


@dataclass
class Child:
    """One program, and the process that runs it now.

    Attributes:
        program: what to start.
        process: None while it waits for its next start.
        since: when the process was started, by the clock that only rises.
        deaths: in a row, without a steady time between.
        restarts: since the supervisor began.
        due: when it is started again.
    """

    program: Program
    process: Process | None = None
    since: float = 0.0
    deaths: int = 0
    restarts: int = 0
    due: float = 0.0
    handle: subprocess.Popen[bytes] | None = field(default=None, repr=False)


def wait_after(deaths: int) -> float:
    """Seconds to wait after so many deaths in a row: none, then 1, 2, 4, ... at most a minute."""
    return 0.0 if deaths <= 1 else min(_LONGEST_WAIT, 2.0 ** (deaths - 2))


class Supervisor:
    """Starts an installation's programs and keeps them up until it is told to stop.

    Args:
        site: the installation.
        programs: what to run, in the order of starting; each waits until the one before is ready.
    """

    def __init__(self, site: Site, programs: list[Program]) -> None:
        self.site = site
        self.children = [Child(program) for program in programs]
        self.stopping = threading.Event()
        self.leaving = False
        self.ready = False
        self.taken_over: list[str] = []
        self.since = datetime.now(UTC).isoformat(timespec="seconds")
        self.url = read(site).hub.url

    def run(self) -> None:
        """Work until `stopping` is set, then stop everything.

        Raises:
            HubError: another supervisor is at work, or a program can't be started at all.
        """
        with alone(self.site):
            _become_subreaper()
            log.info("supervisor %s of %s, version %s", os.getpid(), self.site.root, version("sundbench"))
            self._take_over()
            try:
                with _kept(prepare(self.site)):
                    self._note()
                    while not self.stopping.is_set():
                        self._beat()
                        self.stopping.wait(_BEAT)
            finally:
                log.info("stopping")
                winding_down.wind_down(self.site, log.info, servers=not self.leaving)
                log.info("stopped")

    def leave(self) -> None:
        """Stop as `run` does, but for the project servers: the next hub goes on with them."""
        self.leaving = True
        self.stopping.set()

    def _take_over(self) -> None:
        """Go on with what a killed supervisor left, if it is what this one would start; end the rest."""
        left = notes.read(self.site)
        if left is None:
            return
        for child in self.children:
            found = left.running(child.program.name)
            if found is None:
                continue
            if left.version == version("sundbench") and child.program.ready():
                child.process, child.since = found, time.monotonic()
                self.taken_over.append(child.program.name)
                log.info("%s: took over process %d", child.program.name, found.pid)
            else:
                log.info("%s: ending process %d, left by another", child.program.name, found.pid)
                table.end([found], grace=20)

    def _beat(self) -> None:
        ended = table.reap()
        for child in self.children:
            self._bury(child, ended)
        for child in self.children:
            if child.process is None and time.monotonic() >= child.due:
                self._start(child)
                self._note()
            if child.process is None or not (self.ready or child.program.ready()):
                return  # the next one needs it
        if not self.ready:
            self.ready = True
            log.info("ready: %s", self.url)
            about = {"version": version("sundbench"), "taken_over": self.taken_over}
            winding_down.record(self.site, Action.HUB_START, log.warning, **about)
            self._note()

    def _start(self, child: Child) -> None:
        program = child.program
        try:
            child.handle = program.start()
        except OSError as error:  # a full disk, or no process to be had: it may pass
            self._count_death(child, f"can't be started: {error.strerror}")
            return
        child.process, child.since = Process.of(child.handle.pid), time.monotonic()
        log.info("%s: started, process %d", program.name, child.handle.pid)
        if child.process is None:  # ended before it could be looked at: buried with its status
            child.process = Process(child.handle.pid, 0, "")

    def _bury(self, child: Child, ended: dict[int, int]) -> None:
        if child.process is None or child.process.alive:
            return
        pid, how = child.process.pid, "ended"
        if child.handle is not None:
            if pid not in ended:
                return  # at the next beat its status is known
            child.handle.returncode = os.waitstatus_to_exitcode(ended[pid])
            how = _how(child.handle.returncode)
        if time.monotonic() - child.since >= _STEADY:
            child.deaths = 0
        child.process, child.handle = None, None
        child.restarts += 1
        self._count_death(child, f"process {pid} {how}")
        self._note()

    def _count_death(self, child: Child, what: str) -> None:
        child.deaths += 1
        wait = wait_after(child.deaths)
        child.due = time.monotonic() + wait
        name = child.program.name
        log.error("%s: %s; starting it again%s", name, what, f" in {wait:.0f} s" if wait else "")
        if not self.ready and child.deaths >= _HOPELESS:
            raise HubError(f"{name}: {what}, {child.deaths} times while starting: see {child.program.log}")

    def _note(self) -> None:
        own = Process.of(os.getpid())
        assert own is not None  # noqa: S101 - it runs this
        left = notes.Notes(
            version=version("sundbench"),
            supervisor=own,
            since=self.since,
            ready=self.ready,
            url=self.url,
            programs={
                child.program.name: notes.ProgramNote(process=child.process, restarts=child.restarts)
                for child in self.children
            },
        )
        try:
            notes.write(self.site, left)
        except OSError as error:  # a full disk must not end what keeps the rest up
            log.error("notes of what runs can't be written: %s", error.strerror)  # noqa: TRY400


@contextmanager
def alone(site: Site) -> Iterator[None]:
    """Be the only one who starts or stops an installation's processes.

    Raises:
        HubError: another is at work.
    """
    lock = os.open(private(site.hub) / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise HubError(
            f"{site.root}: its hub is up already, or its databases are being upgraded: sundbench hub status "
            "says which"
        ) from None
    finally:
        os.close(lock)


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Keep cleaners of /tmp away: they leave alone what is locked (systemd-tmpfiles(8))."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_SH)
        yield
    finally:
        os.close(held)


def _become_subreaper() -> None:
    """Let what outlives its parent become this process's child, so that its end is noticed and cleared."""
    set_child_subreaper = 36  # prctl(2)
    ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def supervise(site: Site) -> None:
    """Supervise an installation until SIGTERM or SIGINT, or SIGUSR1, which leaves project servers at work.

    Raises:
        HubError: another supervisor is at work, the settings are wrong, or a program can't be started.
    """
    supervisor = Supervisor(site, programs(site))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    signal.signal(signal.SIGUSR1, lambda *_: supervisor.leave())
    supervisor.run()
