"""What is done in a project's trees: each a request, so that their account can be asked to do it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import TypeAdapter

from sundbench.errors import HubError
from sundbench.hub.workspaces import bundles
from sundbench.hub.workspaces.history import Version, history
from sundbench.site import Site
from sundbench.slurm.requests import Permit, Request

VERSIONS = TypeAdapter(list[Version])


class Errand(Request):
    """Something to do in a project's trees.

    Attributes:
        permit: the project.
    """

    permit: Permit


class Versions(Errand):
    """List what was recorded of a path, newest first: `VERSIONS` as JSON.

    Attributes:
        path, most: as `History.versions` has them.
    """

    do: Literal["versions"] = "versions"
    path: str = ""
    most: int


class Find(Errand):
    """See that a version has a file.

    Attributes:
        path, version: which.
    """

    do: Literal["find"] = "find"
    path: str
    version: str


class Revert(Errand):
    """Write a file as it was.

    Attributes:
        path, version, by, to: as `History.restore` has them.
    """

    do: Literal["revert"] = "revert"
    path: str
    version: str
    by: str
    to: str | None


class Sweep(Errand):
    """Record whatever isn't yet: the newest version's id, if there is one."""

    do: Literal["sweep"] = "sweep"


class Bundle(Errand):
    """Copy all versions: the bytes of the one file."""

    do: Literal["bundle"] = "bundle"


class RequireReadable(Errand):
    """See that a given copy reads back."""

    do: Literal["require-readable"] = "require-readable"


class BringBack(Errand):
    """Bring a workspace back from a given copy: how many files were written."""

    do: Literal["bring-back"] = "bring-back"


class Remove(Errand):
    """Remove folders of the project's: at least what is in them.

    Attributes:
        what: which.
    """

    do: Literal["remove"] = "remove"
    what: tuple[Literal["workspaces", "scratch", "outboxes", "histories"], ...]


AnyErrand = Versions | Find | Revert | Sweep | Bundle | RequireReadable | BringBack | Remove
ERRAND: TypeAdapter[AnyErrand] = TypeAdapter(AnyErrand)


def perform(site: Site, errand: AnyErrand, given: Path, to: BinaryIO) -> None:
    """Do what is asked, as this process.

    Args:
        site: the installation.
        errand: what.
        given: the copy that it is about, where it is about one.
        to: takes what it answers; a file with a descriptor.

    Raises:
        HubError: it can't be done.
    """
    kept = history(site, errand.permit)
    match errand:
        case Versions():
            to.write(VERSIONS.dump_json(kept.versions(errand.path, errand.most)))
        case Find():
            kept.content(errand.path, errand.version)
        case Revert():
            kept.restore(errand.path, errand.version, errand.by, errand.to)
        case Sweep():
            if kept.workspace.is_dir():
                kept.sweep()
            to.write("".join(one.id for one in kept.versions(most=1)).encode())
        case Bundle():
            bundles.write(kept, to)
        case RequireReadable():
            bundles.require_readable(kept, given)
        case BringBack():
            to.write(b"%d" % bundles.bring_back(kept, given))
        case Remove():
            for one in errand.what:
                remove(getattr(site, one) / errand.permit)


def remove(folder: Path) -> None:
    """Remove a folder, however deep kernels have made it: Python's own way ends at a thousand folders.

    Raises:
        HubError: something is left in it. That it is there itself, in another's folder, is no error.
    """
    if folder.is_symlink() or not folder.exists():
        folder.unlink(missing_ok=True)
        return
    if os.geteuid() != 0:  # whose they are can have closed them to themselves
        _run("/bin/chmod", "-R", "u+rwX", "--", str(folder))
    said = _run("/bin/rm", "-rf", "--", str(folder))
    if folder.exists() and any(folder.iterdir()):
        raise HubError(f"{folder}: can't be removed: {said[:200]}")


def _run(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - a folder of ours
        command, capture_output=True, text=True, errors="replace", check=False
    )
    return (done.stderr.splitlines() or ["?"])[0]
