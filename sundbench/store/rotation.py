"""A new key for the vault: all that it holds is sealed anew, or nothing is.

Only the seal changes. Pseudonyms and permits' keys were drawn, not derived, so they are sealed again as they
are, and extracts stay what they were; the name by which freezes know the vault is kept beside them. Persons
who come later get their place among newcomers by the new key.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sundbench.aside import sync_folder
from sundbench.errors import StoreError
from sundbench.progress import Report, silent
from sundbench.site import Site
from sundbench.store.sealed import Key, fingerprint, seal, unseal
from sundbench.store.vault_folder import NAME, RESEALED, RESEALING, held, name, sealed_files, settle


def rotate(site: Site, new: Path, before: Callable[[bytes, bytes], object], report: Report = silent) -> bool:
    """Seal the vault and the quarantine with another key.

    Everything is sealed aside first and read again with the new key; one rename then makes the new key the
    vault's. Until then the old one opens it, whatever cuts this off; from then on the new one alone.

    Args:
        site: the installation, with the key that its vault has now.
        new: the new key's file.
        before: called right before the rename, with the fingerprints of the old key and the new; what it
            raises leaves the vault as it was.
        report: told of files.

    Returns:
        Whether anything was done: False where the vault has the new key already.

    Raises:
        StoreError: a key is missing or wrong, there is nothing sealed, a file is damaged, the disk is full,
            or another process has the vault open. The vault is as it was.
    """
    old, key = Key.read(site.vault_key_file), Key.read(new)
    folder = site.vault
    if not folder.is_dir():
        raise StoreError(f"there is no vault in {folder}: the first freeze makes it, with whichever key")
    with held(folder):
        files = sealed_files(folder)
        if not files:
            raise StoreError(f"vault {folder}: nothing is sealed in it yet, so it has no key to change")
        if all(fingerprint(path) == key.fingerprint for path in files):
            return False
        part = folder / RESEALING
        try:
            part.mkdir(mode=0o700)
            for number, path in enumerate(files):
                report("seal anew", number, len(files))
                _reseal(path, part / path.relative_to(folder), old, key)
            if not (folder / NAME).exists():
                seal(part / NAME, key, [name(folder, old)])
            report("seal anew", len(files), len(files))
            sync_folder(part)
            before(old.fingerprint, key.fingerprint)
            part.rename(folder / RESEALED)
            sync_folder(folder)
            settle(folder)
        except OSError as error:
            raise StoreError(f"vault {folder}: could not be sealed anew: {error.strerror}") from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return True


def _reseal(path: Path, target: Path, old: Key, new: Key) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    seal(target, new, unseal(path, old))
    for _ in unseal(target, new):  # each piece is checked: what the disk has spoilt must not take its place
        pass


def has_one_key(folder: Path) -> bool:
    """Whether all that is sealed in a vault's folder, or in a copy of it, has one key; told without any.

    A copy that was made while the key changed may hold files of both. Damaged ones count for nothing.
    """
    found = set()
    for path in sealed_files(folder):
        with suppress(StoreError):
            found.add(fingerprint(path))
    return len(found) <= 1
