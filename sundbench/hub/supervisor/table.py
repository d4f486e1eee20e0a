"""Processes by who they are: a number alone may be another process's by now."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sundbench.site import Site

MARK = "SUNDBENCH_HUB_OF"
"""Environment variable of whatever the supervisor starts: the installation's folder."""

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process of this machine.

    Attributes:
        pid: its number.
        started: clock ticks after boot (proc(5), field 22 of ``stat``).
        boot: which boot.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has a number now; None where none has, or only its exit status is left."""
        fields = _stat(pid)
        return None if fields is None else cls(pid, int(fields[19]), _boot())

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return Process.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def end(processes: Iterable[Process], grace: float) -> list[Process]:
    """Ask processes to end, wait, and kill those that don't.

    Args:
        processes: all are asked before any is waited for.
        grace: seconds that they have in all.

    Returns:
        Those that had to be killed.
    """
    asked = [one for one in processes if one.alive]
    for one in asked:
        one.send(signal.SIGTERM)
    await_end(asked, grace)
    stubborn = [one for one in asked if one.alive]
    for one in stubborn:
        one.send(signal.SIGKILL)
    await_end(stubborn, 5)
    return stubborn


def await_end(processes: Iterable[Process], seconds: float) -> bool:
    """Wait until processes have ended, at most so long; say whether they have."""
    left = list(processes)
    until = time.monotonic() + seconds
    while left := [one for one in left if one.alive]:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def reap() -> dict[int, int]:
    """Take leave of children that have ended, adopted ones too: pid to wait status."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def jobs(site: Site) -> list[Process]:
    """The jobs of project servers (`sundbench.hub.job`), whichever hub started them."""
    below = f"{site.runtime}/"
    return [
        process
        for process in _own()
        if "sundbench.hub.job" in (words := _words(process.pid, "cmdline"))
        and any(word.startswith(below) for word in words)
    ]


def strays(site: Site) -> list[Process]:
    """Everything that a supervisor of this installation started, and what that started in its turn."""
    mark = f"{MARK}={site.root}"
    return [one for one in _own() if one.pid != os.getpid() and mark in _words(one.pid, "environ")]


def _own() -> Iterator[Process]:
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            own = folder.stat().st_uid == os.getuid()
        except OSError:
            continue
        if own and (process := Process.of(int(folder.name))) is not None:
            yield process


def _words(pid: int, what: str) -> list[str]:
    try:
        return (_PROC / str(pid) / what).read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _stat(pid: int) -> list[str] | None:
    """The fields after the command's name, or None for a process that isn't there or has ended."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
