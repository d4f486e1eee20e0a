"""Git over a repository that no sandbox can reach, with nothing configured but what stands here.

A work tree that users write could bring along programs for git to run: a file system monitor, hooks, filters,
repositories within it. So git never sees that tree: versions go in by ``fast-import`` and come out as blobs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sundbench.errors import HubError

BRANCH = "refs/heads/main"

_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C.UTF-8",
}
_OPTIONS = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "gc.autoDetach=false",
    "-c",
    "core.fsync=committed,reference",
)
_PATIENCE = 600  # seconds


def installed() -> bool:
    """Whether this machine has git."""
    return shutil.which("git") is not None


def git(
    repository: Path, *arguments: str, given: bytes = b"", accept: tuple[int, ...] = (0,)
) -> bytes | None:
    """Run one command of git.

    Args:
        repository: bare.
        arguments: of git.
        given: standard input.
        accept: exit codes that are no error.

    Returns:
        What it printed; None where it ended with an accepted code other than 0.

    Raises:
        HubError: git isn't installed, or fails.
    """
    program = shutil.which("git")
    if program is None:
        raise HubError(
            "git is not installed: install Debian's package git, it keeps the workspaces' versions"
        )
    environment = {"PATH": os.environ.get("PATH", os.defpath), "GIT_DIR": str(repository), **_FIXED}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; paths go in by standard input or after --
            [program, *_OPTIONS, *arguments],
            input=given,
            capture_output=True,
            env=environment,
            cwd=repository if repository.is_dir() else repository.parent,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HubError(f"versions {repository}: git {arguments[0]} doesn't run: {error}") from error
    if done.returncode not in accept:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise HubError(
            f"versions {repository}: git {arguments[0]} failed: {said[-1] if said else done.returncode}"
        )
    return done.stdout if done.returncode == 0 else None
