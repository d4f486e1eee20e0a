"""Whose a project's folders are on a cluster, where each project has an account of its own.

What a project reads is the hub's, which tells kernels what there is, and its group's to read; what it works
with is its account's.
Root changes hands here in folders that others may write to: no link is followed, and nothing that has a
second name is given away.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sundbench.errors import ClusterError
from sundbench.site import Site
from sundbench.slurm.accounts import Account

_FOLDER, _FILE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_LETTERS = "jobs"


def letters(site: Site, account: Account) -> Path:
    """Where a project's jobs find what they are told, and where their logs go: the account's alone."""
    return site.root / _LETTERS / account.name


def read(site: Site, permit: str) -> list[Path]:
    """The folders that a project's jobs read."""
    return [site.extracts / permit, site.synthetic / permit]


def worked_with(site: Site, account: Account) -> list[Path]:
    """The folders that a project's jobs write to."""
    return [*(root / account.permit for root in _roots(site)), letters(site, account)]


def _not_the_projects(site: Site) -> tuple[Path, ...]:
    return (site.freezes, site.vault, site.audit, site.hub, site.runs, site.releases, site.reports)


def _roots(site: Site) -> tuple[Path, ...]:
    return (site.workspaces, site.histories, site.scratch, site.outboxes)


def hand_over(site: Site, account: Account) -> None:
    """Make a project's folders and give them to its account; for root, and may be done again.

    Raises:
        ClusterError: something stands in the way.
    """
    try:
        _close(site)
        for folder in worked_with(site, account):
            with _opened(site, folder, make=True) as at:
                _give(at, account.uid, account.gid, 0o700, None)
        for folder in read(site, account.permit):
            if folder.is_dir():
                with _opened(site, folder) as at:
                    _give(at, site.owner, account.gid, 0o750, 0o640)
    except OSError as error:
        raise ClusterError(
            f"{error.filename}: {error.strerror}: the folders of permit {account.permit} can't be given to "
            f"{account.name}; run as root, where the file system lets root"
        ) from error
    except RecursionError as error:  # of os.fwalk, at a thousand folders
        raise ClusterError(
            f"the folders of permit {account.permit} can't be given to {account.name}: somebody has made "
            "folders in folders, hundreds deep: remove them"
        ) from error


def give_back(site: Site, account: Account) -> None:
    """Make a project's folders and give them to its account, though not what is in them; for root.

    Raises:
        ClusterError: something stands in the way.
    """
    for folder in worked_with(site, account):
        try:
            with _opened(site, folder, make=True) as at:
                os.fchown(at, account.uid, account.gid)
                os.fchmod(at, 0o700)
        except OSError as error:
            raise ClusterError(f"{folder}: {error.strerror}: it can't be given to {account.name}") from error


def take_away(site: Site, folder: Path) -> None:
    """Close a project's folder, if it is there, with all that is in it, to all but root; for root.

    Nothing in it is looked at: no name leads into it any more.

    Raises:
        ClusterError: something else stands in its place.
    """
    try:
        with _opened(site, folder) as at:
            os.fchown(at, os.geteuid(), os.getegid())
            os.fchmod(at, 0o700)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ClusterError(f"{folder}: {error.strerror}: it can't be closed") from error


def remove_emptied(site: Site, folder: Path) -> None:
    """Remove a project's folder, if it is there, from which its account has removed everything; for root.

    Raises:
        ClusterError: it hasn't.
    """
    try:
        with _opened(site, folder.parent) as above:
            os.rmdir(folder.name, dir_fd=above)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ClusterError(f"{folder}: {error.strerror}: it can't be removed") from error


def _close(site: Site) -> None:
    """Keep what is no project's from the accounts, which must pass through the folder above it."""
    with _opened(site, site.root) as root:
        owner = os.fstat(root).st_uid
        for folder in _not_the_projects(site):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder.name, 0o700, dir_fd=root)
                os.chown(folder.name, owner, -1, dir_fd=root, follow_symlinks=False)
        passed = (site.extracts, site.synthetic, *_roots(site))
        for entry in os.scandir(root):
            if entry.name not in {"accounts.json", _LETTERS, *(folder.name for folder in passed)}:
                _close_to_others(entry.name, root)
    # Of projects whose permit has ended, or has no account yet, too.
    for folder in passed:
        with contextlib.suppress(FileNotFoundError), _opened(site, folder) as at:
            for entry in os.scandir(at):
                _close_to_others(entry.name, at)


def _close_to_others(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not (stat.S_ISDIR(found) or stat.S_ISREG(found)) or not found & 0o007:
            return
        opened = os.open(name, _FILE, dir_fd=folder)
        try:
            os.fchmod(opened, stat.S_IMODE(os.fstat(opened).st_mode) & ~0o007)
        finally:
            os.close(opened)


@contextlib.contextmanager
def _opened(site: Site, folder: Path, *, make: bool = False) -> Iterator[int]:
    """Open a folder of the site's, and let others pass through those above it without seeing inside."""
    at = os.open(site.root, _FOLDER)
    try:
        for part in folder.relative_to(site.root).parts:
            os.fchmod(at, stat.S_IMODE(os.fstat(at).st_mode) & ~0o004 | 0o011)
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=at)
            inside = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = inside
        yield at
    finally:
        os.close(at)


def _give(root: int, uid: int, gid: int, folders: int, files: int | None) -> None:
    """Set owner, group and modes of a tree.

    Args:
        root: the tree, opened.
        uid: the owner; -1: as it is.
        gid: the group.
        folders: the mode of each folder.
        files: the mode of each file; None: as it is.
    """
    for _, _, names, at in os.fwalk(dir_fd=root, follow_symlinks=False):
        os.fchown(at, uid, gid)
        os.fchmod(at, folders)
        for name in names:
            _give_file(name, at, uid, gid, files)


def _give_file(name: str, at: int, uid: int, gid: int, mode: int | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=at, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            return
        opened = os.open(name, _FILE, dir_fd=at)
        try:
            again = os.fstat(opened)
            if stat.S_ISREG(again.st_mode) and again.st_nlink == 1:
                os.fchown(opened, uid, gid)
                if mode is not None:
                    os.fchmod(opened, mode)
        finally:
            os.close(opened)
