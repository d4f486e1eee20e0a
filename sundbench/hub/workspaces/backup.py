"""Copies of workspaces with all of their versions, kept in a folder elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sundbench import aside
from sundbench.errors import HubError
from sundbench.hub.workspaces import bundles
from sundbench.hub.workspaces.as_account import do, owner, versions
from sundbench.hub.workspaces.errands import BringBack, Bundle, RequireReadable, Sweep
from sundbench.hub.workspaces.history import history
from sundbench.site import Site
from sundbench.slurm.folders import give_back

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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
        ClusterError: the project's account isn't known here.
    """
    newest = do(site, Sweep(permit=permit)).decode(errors="replace")
    if not newest:
        return None
    there = backups(folder, permit)
    if there and bundles.head(there[-1]) == newest:
        return there[-1]
    place = folder / permit
    name = f"{permit}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.bundle"
    made = aside.name(place / name)
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _opened(place) as here:
            try:
                with os.fdopen(os.open(made.name, _NEW, 0o600, dir_fd=here), "r+b") as file:
                    do(site, Bundle(permit=permit), to=file)
                    file.flush()
                    os.fsync(file.fileno())
                    do(site, RequireReadable(permit=permit), given=made)
                os.rename(made.name, name, src_dir_fd=here, dst_dir_fd=here)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(made.name, dir_fd=here)
            for old in backups(folder, permit)[:-keep]:
                with suppress(FileNotFoundError):  # another removes it as well
                    os.unlink(old.name, dir_fd=here)
    except OSError as error:
        raise HubError(
            f"backup {place}: {error.strerror}: see [workspace] backup in settings.toml"
        ) from error
    return place / name


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
        ClusterError: the project's account isn't known here, or something stands in its folders' place.
    """
    if (whose := owner(site, permit)) is not None:
        give_back(site, whose)
    if versions(site, permit, most=1):
        raise HubError(
            f"{permit} has versions already, and a copy would replace them: move "
            f"{history(site, permit).folder} away first"
        )
    written = do(site, BringBack(permit=permit), given=copy)
    if not written.isdigit():
        raise HubError(f"{permit}: its account doesn't say what it has brought back")
    return int(written[:9])


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A folder that is where its name says: nothing is written or removed where a link leads."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
