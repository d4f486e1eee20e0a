"""Bringing an installation back from a copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sundbench.errors import HubError
from sundbench.hub import database
from sundbench.hub.backup import databases
from sundbench.hub.backup.copies import ANCHORS, GOVERNANCE, HOME, HUB, File, Listing, require_whole
from sundbench.hub.settings import read as settings
from sundbench.progress import Report, silent
from sundbench.site import Site

_SET_ID = 0o6000
"""Nothing here needs these bits; whoever set one would have the drill, which may set none, fail."""


def restore(site: Site, copy: Path, report: Report = silent) -> Listing:
    """Bring back files, with their owners where this is root, and both databases.

    Args:
        site: where to: its folder is not there or empty, its databases and its anchors' folder are empty.
        copy: made by `sundbench.hub.backup.making.make`.
        report: told of files.

    Returns:
        What the copy holds.

    Raises:
        HubError: the copy is damaged, or something is there already, which is then left as it is.
    """
    listing = require_whole(copy)
    chosen = settings(Site(copy / HOME, ""))
    urls = {HUB: database.url(site, chosen.database), GOVERNANCE: site.database_url}
    for folder in (site.root, site.anchors):
        if folder.is_dir() and any(folder.iterdir()):
            raise HubError(f"{folder}: is not empty, and nothing is overwritten: move what is there away")
    for which, kind in listing.databases.items():
        databases.require_ready(kind, urls[which])
    put(listing, copy, {HOME: site.root, ANCHORS: site.anchors}, report)
    for which, kind in listing.databases.items():
        databases.load(copy / f"{which}.{kind}", urls[which])
        if (there := databases.file(urls[which])) is not None and os.geteuid() == 0:
            os.chown(there, site.owner, -1)
    return listing


def put(listing: Listing, copy: Path, roots: dict[str, Path], report: Report = silent) -> None:
    """Put a copy's files in place, modes and owners last.

    Args:
        listing: what the copy holds.
        copy: its folder.
        roots: where its ``home`` and its ``anchors`` go.
        report: told of files.
    """
    placed = [
        (one, roots[parts[0]].joinpath(*parts[1:]))
        for one in listing.files
        if (parts := Path(one.path).parts)[0] in roots
    ]
    for done, (one, path) in enumerate(placed, 1):
        report("files", done, len(placed))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if one.kind == "folder":
            path.mkdir(exist_ok=True, mode=0o700)
        elif one.kind == "file":
            shutil.copyfile(copy / one.path, path)
    # When all files are there: none is written through a link, whatever the list has below it.
    for one, path in placed:
        if one.kind == "link" and not os.path.lexists(path):
            path.symlink_to(one.target)
    # Inner ones first: a folder that may only be read would keep what belongs in it out.
    for one, path in reversed(placed):
        _own(one, path)


def _own(one: File, path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, one.uid, one.gid, follow_symlinks=False)
    if one.kind != "link":
        path.chmod(one.mode & ~_SET_ID)
        if one.kind == "file":
            os.utime(path, ns=(one.changed, one.changed))
