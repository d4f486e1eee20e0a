"""Copies of workspaces with all of their versions, each one file that git reads anywhere (``git bundle``)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sundbench.errors import HubError
from sundbench.hub.server.tree import IrregularError, NotThereError, Tree
from sundbench.hub.workspaces.git import BRANCH, git
from sundbench.hub.workspaces.history import history
from sundbench.sandbox.ownership import hand_over
from sundbench.site import Site


def backups(folder: Path, permit: str) -> list[Path]:
    """A project's copies, oldest first."""
    return sorted((folder / permit).glob("*.bundle"))


def backup(site: Site, permit: str, folder: Path, keep: int) -> Path | None:
    """Copy a workspace with its versions, unless the last copy has them all.

    The copy is read back before it takes its name, and only then old ones are removed.

    Args:
        site: the installation.
        permit: the project.
        folder: where copies go, one folder a project.
        keep: how many there are at most.

    Returns:
        The newest copy; None where there is nothing to copy.

    Raises:
        HubError: it can't be written, or doesn't read back.
    """
    kept = history(site, permit)
    if kept.workspace.is_dir():
        kept.sweep()
    if not kept.versions(most=1):
        return None
    head = kept.versions(most=1)[0].id
    there = backups(folder, permit)
    if there and _head(kept.repository, there[-1]) == head:
        return there[-1]
    place = folder / permit
    made = place / f"{permit}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.bundle"
    aside = place / f".{made.name}.{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with kept.locked():
            git(kept.repository, "bundle", "create", "--quiet", str(aside), BRANCH)
        aside.chmod(0o600)
        with _read(aside, place):
            pass
        aside.replace(made)
    except OSError as error:
        raise HubError(
            f"backup {place}: {error.strerror}: see [workspace] backup in settings.toml"
        ) from error
    finally:
        with suppress(OSError):
            aside.unlink()
    for old in backups(folder, permit)[:-keep]:
        old.unlink()
    return made


def restore(site: Site, permit: str, copy: Path) -> int:
    """Bring back a workspace with its versions from a copy.

    Files that stand in the workspace stay as they are, and become its newest version.

    Args:
        site: the installation.
        permit: the project.
        copy: made by `backup`.

    Returns:
        How many files were written.

    Raises:
        HubError: the copy doesn't read, or the project has versions already.
    """
    kept = history(site, permit)
    if kept.versions(most=1):
        raise HubError(
            f"{permit} has versions already, and a copy would replace them: move {kept.folder} away first"
        )
    site.workspaces.mkdir(parents=True, exist_ok=True)
    kept.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _read(copy, kept.folder) as repository:
        shutil.rmtree(kept.repository, ignore_errors=True)
        repository.rename(kept.repository)
    kept.workspace.mkdir(exist_ok=True, mode=0o700)
    listed = (
        git(kept.repository, "ls-tree", "-r", "-z", "--name-only", "--full-tree", BRANCH) or b""
    ).decode()
    head = _head(kept.repository, copy)
    paths = [path for path in listed.split("\0") if path]
    written = sum(_put(kept.workspace, path, kept.content(path, head)) for path in paths)
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
def _read(copy: Path, beside: Path) -> Iterator[Path]:
    """A repository made from a copy: what git can't read whole is refused here."""
    repository = beside / f".read.{os.getpid()}"
    shutil.rmtree(repository, ignore_errors=True)
    try:
        git(
            repository,
            "init",
            "--quiet",
            "--bare",
            f"--initial-branch={BRANCH.rpartition('/')[2]}",
            str(repository),
        )
        shutil.rmtree(repository / "hooks", ignore_errors=True)
        try:
            git(
                repository,
                "-c",
                "transfer.fsckObjects=true",
                "fetch",
                "--quiet",
                str(copy.resolve()),
                f"{BRANCH}:{BRANCH}",
            )
        except HubError as error:
            raise HubError(f"{copy}: damaged, or no copy of a workspace: take an older one") from error
        yield repository
    finally:
        shutil.rmtree(repository, ignore_errors=True)


def _head(repository: Path, copy: Path) -> str:
    said = git(repository, "bundle", "list-heads", str(copy.resolve()), accept=(0, 1, 128)) or b""
    return said.decode().partition(" ")[0]
