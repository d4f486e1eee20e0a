"""What one extract adds to and drops from another of the same permit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sundbench.registers.catalogue import catalogue
from sundbench.store.buckets import bucket_file

_NAMES = 2**31


def difference(old: Path, before: Mapping[str, Any], new: Path, after: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the extract that is there with the one that takes its place.

    Rows are compared by person and, where both extracts hold the register's date, by date: a row is the same
    if it is the same person's of the same day, whatever columns it has.

    Args:
        old: the folder of the extract that is there.
        before: its ``extract.json``.
        new: the folder of the new one.
        after: what will be its ``extract.json``.

    Returns:
        Old and new digests; registers and columns added and dropped; persons and rows, by register, added and
        dropped. Persons are those with a row in any register.
    """
    was, now = _Side(old, before), _Side(new, after)
    changed = {name: _columns(name, was, now) for name in sorted({*was.registers, *now.registers})}
    for name, entry in changed.items():
        entry["rows_added"], entry["rows_dropped"] = _rows(name, was, now)
    persons_added, persons_dropped = _persons(was, now)
    digests = ("permit_version", "permit_digest", "freeze_digest", "catalogue_digest", "digest")
    return {
        "old": {name: before.get(name) for name in digests},
        "new": {name: after.get(name) for name in digests},
        "registers_added": sorted({*now.registers} - {*was.registers}),
        "registers_dropped": sorted({*was.registers} - {*now.registers}),
        "persons_added": persons_added,
        "persons_dropped": persons_dropped,
        "registers": changed,
    }


@dataclass(frozen=True)
class _Side:
    """One of the two extracts."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def registers(self) -> Mapping[str, Any]:
        registers: Mapping[str, Any] = self.manifest["registers"]
        return registers

    @property
    def buckets(self) -> int:
        return int(self.manifest["buckets"])

    def digest(self, name: str, bucket: int) -> str | None:
        """Of one bucket's file; None where there is none."""
        digest: str | None = self.registers.get(name, {}).get("files", {}).get(bucket_file(bucket))
        return digest

    def count(self, name: str, low: int, high: int, by: list[str]) -> pl.DataFrame:
        """Rows by the columns named, for a range of pseudonyms, from the buckets that can hold them."""
        if name not in self.registers:
            return pl.DataFrame(schema={"person": pl.Int32, "len": pl.UInt32})
        first, last = (low * self.buckets) >> 31, (high * self.buckets) >> 31
        files = [self.folder / name / bucket_file(bucket) for bucket in range(first, last + 1)]
        rows = pl.scan_parquet(files).filter(pl.col("person").is_between(low, high)).select(by)
        return rows.collect().group_by(by).len()


def _columns(name: str, before: _Side, after: _Side) -> dict[str, Any]:
    was, now = (set(side.registers.get(name, {}).get("columns", {})) for side in (before, after))
    return {"columns_added": sorted(now - was), "columns_dropped": sorted(was - now)}


def _unchanged(name: str, bucket: int, before: _Side, after: _Side) -> bool:
    """Whether both hold the same file for the same range of pseudonyms."""
    same_range = before.buckets == after.buckets
    return same_range and before.digest(name, bucket) == after.digest(name, bucket)


def _rows(name: str, before: _Side, after: _Side) -> tuple[int, int]:
    """Rows added and dropped of one register, range of pseudonyms by range, so that memory stays small."""
    dated_by = catalogue().date_column(name)
    held = [side.registers.get(name, {}).get("columns", {}) for side in (before, after)]
    by = ["person", *([dated_by] if dated_by and all(dated_by in columns for columns in held) else [])]
    added = dropped = 0
    for bucket in range(after.buckets):
        if _unchanged(name, bucket, before, after):
            continue
        span = _range(bucket, after.buckets)
        was, now = (side.count(name, *span, by) for side in (before, after))
        both = was.join(now, on=by, how="full", nulls_equal=True, suffix="_now")
        change = both["len_now"].cast(pl.Int64).fill_null(0) - both["len"].cast(pl.Int64).fill_null(0)
        added += int(change.clip(lower_bound=0).sum())
        dropped -= int(change.clip(upper_bound=0).sum())
    return added, dropped


def _persons(before: _Side, after: _Side) -> tuple[int, int]:
    """Persons with rows in one of the two only."""
    added = dropped = 0
    names = {*before.registers, *after.registers}
    for bucket in range(after.buckets):
        if all(_unchanged(name, bucket, before, after) for name in names):
            continue
        span = _range(bucket, after.buckets)
        was, now = (
            pl.concat([side.count(name, *span, ["person"])["person"] for name in side.registers]).unique()
            for side in (before, after)
        )
        kept = int(now.is_in(was.implode()).sum())
        added += len(now) - kept
        dropped += len(was) - kept
    return added, dropped


def _range(bucket: int, buckets: int) -> tuple[int, int]:
    """The first and last pseudonym of a bucket: those p with (p * buckets) >> 31 equal to it."""
    return -(-bucket * _NAMES // buckets), -(-(bucket + 1) * _NAMES // buckets) - 1
