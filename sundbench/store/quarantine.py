"""Rows that a freeze could not keep: encrypted beside the vault, since they hold person numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sundbench.errors import StoreError
from sundbench.site import Site
from sundbench.store.sealed import Key, seal, unseal
from sundbench.store.vault_folder import held

_PIECE = 16 * 1024 * 1024


def quarantine_file(site: Site, freeze: str) -> Path:
    """Where a freeze's quarantined rows lie; there is no such file if it has none."""
    return site.vault / "quarantine" / f"{freeze}.enc"


def seal_quarantine(site: Site, freeze: str, key: Key, parts: Sequence[Path], staging: Path) -> None:
    """Encrypt quarantined rows.

    Args:
        site: the installation.
        freeze: the freeze's id; what an earlier attempt at it left is replaced.
        key: the vault's.
        parts: Parquet files of register, file, line (of rows that don't split into fields), reason,
            columns and values; the rows as delivered, trimmed.
        staging: a folder that nobody else may read.
    """
    target = quarantine_file(site, freeze)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    target.unlink(missing_ok=True)
    if not parts:
        return
    whole = staging / "quarantine.parquet"
    pl.scan_parquet(list(parts)).sink_parquet(whole)
    with whole.open("rb") as file:
        seal(target, key, iter(lambda: file.read(_PIECE), b""))


def export_quarantine(site: Site, freeze: str, target: Path) -> None:
    """Decrypt a freeze's quarantined rows into a Parquet file that its owner alone can read.

    Args:
        site: the installation; its vault key must be there.
        freeze: the freeze's id.
        target: the file to write; it holds person numbers.

    Raises:
        StoreError: no key, nothing quarantined, the target is there already, or another process has the
            vault open.
    """
    key = Key.read(site.vault_key_file)
    source = quarantine_file(site, freeze)
    with held(site.vault):
        if not source.exists():
            raise StoreError(f"freeze {freeze} has no quarantined rows")
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise StoreError(f"{target} is there already: name a new file") from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in unseal(source, key):
                    file.write(piece)
        except BaseException:
            target.unlink()
            raise
