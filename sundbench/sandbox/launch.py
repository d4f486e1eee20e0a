"""Start a program in a sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import FileIO
from math import ceil
from pathlib import Path
from typing import IO, TypeVar

from sundbench.errors import SandboxError
from sundbench.sandbox import cgroups, quota, seccomp, usage, watch
from sundbench.sandbox.command import command, places
from sundbench.sandbox.enforcement import enforcement
from sundbench.sandbox.ownership import hand_over
from sundbench.sandbox.policy import Limits, Policy
from sundbench.sandbox.program import bubblewrap
from sundbench.sandbox.sandboxed import Sandboxed

Stream = int | IO[bytes] | None
_T = TypeVar("_T")

_EXPENDABLE = 800  # oom_score_adj: a machine out of memory ends sandboxes before the programs that serve them

_OVERDRAFT = 4 * 2**30  # bytes over a soft limit on disk with which a sandbox may still start
_PATIENCE = 30.0  # seconds that bubblewrap has to make a sandbox
_GATE = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "gate")
"""In front of the program, inside: waits for a line on standard input, and gives up when nobody can write it.

Bubblewrap's first process asks for its end with its parent only after it has started the program. Were the
starter killed before that, the program would run on without it.
"""
_GUARD = ("/bin/sh", "-c", "read -r made || kill -9 0")
"""Leads bubblewrap's process group while a sandbox is made, and ends it when nobody is left to say "made".

Bubblewrap asks for its end with its starter before it gives its first process the word to go on, and that one
waits for nothing else. Killed in between, bubblewrap would leave a process that waits for ever.
"""

_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandboxes")
# bubblewrap's --die-with-parent follows the thread that started it: this one lives as long as the process.


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

    Any thread may call it. As root, the folders that the sandbox writes to are handed over to the account
    that its program runs under (``ownership.hand_over``).

    Args:
        policy: what the sandbox may see.
        argv: the program, by its path inside or this Python's, and its arguments.
        mounts: the host's folder for each name that the policy has.
        environment: variables beside the policy's.
        limits: instead of the policy's.
        pass_fds: open descriptors that the program inherits under the same numbers; no others.
        stdout: as for ``subprocess.Popen``. Standard input is empty.
        stderr: as ``stdout``.
        name: to name the sandbox in messages.

    Returns:
        The running sandbox.

    Raises:
        SandboxError: when it can't be made.
    """
    limits = limits or policy.limits
    where = places(policy, mounts)
    group = _group(limits)
    try:
        folders = {at: (folder, most) for mount, folder, at in where if (most := mount.most(limits))}
        for mount, folder, _ in where:
            if mount.write or folder.is_socket():
                hand_over(folder)
        watched = {at: one for at, one in folders.items() if not quota.hold(*one)}
        held = [folder for at, (folder, _) in folders.items() if at not in watched]
        version, controllers = (group.version, group.controllers) if group else (None, frozenset[str]())
        holding = enforcement(version, controllers, [folder for folder, _ in folders.values()], held)
        arguments = command(
            policy, argv, mounts=mounts, environment=environment, limits=limits, holding=holding
        )
        allowed = {
            at: (folder, _allowed(folder, most, f"{name}: {at}")) for at, (folder, most) in watched.items()
        }
        streams = (stdout, stderr)
        process, init = _launcher.submit(
            _run, arguments, list(pass_fds), streams, name=name, limits=limits, group=group
        ).result()
    except BaseException:
        if group:
            group.remove()
        raise
    sandboxed = Sandboxed(
        process, init, name=name, limits=limits, enforcement=holding, group=group, watched=allowed
    )
    watch.watch(sandboxed.look)
    return sandboxed


def _allowed(folder: Path, most: int, what: str) -> int:
    """Bytes that a watched folder may hold. What was there may stay: who is over must be able to delete.

    Raises:
        SandboxError: it is far over. Each start lets a fast writer in for a moment; these must not add up.
    """
    held = usage.disk(folder)
    if held > most + max(most, _OVERDRAFT):
        raise SandboxError(
            f"{what} holds {held:,} bytes of at most {most:,}: have the operator make room there"
        )
    return max(most, held)


def _group(limits: Limits) -> cgroups.Group | None:
    """A control group with the limits, where there can be one."""
    try:
        tree = cgroups.tree()
        return tree.make(limits) if tree else None
    except OSError:  # it looked possible and is refused: what enforcement says then is soft
        return None


