"""Putting a finished folder in its place: whole, at once, in the place of the one before."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def put(made: Path, place: Path) -> None:
    """Make a finished folder visible at its place; whatever was there is gone afterwards.

    Who looks sees the old folder or the new one. Where the file system can't exchange two names at once
    (NFS), there is a moment without either, and `recover` brings the old one back if the process dies in it.

    Args:
        made: the finished folder, in the same folder as ``place``.
        place: where it belongs.
    """
    if not place.exists():
        made.rename(place)
        return
    try:
        _exchange(made, place)
        old = made
    except OSError:
        old = _aside(place)
        place.rename(old)
        made.rename(place)
    shutil.rmtree(old)


def recover(place: Path) -> None:
    """Undo what a process that died in `put` left: no folder at the place, and the old one aside."""
    aside = _aside(place)
    if aside.exists():
        if place.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(place)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.before")


def _exchange(one: Path, other: Path) -> None:
    """Linux' renameat2(2) with RENAME_EXCHANGE; OSError where there is no such thing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError("no renameat2")
    status = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if status != 0:
        raise OSError(ctypes.get_errno(), "renameat2")
