"""A project server in its sandbox: what it is told, and what of its words goes into the job's log."""

from __future__ import annotations

import contextlib
import logging
import os
import socket as networking
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from sundbench.hub.assignment import Assignment
from sundbench.hub.server.settings import Settings
from sundbench.sandbox.launch import start
from sundbench.sandbox.pace import Pace
from sundbench.sandbox.policy import read
from sundbench.sandbox.sandboxed import Sandboxed

INSIDE = Path("/run/sundbench")
"""Where the server's sandbox has its sockets, kernelspecs and settings of JupyterLab."""
PROGRAM = (sys.executable, "-I", "-m", "sundbench.hub.server")
"""The server; its one argument is the descriptor that it reads its settings from."""
LOG_BURST, LOG_RATE = 4 * 2**20, 2**10
"""Bytes that a server's log may take at once, and each second: 90 MB a day."""

_LONGEST_LINE = 4096
_CONTROL = dict.fromkeys((*range(9), *range(11, 32), 127), "�")

log = logging.getLogger(__name__)


def begin(assignment: Assignment, policy: Path, mounts: Mapping[str, Path], visitors: Path) -> Sandboxed:
    """Start the server; what it must know and nobody may see goes through a pipe.

    Args:
        assignment: what its job was started with.
        policy: its sandbox's.
        mounts: what that shows it, by the policy's names.
        visitors: the socket at which it is to listen, which isn't there yet.

    Raises:
        SundbenchError: the policy or the sandbox is not as it must be.
    """
    listener = networking.socket(networking.AF_UNIX)
    listener.bind(str(visitors))
    settings = Settings(
        user=assignment.user,
        project=assignment.permit,
        title=assignment.title,
        environment=assignment.environment,
        audit_secret=assignment.audit_secret,
        audit_socket=INSIDE / "audit.sock",
        kernels=INSIDE / "jupyter" / "kernels",
        lab=INSIDE / "lab",
        rules=assignment.rules,
        listener=listener.fileno(),
    )
    reading, writing = os.pipe()
    said, saying = os.pipe()
    threading.Thread(target=_log_of, args=(said,), name="log of the server", daemon=True).start()
    # A pipe holds 64 KiB before it is read, which these are far below; the thread is for the day they aren't.
    threading.Thread(target=_tell, args=(writing, settings.model_dump_json().encode()), daemon=True).start()
    try:
        return start(
            read(policy),
            [*PROGRAM, str(reading)],
            mounts=mounts,
            environment={},
            limits=assignment.server,
            pass_fds=[reading, listener.fileno()],
            # Never the log itself: whoever has it open could fill it, read it back, and cut it.
            stdout=saying,
            stderr=saying,
            name=f"server-{assignment.runtime.name}",
        )
    finally:
        os.close(reading)
        os.close(saying)
        listener.close()


def _log_of(descriptor: int) -> None:
    """Pass on what the server says, as long as it isn't too much: lines of text, marked as its own."""
    pace, left_out = Pace(LOG_BURST, LOG_RATE), 0
    with os.fdopen(descriptor, "rb") as pipe:
        while line := pipe.readline(_LONGEST_LINE):
            if not pace.take_if_there(len(line)):
                left_out += 1
                continue
            if left_out:
                log.warning("server: %d lines were left out: too much at once", left_out)
                left_out = 0
            log.info("server: %s", line.decode(errors="backslashreplace").rstrip().translate(_CONTROL))


def _tell(descriptor: int, settings: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(settings)