def _run(
    arguments: list[str],
    pass_fds: list[int],
    streams: tuple[Stream, Stream],
    *,
    name: str,
    limits: Limits,
    group: cgroups.Group | None,
) -> tuple[subprocess.Popen[bytes], int]:
    """Start bubblewrap; let the program go when it stands under its limits, and will end with this process.

    Returns:
        Bubblewrap, and the id of the first process inside.
    """
    split = arguments.index("--")
    with ExitStack() as stack:
        # No pipe: bubblewrap would die of SIGPIPE half-way, leaving a process behind, if its starter had.
        status = _memory_file(stack)
        block_end, block = _pipe(stack)
        gate_end, gate = _pipe(stack)
        # Not on the command line: every process of the host can read that.
        script = _memory_file(stack, b"".join(argument.encode() + b"\0" for argument in arguments[:split]))
        filtering = _memory_file(stack, seccomp.program())
        descriptors = [
            "--json-status-fd",
            str(status),
            "--block-fd",
            str(block_end.fileno()),
            "--seccomp",
            str(filtering),
        ]
        program = ["--", *_GATE, *arguments[split + 1 :]]
        try:
            group_id = stack.enter_context(_guarded())
            process = subprocess.Popen(  # noqa: S603 - that is what it is for
                [bubblewrap(), *descriptors, "--args", str(script), *program],
                stdin=gate_end,
                stdout=streams[0],
                stderr=streams[1],
                env={},
                pass_fds=[status, block_end.fileno(), script, filtering, *pass_fds],
                process_group=group_id,
            )
        except OSError as error:
            raise SandboxError(f"{name}: can't start bubblewrap: {error.strerror}") from error
        init = None
        try:
            init = _first_process(status, process, name)
            _subject(init, limits, group)
            block.write(b".")
            _await_bond(init, process, name)
            gate.write(b"go\n")
        except BaseException:
            if init is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(init, signal.SIGKILL)
            process.kill()
            process.wait()
            raise
        return process, init


@contextlib.contextmanager
def _guarded() -> Iterator[int]:
    """Have a process group ended, should this process end, or fail, before the block does.

    Yields:
        The group's id.
    """
    with ExitStack() as stack:
        end, word = _pipe(stack)
        guard = subprocess.Popen(  # noqa: S603 - a constant
            _GUARD, stdin=end, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={}, process_group=0
        )
        try:
            yield guard.pid
            with contextlib.suppress(BrokenPipeError):  # somebody ended the guard; it has done its work
                word.write(b"made\n")
        finally:
            word.close()
            guard.wait()


def _subject(init: int, limits: Limits, group: cgroups.Group | None) -> None:
    """Put the sandbox's first process, and with it all that follow, under what the kernel can hold."""
    try:
        if group:
            group.join(init)
    except OSError as error:
        raise SandboxError(f"control group: {error.filename}: {error.strerror}") from error
    with contextlib.suppress(OSError):
        Path(f"/proc/{init}/oom_score_adj").write_text(str(_EXPENDABLE))
    if group is None or "cpu" not in group.controllers:
        with contextlib.suppress(OSError):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(init, random.sample(cores, min(len(cores), ceil(limits.cores))))


def _first_process(status: int, process: subprocess.Popen[bytes], name: str) -> int:
    """Read the first process's id from bubblewrap's status."""

    def said() -> int | None:
        text = os.pread(status, 4096, 0)
        return int(json.loads(text.splitlines()[0])["child-pid"]) if b"\n" in text else None

    return _await(said, process, name)


def _await_bond(init: int, process: subprocess.Popen[bytes], name: str) -> None:
    """Wait until the first process ends with its parent: it asks for that just before it loads its filter."""

    def bound() -> bool | None:
        with contextlib.suppress(OSError):
            return b"\nSeccomp:\t2\n" in Path(f"/proc/{init}/status").read_bytes() or None
        return None

    _await(bound, process, name)


def _await(look: Callable[[], _T | None], process: subprocess.Popen[bytes], name: str) -> _T:
    until = time.monotonic() + _PATIENCE
    while (seen := look()) is None:
        code = process.poll()
        if code is not None:
            raise SandboxError(
                f"{name}: bubblewrap could not make the sandbox (exit code {code}); it says why in its log"
            )
        if time.monotonic() > until:
            raise SandboxError(f"{name}: bubblewrap made no sandbox in {_PATIENCE:g} s")
        time.sleep(0.001)
    return seen


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return stack.enter_context(FileIO(read, "r")), stack.enter_context(FileIO(write, "w"))


def _memory_file(stack: ExitStack, content: bytes = b"") -> int:
    file = os.memfd_create("sandbox")
    stack.callback(os.close, file)
    os.write(file, content)
    os.lseek(file, 0, os.SEEK_SET)
    return file
