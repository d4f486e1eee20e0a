"""What the gate does for an account, as root: commands as that account, and the end of its jobs."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Final

from sundbench.errors import ClusterError
from sundbench.slurm.accounts import Account
from sundbench.slurm.commands import SECONDS, NoRoomError, ask
from sundbench.slurm.jobs import OVER

NO_ROOM: Final = 28
"""With this the lines say that they found no room (``ENOSPC``, but a shell's)."""
_TOOLS: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def as_account(whose: Account, what: str, *arguments: object, given: bytes = b"", most: int = 0) -> bytes:
    """Run a few lines of the shell as an account: whatever stands there, root's own powers don't reach.

    Args:
        whose: the account.
        what: the lines, a constant; they either read or write.
        arguments: the lines' ``$1`` and so on.
        given: their standard input.
        most: bytes that they may write.

    Raises:
        NoRoomError: they say so.
        ClusterError: they failed, wrote more, or took too long.
    """
    with subprocess.Popen(  # noqa: S603 - a constant, and paths of ours
        ["/usr/bin/timeout", f"{SECONDS:.0f}", "/bin/sh", "-c", what, "sh", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_TOOLS,
        cwd="/",
        user=whose.uid,
        group=whose.gid,
        extra_groups=[],
        umask=0o077,
    ) as doing:
        assert doing.stdin is not None  # noqa: S101 - both are pipes
        assert doing.stdout is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError), doing.stdin as to:
            to.write(given)
        written = doing.stdout.read(most + 1)
        if len(written) > most:
            doing.kill()
            raise ClusterError(f"account {whose.name} has left more than {most // 2**20} MiB there")
    if doing.returncode == NO_ROOM:
        raise NoRoomError(f"what account {whose.name} writes")
    if doing.returncode:
        raise ClusterError(f"account {whose.name} can't do that there (exit code {doing.returncode})")
    return written


def cancel(whose: Account, name: str, job: int) -> None:
    """End a job of an account's, of this name; one that has ended is no error.

    Raises:
        ClusterError: Slurm refuses, or doesn't answer.
    """
    try:
        # Whose it is and what it is called are told as well: a number may be another's job by now.
        ask("scancel", f"--user={whose.name}", f"--name={name}", str(job))
    except ClusterError as error:
        if not any(over in str(error) for over in OVER):
            raise
