"""Start a program in a sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import FileIO
from math import ceil
from pathlib import Path
from typing import IO

from sundbench.errors import SandboxError
from sundbench.sandbox import cgroups, quota, seccomp, usage, watch
from sundbench.sandbox.command import command, places
from sundbench.sandbox.enforcement import enforcement
from sundbench.sandbox.ownership import hand_over
from sundbench.sandbox.policy import Limits, Policy
from sundbench.sandbox.program import bubblewrap
from sundbench.sandbox.sandboxed import Sandboxed

Stream = int | IO[bytes] | None

_EXPENDABLE = 800  # oom_score_adj: a machine out of memory ends sandboxes before the programs that serve them

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
        folders = {at: folder for mount, folder, at in where if mount.disk}
        for mount, folder, _ in where:
            if mount.write or folder.is_socket():
                hand_over(folder)
        watched = {at: folder for at, folder in folders.items() if not quota.hold(folder, limits.disk)}
        held = [folder for at, folder in folders.items() if at not in watched]
        version, controllers = (group.version, group.controllers) if group else (None, frozenset[str]())
        holding = enforcement(version, controllers, list(folders.values()), held)
        arguments = command(
            policy, argv, mounts=mounts, environment=environment, limits=limits, holding=holding
        )
        # What was there before may stay: who is over the limit must be able to delete.
        allowed = {at: (folder, max(limits.disk, usage.disk(folder))) for at, folder in watched.items()}
        streams = (stdout, stderr)
        process, init, status = _launcher.submit(
            _run, arguments, list(pass_fds), streams, name=name, limits=limits, group=group
        ).result()
    except BaseException:
        if group:
            group.remove()
        raise
    sandboxed = Sandboxed(
        process, init, status, name=name, limits=limits, enforcement=holding, group=group, watched=allowed
    )
    watch.watch(sandboxed.look)
    return sandboxed


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
) -> tuple[subprocess.Popen[bytes], int, int]:
    """Start bubblewrap; let the program go when it stands under its limits.

    Returns:
        Bubblewrap, the id of the first process inside, and the descriptor of bubblewrap's status.
    """
    split = arguments.index("--")
    with ExitStack() as stack:
        status, status_end = _pipe(stack)
        gate_end, gate = _pipe(stack)
        # Not on the command line: every process of the host can read that.
        script = _memory_file(stack, b"".join(argument.encode() + b"\0" for argument in arguments[:split]))
        filtering = _memory_file(stack, seccomp.program())
        descriptors = [
            "--json-status-fd",
            str(status_end.fileno()),
            "--block-fd",
            str(gate_end.fileno()),
            "--seccomp",
            str(filtering),
        ]
        try:
            process = subprocess.Popen(  # noqa: S603 - that is what it is for
                [bubblewrap(), *descriptors, "--args", str(script), *arguments[split:]],
                stdin=subprocess.DEVNULL,
                stdout=streams[0],
                stderr=streams[1],
                env={},
                pass_fds=[status_end.fileno(), gate_end.fileno(), script, filtering, *pass_fds],
            )
        except OSError as error:
            raise SandboxError(f"{name}: can't start bubblewrap: {error.strerror}") from error
        status_end.close()
        gate_end.close()
        try:
            init = _first_process(status, process, name)
            _subject(init, limits, group)
            gate.write(b".")
        except BaseException:
            process.kill()
            process.wait()
            raise
        return process, init, os.dup(status.fileno())


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


def _first_process(status: FileIO, process: subprocess.Popen[bytes], name: str) -> int:
    """Read the first process's id from bubblewrap's status."""
    text = b""
    while b"\n" not in text:
        more = status.read(4096)
        if not more:
            code = process.wait()
            raise SandboxError(
                f"{name}: bubblewrap could not make the sandbox (exit code {code}); it says why in its log"
            )
        text += more
    return int(json.loads(text.splitlines()[0])["child-pid"])


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return stack.enter_context(FileIO(read, "r")), stack.enter_context(FileIO(write, "w"))


def _memory_file(stack: ExitStack, content: bytes) -> int:
    file = os.memfd_create("sandbox")
    stack.callback(os.close, file)
    os.write(file, content)
    os.lseek(file, 0, os.SEEK_SET)
    return file
