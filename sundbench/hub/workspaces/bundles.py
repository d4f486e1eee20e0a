"""A workspace with all of its versions as one file that git reads anywhere (``git bundle``): in its trees."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sundbench import aside
from sundbench.errors import HubError
from sundbench.hub.server.tree import IrregularError, NotThereError, Tree
from sundbench.hub.workspaces.git import BRANCH, begin, git
from sundbench.hub.workspaces.history import History
from sundbench.sandbox.ownership import hand_over

_SIGNED = b"# v2 git bundle\n"
_LONGEST = 4096


def write(kept: History, to: BinaryIO) -> None:
    """Write all versions to a file.

    Raises:
        HubError: git fails.
    """
    with kept.locked():
        git(kept.repository, "bundle", "create", "--quiet", "-", BRANCH, to=to)


def is_one(descriptor: int) -> bool:
    """Whether an opened file begins as a copy does."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.pread(descriptor, len(_SIGNED), 0) == _SIGNED


def head(copy: Path) -> str | None:
    """The newest version in a copy, as its first lines say; None where they say none.

    Git isn't asked: whoever has a project's account decides what stands in its copies.
    """
    with copy.open("rb") as file:
        begins = file.read(_LONGEST)
    if not begins.startswith(_SIGNED):
        return None
    for line in begins.removeprefix(_SIGNED).splitlines():
        commit, _, name = line.decode(errors="replace").partition(" ")
        if name == BRANCH:
            return commit
    return None


def require_readable(kept: History, copy: Path) -> None:
    """See that git can read a copy whole.

    Raises:
        HubError: it is damaged, or none.
    """
    with _read(copy, kept):
        pass


def bring_back(kept: History, copy: Path) -> int:
    """Bring a workspace that has no versions back from a copy.

    Files that stand in the workspace stay as they are, and become its newest version.

    Returns:
        How many files were written.

    Raises:
        HubError: the copy doesn't read, or there are versions by now.
    """
    kept.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _read(copy, kept) as repository, kept.locked():
        if kept.versions(most=1):
            raise HubError(f"{kept.folder}: has versions by now, and a copy would replace them: move it away")
        shutil.rmtree(kept.repository, ignore_errors=True)
        repository.rename(kept.repository)
    kept.workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    last = kept.versions(most=1)[0].id
    written = sum(_put(kept.workspace, path, kept.content(path, last)) for path in kept.paths())
    hand_over(kept.workspace)
    kept.sweep()
    return written


def _put(workspace: Path, path: str, content: bytes) -> bool:
    tree = Tree(workspace)
    try:
        tree.entry(path)
    except NotThereError:
        pass
    except IrregularError:
        return False
    else:
        return False
    try:
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            tree.make_folder(str(folder))
        tree.write(path, content)
    except IrregularError:  # another thing than a folder stands on the way
        return False
    return True


@contextmanager
def _read(copy: Path, kept: History) -> Iterator[Path]:
    """A repository made from a copy: what git can't read whole is refused here."""
    aside.sweep(kept.repository)  # it would count as versions that are kept
    with aside.folder(kept.repository) as repository:
        begin(repository)
        fetched = ("--quiet", str(copy.resolve()), f"{BRANCH}:{BRANCH}")
        try:
            git(repository, "-c", "transfer.fsckObjects=true", "fetch", *fetched)
        except HubError as error:
            raise HubError(f"{copy}: damaged, or no copy of a workspace: take an older one") from error
        yield repository
