"""The vault's folder: for one process at a time, and whole, wherever a change of its key was cut off."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sundbench.aside import sync_folder
from sundbench.errors import StoreError
from sundbench.store.sealed import Key, unseal

LOCK = "lock"
NAME = "name"
RESEALING = ".rotation.part"
"""What a change of the key has sealed so far; nothing of it counts."""
RESEALED = "rotation"
"""All that the vault holds, sealed with the new key: once it has this name, the new key is the vault's."""
STAGING = "staging-"
"""How the folder begins in which a freeze works, with person numbers that aren't sealed."""


def enter(folder: Path) -> int:
    """Keep every other process out, and finish a change of the key that was cut off.

    Returns:
        A descriptor; others may come in once it is closed.

    Raises:
        StoreError: another process is in, or the folder can't be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"vault {folder}: could not be opened: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        settle(folder)
    except BlockingIOError:
        os.close(lock)
        raise StoreError(
            f"vault {folder}: another freeze, extract or rotation has it open: try again when it is done"
        ) from None
    except OSError as error:
        os.close(lock)
        raise StoreError(f"vault {folder}: could not be written: {error.strerror}") from None
    return lock


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """`enter`, until the block ends."""
    lock = enter(folder)
    try:
        yield
    finally:
        os.close(lock)


def settle(folder: Path) -> None:
    """Put what was sealed with a new key in its place, if all of it is there, and forget it if not.

    Cut off at any moment, it goes on the next time.

    Raises:
        OSError: the disk refuses.
    """
    if (part := folder / RESEALING).exists():
        shutil.rmtree(part)
    ready = folder / RESEALED
    if not ready.exists():
        return
    for path in sealed_files(ready):
        place = folder / path.relative_to(ready)
        path.replace(place)
        sync_folder(place.parent)
    shutil.rmtree(ready)
    sync_folder(folder)


def sealed_files(folder: Path) -> list[Path]:
    """All sealed files below a folder, sorted; what was cut off while it was written, or staged, is none."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK and not path.name.startswith(".")
        if not path.relative_to(folder).parts[0].startswith(STAGING)
    )


def name(folder: Path, key: Key) -> bytes:
    """What freezes know the vault by: told by its first key, kept when that changes, and telling nothing.

    Raises:
        StoreError: it was sealed with another key.
    """
    kept = folder / NAME
    return b"".join(unseal(kept, key)) if kept.exists() else key.derive("vault of a freeze")[:16]
