"""The folders that one member's server works with, and the data of its project."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sundbench.errors import HubError, ReleaseError
from sundbench.governance.permits import Registered
from sundbench.hub import assignment, runtime
from sundbench.release.extracts import find_extract
from sundbench.site import Site

DataState = Literal["ready", "outdated", "absent"]


@dataclass(frozen=True)
class Data:
    """What a project's kernels can read.

    Attributes:
        state: of the extract. ``outdated``: the permit was amended since, and the extract may hold what it
            no longer allows, so that no kernel is given it.
        freeze: the extract's data version; None where there is no extract.
        extract: None unless it is ready.
        synthetic: invented persons; None where none have been made.
    """

    state: DataState
    freeze: str | None
    extract: assignment.Extract | None
    synthetic: assignment.Extract | None


def data(site: Site, registered: Registered) -> Data:
    """Look for a project's data: the extract that was made last, and its synthetic counterpart."""
    permit = registered.permit.id
    synthetic = _synthetic(site.synthetic / permit)
    try:
        found = find_extract(site, permit, None)
    except ReleaseError:
        return Data("absent", None, None, synthetic)
    if found.permit_digest != registered.digest:
        return Data("outdated", found.freeze, None, synthetic)
    extract = assignment.Extract(folder=found.folder, digest=found.digest)
    return Data("ready", found.freeze, extract, synthetic)


def _synthetic(folder: Path) -> assignment.Extract | None:
    try:
        about = json.loads((folder / "extract.json").read_text(encoding="utf-8"))
        # Never let real data in by this door.
        invented = about["synthetic"] is True
        return assignment.Extract(folder=folder, digest=about["digest"]) if invented else None
    except (OSError, ValueError, KeyError):
        return None


def own(site: Site, permit: str, user: str) -> tuple[Path, Path]:
    """Make the member's scratch and outbox in a project, unless they are there."""
    made = (site.scratch / permit / user, site.outboxes / permit / user)
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def sockets(site: Site, name: str) -> Path:
    """Make the folder of one server's sockets.

    Raises:
        HubError: the runtime folder is not safe.
    """
    folder = runtime.prepare(site) / "s" / name
    folder.mkdir(mode=0o700)
    return folder


def all_sockets(site: Site) -> set[str]:
    """The names of all servers' folders of sockets."""
    return {folder.name for folder in (site.runtime / "s").glob("*")}


def untaken(site: Site, name: str) -> assignment.Assignment | None:
    """The assignment that a server's job has not taken; it is taken here. None where there is none."""
    try:
        return assignment.Assignment.take(site.runtime / "s" / name / assignment.FILE)
    except HubError:
        return None


def remove_sockets(site: Site, name: str) -> None:
    """Remove the folder of a server that has ended."""
    if name:
        shutil.rmtree(site.runtime / "s" / name, ignore_errors=True)
