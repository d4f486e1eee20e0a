"""Slurm's own programs, run with an environment of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from sundbench.errors import ClusterError

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_SECONDS = 30


class SlurmSilentError(ClusterError):
    """Slurm's controller doesn't answer; it may in a moment."""


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


def run(command: Sequence[str], given: str) -> str:
    """Run a program that speaks to Slurm; as ``ask``."""
    try:
        done = subprocess.run(  # noqa: S603 - Slurm's, or the site's own way to it
            command,
            input=given,
            env=environment(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmSilentError(f"Slurm doesn't answer ({command[0]} after {_SECONDS} s)") from error
    except OSError as error:
        raise ClusterError(f"{command[0]}: {error.strerror}") from error
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
    silent = ("Unable to contact slurm controller", "Socket timed out", "Connection refused")
    if any(words in said for words in silent):
        raise SlurmSilentError(f"Slurm doesn't answer: {said}")
    raise ClusterError(f"{command[0].rpartition('/')[2]} refuses: {said}")
