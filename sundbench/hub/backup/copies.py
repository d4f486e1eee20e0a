"""One copy of an installation: a folder with everything in it, and a list by which each byte is checked.

``<folder>/<UTC time>/``: ``list.json``, ``home/`` and ``anchors/`` with files as they were, and a file for
each database. A file that hasn't changed since the copy before is the same file under another name (a hard
link), so that freezes and extracts, which never change, take their room once. All of it is its maker's alone;
owners and modes are in the list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sundbench.errors import HubError

LIST = "list.json"
HOME, ANCHORS = "home", "anchors"
GOVERNANCE, HUB = "governance", "hub"
_NAME = re.compile(r"\d{8}T\d{6}Z")
_BLOCK = 1 << 20


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Part):
    """A file, folder or link of the installation.

    Attributes:
        path: below the copy's folder.
        kind: what it is.
        mode, uid, gid: as they were.
        size, changed: of a file: bytes, and when it was last changed, in nanoseconds.
        digest: of a file: SHA-256.
        target: of a link.
    """

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    uid: int
    gid: int
    size: int = 0
    changed: int = 0
    digest: str = ""
    target: str = ""


class Listing(_Part):
    """What a copy holds.

    Attributes:
        version: of Sundbench that made it.
        home: where the installation stood.
        databases: of governance and hub: whether it was ``sqlite`` or ``postgresql``.
        files: everything, databases too.
    """

    version: str
    home: str
    databases: dict[str, Literal["sqlite", "postgresql"]]
    files: list[File]


def copies(folder: Path) -> list[Path]:
    """The whole copies in a folder, oldest first; those that were not finished are none."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if _NAME.fullmatch(path.name))


def newest(folder: Path) -> Path:
    """The last copy made, or the folder itself where it is one.

    Raises:
        HubError: there is none.
    """
    if (folder / LIST).exists():
        return folder
    there = copies(folder)
    if not there:
        raise HubError(f"{folder}: no copy is there: sundbench backup make {folder}")
    return there[-1]


def write(copy: Path, listing: Listing) -> None:
    """Put the list in a copy, with its own digest as its last line."""
    # ASCII: a file's name, which anybody chose, needn't be of any encoding.
    text = json.dumps(listing.model_dump(), separators=(",", ":"))
    (copy / LIST).write_text(f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}\n", encoding="utf-8")


def read(copy: Path) -> Listing:
    """The list of a copy.

    Raises:
        HubError: there is none, or it isn't as it was written.
    """
    try:
        text, told, _ = (copy / LIST).read_text(encoding="utf-8").split("\n")
        listing = Listing.model_validate(json.loads(text))
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise HubError(f"{copy}: damaged, or no copy of an installation: take another") from error
    if hashlib.sha256(text.encode()).hexdigest() != told:
        raise HubError(f"{copy}: its list was changed: take another")
    if any({"", ".", ".."} & {*one.path.split("/")} for one in listing.files):
        raise HubError(f"{copy}: its list leads out of it: take another")
    return listing


def damaged(copy: Path, listing: Listing) -> Iterator[str]:
    """Hash every file again, and name those that are missing or other than they were written."""
    for one in listing.files:
        path = copy / one.path
        try:
            same = one.kind != "file" or (path.stat().st_size == one.size and digest(path) == one.digest)
        except OSError:
            same = False
        if not same:
            yield one.path


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def require_whole(copy: Path) -> Listing:
    """The list of a copy that is as it was written.

    Raises:
        HubError: it is damaged; names the first file and says how many there are.
    """
    listing = read(copy)
    wrong = list(damaged(copy, listing))
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise HubError(f"{copy}: {wrong[0]}{more} missing or damaged: take another copy")
    return listing
