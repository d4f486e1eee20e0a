"""Closing, giving back and deleting a project's folders."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path

from sundbench.errors import ClusterError, HubError
from sundbench.hub.workspaces.as_account import do, owner
from sundbench.hub.workspaces.errands import Remove, Sweep, remove
from sundbench.site import Site
from sundbench.slurm import folders
from sundbench.slurm.acting import as_account

_log = logging.getLogger(__name__)

_DEEPEST = 100


def close(site: Site, permit: str) -> None:
    """Keep what was written last, close the workspace to all who wrote in it, remove scratch and outboxes.

    Where something keeps the project's account from its part, the folders are closed all the same.

    Raises:
        HubError, ClusterError: something else than a folder stands in a folder's place.
    """
    whose, workspace = owner(site, permit), site.workspaces / permit
    kernels = Remove(permit=permit, what=("scratch", "outboxes"))
    for errand in (Sweep(permit=permit), kernels) if workspace.is_dir() else (kernels,):
        try:
            do(site, errand)
        except HubError as error:
            _log.warning("workspace %s is closed, and not all was kept or removed: %s", permit, error)
    if whose is None:
        _modes(workspace, folder=0o500, file=0o400)
        return
    folders.take_away(site, workspace)
    for folder in (site.scratch / permit, site.outboxes / permit):
        folders.take_away(site, folder)
        with contextlib.suppress(ClusterError):
            folders.remove_emptied(site, folder)


def reopen(site: Site, permit: str) -> None:
    """Give a project's folders back to those who work in them.

    Raises:
        HubError, ClusterError: as `close`.
    """
    if (whose := owner(site, permit)) is None:
        _modes(site.workspaces / permit, folder=0o700, file=0o600)
        return
    folders.give_back(site, whose)
    try:
        # Closed by the version before, all in it is root's, and read-only.
        folders.hand_over(site, whose)
        as_account(whose, 'exec chmod -R u+rwX -- "$1"', site.workspaces / permit)
    except ClusterError as error:
        _log.warning("workspace %s is given back, and perhaps not all in it: %s", permit, error)


def delete(site: Site, permit: str, backups: Path | None) -> None:
    """Delete a project's folders, and the copies of its workspace.

    Args:
        site: the installation.
        permit: the project.
        backups: where copies of workspaces are.

    Raises:
        HubError, ClusterError: something is left.
    """
    if backups is not None:
        remove(backups / permit)
    if (whose := owner(site, permit)) is not None:
        folders.give_back(site, whose)
    everything = Remove(permit=permit, what=("workspaces", "scratch", "outboxes", "histories"))
    try:
        do(site, everything)
    except HubError:
        if whose is None:
            raise
        folders.hand_over(site, whose)  # something in them was root's, and so not for it to remove
        do(site, everything)
    if whose is not None:
        for root in everything.what:
            folders.remove_emptied(site, getattr(site, root) / permit)


def _modes(root: Path, *, folder: int, file: int) -> None:
    """Set the modes of a tree, and make it this process's own; its links lead nowhere.

    Members' servers run under another account where root starts them: without ownership a mode holds nobody.
    """
    if not root.is_dir():
        return
    own = (os.geteuid(), os.getegid())
    if root.is_symlink():
        raise HubError(f"{root}: is a link: put the workspace itself there")
    root.chmod(0o700)
    for place, inner, names, directory in os.fwalk(root):
        if place.count("/") - str(root).count("/") >= _DEEPEST:
            inner.clear()  # whoever makes more must not end this
        for name in names:
            with contextlib.suppress(OSError):
                opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
                try:
                    at = os.fstat(opened)
                    if stat.S_ISREG(at.st_mode) and at.st_nlink == 1:
                        _set(opened, file, own)
                finally:
                    os.close(opened)
        _set(directory, folder, own)


def _set(opened: int, mode: int, own: tuple[int, int]) -> None:
    if os.geteuid() == 0:
        os.fchown(opened, *own)
    os.fchmod(opened, mode)
