"""Slurm's own programs, run with an environment of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sundbench.errors import ClusterError

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
SECONDS = 30.0
"""One of Slurm's programs has so long to answer."""
_SILENT = "Slurm doesn't answer"
_NO_ROOM = "no room"


class SlurmSilentError(ClusterError):
    """Slurm's controller doesn't answer; it may in a moment."""


class NoRoomError(ClusterError):
    """A disk that jobs are told through is full, or fails; says which folder."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{_NO_ROOM} in {where.removeprefix(f'{_NO_ROOM} in ')}")


def environment() -> dict[str, str]:
    """All that Slurm's programs see: a variable such as ``SBATCH_EXPORT`` changes what they do."""
    given = {name: os.environ[name] for name in ("SLURM_CONF",) if name in os.environ}
    return {"PATH": _PATH, "LANG": "C.UTF-8", **given}


def ask(*command: str, given: str = "") -> str:
    """Run one of Slurm's programs.

    Args:
        command: the program, by its name, and its arguments.
        given: its standard input.

    Returns:
        What it printed.

    Raises:
        SlurmSilentError: the controller doesn't answer.
        ClusterError: it refuses, with its own words; or it isn't there.
    """
    program = shutil.which(command[0], path=_PATH)
    if program is None:
        raise ClusterError(f"no {command[0]} here: install Slurm's programs on this machine")
    return run([program, *command[1:]], given)


def run(command: Sequence[str], given: str, seconds: float = SECONDS, *, ours: bool = False) -> str:
    """Run a program that speaks to Slurm, or one of ours that does; as ``ask``.

    Args:
        command: the program, by its path, and its arguments.
        given: its standard input.
        seconds: that it has.
        ours: what it says of an error is a whole message.
    """
    try:
        done = subprocess.run(  # noqa: S603 - Slurm's, or the site's own way to it
            command,
            input=given,
            env=environment(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmSilentError(f"{_SILENT} ({command[0]} after {seconds:.0f} s)") from error
    except OSError as error:
        raise ClusterError(f"{command[0]}: {error.strerror}") from error
    if done.returncode == 0:
        return done.stdout
    name = Path(command[0]).name
    said = " ".join(done.stderr.replace(f"{name}: error: ", "").split()) or f"exit code {done.returncode}"
    if said.startswith(_SILENT):  # one of ours has found out
        raise SlurmSilentError(said)
    if said.startswith(_NO_ROOM):
        raise NoRoomError(said)
    silent = ("Unable to contact slurm controller", "Socket timed out", "Connection refused")
    if any(words in said for words in silent):
        raise SlurmSilentError(f"{_SILENT}: {said}")
    raise ClusterError(said if ours else f"{name} refuses: {said}")
