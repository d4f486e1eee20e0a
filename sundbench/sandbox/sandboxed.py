"""A program that runs in a sandbox: its signals, its limits, its end."""

from __future__ import annotations

import contextlib
import os
import signal as signals
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from sundbench.sandbox import usage
from sundbench.sandbox.cgroups import Group
from sundbench.sandbox.enforcement import Enforcement
from sundbench.sandbox.policy import Limits

_DISK_EVERY = 1.0
"""Least seconds between two measurements of folders; ten times as long as one took, if that is more."""


class Sandboxed:
    """A program in a sandbox. ``launch.start`` makes it.

    Attributes:
        name: what the starter calls it.
        pid: of bubblewrap, outside.
        limits: what it may use.
        enforcement: what holds that.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        init: int,
        *,
        name: str,
        limits: Limits,
        enforcement: Enforcement,
        group: Group | None,
        watched: Mapping[str, tuple[Path, int]],
    ) -> None:
        """Hold on to a program that was started.

        Args:
            process: bubblewrap.
            init: the first process in the sandbox, by its id outside.
            name: for messages.
            limits: what it may use.
            enforcement: what holds that.
            group: its control group.
            watched: folders whose size is watched, by their place inside, and what each may hold.
        """
        self.name = name
        self.pid = process.pid
        self.limits = limits
        self.enforcement = enforcement
        self._process = process
        self._init = init
        self._group = group
        self._watched = watched
        self._measure_at = 0.0
        self._why: str | None = None
        self._ending: str | None = None
        self._lock = threading.Lock()

    @property
    def child_pid(self) -> int | None:
        """The program's process id outside, or None before it has started and after it has ended."""
        # Bubblewrap's first process, which buries orphans, starts the program: number 2 of the namespace.
        for pid in usage.processes(self._init):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == "2":
                        return pid
        return None

    def poll(self) -> int | None:
        """The exit code, as a shell has it (128 + n for signal n); None while the program runs."""
        code = self._process.poll()
        if code is not None:
            self._tidy(code)
        return code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Args:
            timeout: seconds; None for ever.

        Returns:
            The exit code.

        Raises:
            TimeoutError: when the program still runs after that.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} still runs after {timeout} s") from error
        self._tidy(code)
        return code

    def signal(self, signum: int) -> None:
        """Send a signal to the program itself; nothing when it has ended."""
        if self._process.poll() is None and (pid := self.child_pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def terminate(self) -> None:
        """Ask the program to end."""
        if self._process.poll() is None:
            self._why = self._why or "stopped"
            self.signal(signals.SIGTERM)

    def kill(self) -> None:
        """End the program and every process that it started, and wait for that."""
        self._end("stopped")
        self.wait()

    @property
    def ending(self) -> str | None:
        """Why the program ended, in words; None while it runs."""
        self.poll()
        return self._ending

    def look(self) -> bool:
        """End the program if it is over a limit that the kernel doesn't hold.

        Returns:
            Whether it still runs.
        """
        if self.poll() is not None:
            return False
        pids: list[int] | None = None
        if self._group is None:
            pids = usage.processes(self._init)
            held = usage.memory(pids, self.limits.memory)
            if len(pids) > 1:  # before, the first process still sees the host's folders
                held += usage.empty_files(self._init)
            if held > self.limits.memory:
                self._end(f"out of memory: it held {_size(held)} of at most {_size(self.limits.memory)}")
        if self.limits.cpu_seconds is not None:
            used = self._group.cpu_seconds() if self._group else None
            if used is None:
                pids = usage.processes(self._init) if pids is None else pids
                used = usage.cpu_seconds(pids)
            if used > self.limits.cpu_seconds:
                self._end(f"out of processor time: it used more than {self.limits.cpu_seconds} s")
        if self._watched and time.monotonic() > self._measure_at:
            self._measure(usage.processes(self._init) if pids is None else pids)
        return True

    def _measure(self, pids: list[int]) -> None:
        began = time.monotonic()
        for place, (folder, allowed) in self._watched.items():
            with contextlib.suppress(OSError):
                held = usage.disk(folder) + usage.deleted(place, pids)
                if held > allowed:
                    self._end(f"out of disk: {place} held {_size(held)} of at most {_size(allowed)}")
        took = time.monotonic() - began
        self._measure_at = time.monotonic() + max(_DISK_EVERY, 10 * took)

    def _end(self, why: str) -> None:
        """Kill, and remember the first reason."""
        if self._process.poll() is None:
            self._why = self._why or why
            # The end of a pid namespace's first process ends all of them.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signals.SIGKILL)

    def _tidy(self, code: int) -> None:
        """Say why it ended, and leave nothing of it: once."""
        with self._lock:
            if self._ending is not None:
                return
            self._ending = self._why or self._reason(code)
            if self._group:
                self._group.remove()

    def _reason(self, code: int) -> str:
        number = code - 128 if code > 128 else -code
        killed = number == signals.SIGKILL
        if killed and self._group and self._group.killed_for_memory():
            return f"out of memory: it asked for more than {_size(self.limits.memory)}"
        if self.limits.cpu_seconds is not None and number == signals.SIGXCPU:
            return f"out of processor time: it used more than {self.limits.cpu_seconds} s"
        if number == signals.SIGXFSZ:
            return f"out of disk: it wrote a file of more than {_size(self.limits.file_size)}"
        how = f"ended with exit code {code}" if code else "ended by itself"
        with contextlib.suppress(ValueError):
            how = f"ended by signal {signals.Signals(number).name}" if number > 0 else how
        if self._group and self._group.killed_for_memory():
            how += f", after it asked for more memory than {_size(self.limits.memory)}"
        if self._group and self._group.refused_processes():
            how += f", after it asked for more processes than {self.limits.processes}"
        return how


def _size(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
