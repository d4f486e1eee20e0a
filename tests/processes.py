"""Processes of an account, as /proc shows them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def of(uid: int) -> list[Path]:
    """The /proc entries of an account's processes, in sandboxes too."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError):
            if entry.stat().st_uid == uid:
                found.append(entry)
    return found
