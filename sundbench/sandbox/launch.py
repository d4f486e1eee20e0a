"""Start a program in a sandbox, and end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal as signals
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from sundbench.errors import SandboxError
from sundbench.sandbox.command import command
from sundbench.sandbox.enforcement import Enforcement, available
from sundbench.sandbox.policy import Limits, Policy
from sundbench.sandbox.program import bubblewrap

Stream = int | IO[bytes] | None

_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandboxes")
# bubblewrap's --die-with-parent follows the thread that started it: this one lives as long as the process.


class Sandboxed:
    """A program in a sandbox.

    Attributes:
        name: what the starter calls it.
        pid: of bubblewrap, outside.
        enforcement: what holds its limits.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], init: int, status: int, name: str, enforcement: Enforcement
    ) -> None:
        self._process = process
        self._status = status  # bubblewrap dies of SIGPIPE when nobody can read it
        self._init = init
        self._why: str | None = None
        self.name = name
        self.pid = process.pid
        self.enforcement = enforcement

    @property
    def child_pid(self) -> int | None:
        """The program's process id outside, or None before it has started and after it has ended."""
        return _program(self._init)

    def poll(self) -> int | None:
        """The exit code, as a shell has it (128 + n for signal n); None while the program runs."""
        return self._process.poll()

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
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} still runs after {timeout} s") from error

    def signal(self, signum: int) -> None:
        """Send a signal to the program itself; nothing when it has ended."""
        if (pid := self.child_pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def terminate(self) -> None:
        """Ask the program to end."""
        if self.poll() is None:
            self._why = self._why or "stopped"
            self.signal(signals.SIGTERM)

    def kill(self) -> None:
        """End the program and every process that it started."""
        if self.poll() is None:
            self._why = self._why or "stopped"
            # The end of a pid namespace's first process ends all of them.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signals.SIGKILL)
        self._process.wait()

    @property
    def ending(self) -> str | None:
        """Why the program ended, in words; None while it runs."""
        code = self.poll()
        if code is None:
            return None
        return self._why or ("ended by itself" if code == 0 else f"ended with exit code {code}")


def start(
    policy: Policy,
    argv: Sequence[str],
    *,
    mounts: Mapping[str, Path],
    environment: Mapping[str, str],
    limits: Limits | None = None,
    pass_fds: Sequence[int] = (),
    stdout: Stream = None,
    stderr: Stream = None,
    name: str,
) -> Sandboxed:
    """Start a program in a sandbox of its own. It ends when this process does.

    Args:
        policy: what the sandbox may see.
        argv: the program and its arguments, by its path inside.
        mounts: the host's folder for each name that the policy has.
        environment: variables beside the policy's.
        limits: instead of the policy's.
        pass_fds: open descriptors that the program inherits under the same numbers; no others.
        stdout: as for ``subprocess.Popen``. Standard input is empty.
        stderr: as ``stdout``.
        name: to name the sandbox in messages and the names of its control groups.

    Returns:
        The running sandbox.

    Raises:
        SandboxError: when it can't be made.
    """
    arguments = command(policy, argv, mounts=mounts, environment=environment, limits=limits)
    return _launcher.submit(_start, arguments, list(pass_fds), stdout, stderr, name).result()


def _start(arguments: list[str], pass_fds: list[int], stdout: Stream, stderr: Stream, name: str) -> Sandboxed:
    status_read, status_write = os.pipe()
    script = os.memfd_create("bubblewrap-arguments")
    try:
        # Not on the command line: every process of the host can read that.
        split = arguments.index("--")
        os.write(script, b"".join(a.encode() + b"\0" for a in arguments[:split]))
        os.lseek(script, 0, os.SEEK_SET)
        process = subprocess.Popen(  # noqa: S603 - that is what it is for
            [bubblewrap(), "--json-status-fd", str(status_write), "--args", str(script), *arguments[split:]],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={},
            pass_fds=[status_write, script, *pass_fds],
        )
        os.close(status_write)
        status_write = -1
        first = os.read(status_read, 4096)
        if not first:
            raise SandboxError(f"{name}: bubblewrap could not make the sandbox (exit code {process.wait()})")
        init = int(json.loads(first.splitlines()[0])["child-pid"])
        return Sandboxed(process, init, os.dup(status_read), name, available())
    finally:
        os.close(script)
        os.close(status_read)
        if status_write >= 0:
            os.close(status_write)


def _program(init: int) -> int | None:
    """The second process of the namespace, which bubblewrap's first one started: the program."""
    try:
        children = Path(f"/proc/{init}/task/{init}/children").read_text().split()
    except OSError:
        return None
    for pid in children:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("NSpid:") and line.split()[-1] == "2":
                    return int(pid)
    return None
