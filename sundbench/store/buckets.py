"""Staged rows become a freeze's files: sorted, written, digested and counted, one bucket at a time."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from sundbench.registers.catalogue import Catalogue, ColumnType

POLARS_TYPES: dict[ColumnType, pl.DataType] = {
    "person": pl.Int32(),
    "key": pl.String(),
    "code": pl.String(),
    "text": pl.String(),
    "integer": pl.Int32(),
    "decimal": pl.Float64(),
    "money": pl.Int64(),
    "date": pl.Date(),
    "datetime": pl.Datetime("ms"),
    "week": pl.Date(),
    "year": pl.Int32(),
}
"""How each type of the catalogue is stored in a freeze."""


PERSONS_PER_EXTRACT_BUCKET = 10_000


def extract_buckets(persons: int) -> int:
    """How many buckets an extract of so many persons has."""
    return max(1, -(-persons // PERSONS_PER_EXTRACT_BUCKET))


def extract_bucket(pseudonyms: np.ndarray, buckets: int) -> np.ndarray:
    """The extract's bucket of each pseudonym: equal ranges of the numbers from 0 to 2**31."""
    return (pseudonyms.astype(np.int64) * buckets) >> 31


def bucket_file(number: int) -> str:
    """The file name of a bucket."""
    return f"bucket-{number:05d}.parquet"


@dataclass(frozen=True)
class Shape:
    """What one register's files look like in a freeze.

    Attributes:
        register: its name.
        columns: the columns with their catalogue types, ``person`` first.
        date: the column by which rows are sorted after the person; None where there is none.
        labelled: code columns of which the catalogue knows every code.
    """

    register: str
    columns: dict[str, ColumnType]
    date: str | None
    labelled: tuple[str, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The columns with the Polars types in which they are stored."""
        return {name: POLARS_TYPES[kind] for name, kind in self.columns.items()}

    @classmethod
    def of(cls, register: str, columns: Sequence[str], catalogue: Catalogue) -> Shape:
        """Take a register's shape from the catalogue, for the columns that a delivery has."""
        entry = catalogue[register]
        day = catalogue.date_column(register)
        types: dict[str, ColumnType] = {}
        for name in columns:
            owner = entry
            while name not in owner.columns and owner.parent is not None:
                owner = catalogue[owner.parent.name]
            types[name] = "person" if name == "person" else owner.columns[name].type
        labelled = tuple(name for name in columns if name in entry.columns and entry.columns[name].labels)
        return cls(register, types, day if day in types else None, labelled)


@dataclass
class Tally:
    """What is counted of a register while its buckets are written; tallies add up.

    Attributes:
        rows: rows written.
        duplicates: rows that equal the row before them in every column.
        nulls: missing values by column.
        months: rows by month (year * 100 + month), where the register has dates.
        codes: rows by code, for each column whose codes the catalogue labels.
        since, until: the first and last date.
    """

    rows: int = 0
    duplicates: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    months: Counter[int] = field(default_factory=Counter)
    codes: dict[str, Counter[str]] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None

    def add(self, other: Tally) -> None:
        """Take in another tally's counts."""
        self.rows += other.rows
        self.duplicates += other.duplicates
        self.nulls.update(other.nulls)
        self.months.update(other.months)
        for column, counts in other.codes.items():
            self.codes.setdefault(column, Counter()).update(counts)
        self.since = min((day for day in (self.since, other.since) if day is not None), default=None)
        self.until = max((day for day in (self.until, other.until) if day is not None), default=None)


@dataclass(frozen=True)
class Written:
    """One bucket's file: its digest, its counts, and the persons in it (sorted indices)."""

    sha256: str
    tally: Tally
    persons: np.ndarray


def write_bucket(shape: Shape, staged: Sequence[Path], number: int, target: Path) -> Written:
    """Sort one register's rows of one bucket and write them.

    Args:
        shape: the register's shape.
        staged: the folders of its staged files.
        number: the bucket.
        target: the file to write; flushed to disk when this returns.

    Returns:
        Its digest and counts. The same rows give the same bytes, in whatever order they were staged: they
        are sorted by person, date and then every other column.
    """
    parts = [part for folder in staged for part in sorted(folder.glob(f"bucket={number}/*.parquet"))]
    frames = [pl.read_parquet(part, hive_partitioning=False) for part in parts]
    fitted = [
        frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(stored).alias(name)
            for name, stored in shape.schema.items()
        )
        for frame in frames
    ]
    del frames
    first = ["person", shape.date] if shape.date is not None else ["person"]
    keys = [*first, *(name for name in shape.columns if name not in first)]
    frame = pl.concat([pl.DataFrame(schema=shape.schema), *fitted])
    del fitted
    frame = frame.sort(keys)
    digest = write_table(frame, target)
    return Written(digest, count(frame, shape), frame["person"].unique().sort().to_numpy())


def count(frame: pl.DataFrame, shape: Shape) -> Tally:
    """Count what the quality report tells of; the frame is sorted by all its columns."""
    tally = Tally(rows=len(frame), duplicates=_repeats(frame))
    nulls = frame.null_count().row(0, named=True)
    tally.nulls = Counter({name: number for name, number in nulls.items() if number})
    for name in shape.labelled:
        counted = frame[name].drop_nulls().value_counts()
        tally.codes[name] = Counter(dict(counted.iter_rows()))
    if shape.date is not None and len(frame):
        dates = frame[shape.date]
        year = pl.col(shape.date)
        month = year * 100 if dates.dtype == pl.Int32 else year.dt.year() * 100 + year.dt.month()
        counted = frame.select(month=month).drop_nulls().group_by("month").len()
        tally.months = Counter(dict(counted.iter_rows()))
        tally.since, tally.until = _day(dates.min(), first=True), _day(dates.max(), first=False)
    return tally


def write_table(frame: pl.DataFrame, target: Path) -> str:
    """Write a bucket's file, flushed to disk; returns its SHA-256. The same rows give the same bytes."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    # Without pandas' and Arrow's own metadata, so that every reader sees plain Parquet types.
    pq.write_table(
        table, target, compression="zstd", use_dictionary=True, write_statistics=True, store_schema=False
    )
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _repeats(frame: pl.DataFrame) -> int:
    """Rows equal to the row before: only rows of the same person can be, so few columns need a look."""
    if len(frame) < 2:
        return 0
    same = np.ones(len(frame) - 1, dtype=bool)
    for column in frame.iter_columns():
        same &= column.slice(1).eq_missing(column.slice(0, len(frame) - 1)).to_numpy()
        if not same.any():
            return 0
    return int(same.sum())


def _day(value: object, *, first: bool) -> date | None:
    if isinstance(value, int):
        return date(value, 1, 1) if first else date(value + 1, 1, 1) - timedelta(days=1)
    # A datetime is a date too: only its day is wanted.
    return date(value.year, value.month, value.day) if isinstance(value, date) else None
