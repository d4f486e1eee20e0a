"""Git over a repository that no sandbox can reach, with nothing configured but what stands here.

A work tree that users write could bring along programs for git to run: a file system monitor, hooks, filters,
repositories within it. So git never sees that tree: versions go in by ``fast-import`` and come out as blobs.

The repository itself is its project's account's where projects have accounts. Git works in it as that account
(`sundbench.hub.workspaces.as_account`), and root's reads a copy of it that a backup has brought back: a
configuration that names programs, or a link to other repositories, is refused all the same.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import BinaryIO

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
    # Refused already (`_require_plain`); for one that is exchanged after that was seen.
    "-c",
    "core.fsmonitor=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "protocol.file.allow=always",
)
_BEGUN_WITH = re.compile(
    rb"\s*(\[(core|extensions)\]|(filemode|bare|ignorecase|symlinks|precomposeunicode) = (true|false)"
    rb"|repositoryformatversion = [01]|objectformat = sha(1|256)|refstorage = (files|reftable))?\s*"
)
"""A line of the configuration with which ``git init --bare`` begins."""
_LONGEST = 4096
_PATIENCE = 600  # seconds


def installed() -> bool:
    """Whether this machine has git."""
    return shutil.which("git") is not None


def git(
    repository: Path,
    *arguments: str,
    given: bytes = b"",
    accept: tuple[int, ...] = (0,),
    to: BinaryIO | None = None,
) -> bytes | None:
    """Run one command of git.

    Args:
        repository: bare.
        arguments: of git.
        given: standard input.
        accept: exit codes that are no error.
        to: a file, with a descriptor, that takes what it prints.

    Returns:
        What it printed, where no file takes it; None where it ended with an accepted code other than 0.

    Raises:
        HubError: git isn't installed, or fails; or the repository has a configuration of its own.
    """
    _require_plain(repository)
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
            stdout=to or subprocess.PIPE,
            stderr=subprocess.PIPE,
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
    return (done.stdout or b"") if done.returncode == 0 else None


def begin(repository: Path) -> None:
    """Make a bare repository without hooks in an empty folder.

    Raises:
        HubError: as `git`.
    """
    branch = BRANCH.rpartition("/")[2]
    git(repository, "init", "--quiet", "--bare", f"--initial-branch={branch}", str(repository))
    shutil.rmtree(repository / "hooks", ignore_errors=True)


def _require_plain(repository: Path) -> None:
    """See that a repository, if there is one yet, configures nothing but what git began it with.

    Raises:
        HubError: it does, or leads to another that could.
    """
    if not os.path.lexists(repository):
        return
    elsewhere = ("commondir", "objects/info/alternates", "objects/info/http-alternates")
    if not repository.is_dir() or any(os.path.lexists(repository / one) for one in elsewhere):
        raise HubError(f"versions {repository}: they are elsewhere: put them back where they were")
    try:
        descriptor = os.open(repository / "config", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HubError(f"versions {repository}: config: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        said = file.read(_LONGEST + 1)
    if len(said) > _LONGEST or not all(_BEGUN_WITH.fullmatch(line) for line in said.splitlines()):
        raise HubError(
            f"versions {repository}: its config could have git run programs: put in its place what "
            "`git init --bare` writes, and find out who changed it"
        )
