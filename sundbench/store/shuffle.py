"""From buckets cut by national index to buckets cut by a permit's pseudonym, register by register.

Two passes, as a shuffle needs. The first takes each bucket of the freeze, keeps what the permit allows, gives
persons and records the permit's names for them, and appends the rows to one staging file, grouped by the
bucket they go to. The second gathers each target bucket from the (memory-mapped) staging file, sorts it and
writes it. Memory depends on the bucket, not on the nation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from mmap import ACCESS_READ, MADV_DONTNEED, mmap
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl
import pyarrow as pa

from sundbench.governance.permit import Period
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import ColumnType
from sundbench.store.buckets import bucket_file, extract_bucket, write_table
from sundbench.store.freeze import Freeze
from sundbench.store.rekey import rekey

OPTED_OUT = -1
"""Stands in `Selection.pseudonyms` for those of the population who said no; 0 for those outside it."""


@dataclass(frozen=True)
class Selection:
    """What leaves a freeze, for all registers alike.

    Attributes:
        pseudonyms: int32 by national index: a pseudonym, 0 or `OPTED_OUT`.
        key: the permit's key.
        period: the days whose rows leave.
        buckets: of the extract.
    """

    pseudonyms: np.ndarray
    key: bytes
    period: Period
    buckets: int

    def bucket_of(self, pseudonyms: np.ndarray) -> np.ndarray:
        """The extract's bucket of each pseudonym."""
        return extract_bucket(pseudonyms, self.buckets)


@dataclass(frozen=True)
class Cut:
    """What leaves of one register.

    Attributes:
        name: the register.
        types: its columns that leave, besides ``person``, with the catalogue's types.
        spaces: the spaces of those that are keys.
        date: the column that dates its rows, or None; read for the cut even where it doesn't leave.
        date_type: that column's type.
        undated: rows without a date leave too.
    """

    name: str
    types: Mapping[str, ColumnType]
    spaces: Mapping[str, str]
    date: str | None
    date_type: ColumnType | None
    undated: bool


@dataclass
class Tally:
    """What was counted on the way.

    Attributes:
        rows: that left.
        left_out: rows, or values of relatives, that did not, by reason.
        files: SHA-256 by file name.
        schema: as written.
    """

    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)
    schema: dict[str, pl.DataType] = field(default_factory=dict)


def shuffle(
    freeze: Freeze,
    folder: Path,
    cut: Cut,
    selection: Selection,
    *,
    workers: int = 1,
    report: Report = silent,
) -> Tally:
    """Write one register of an extract.

    Args:
        freeze: where it comes from.
        folder: the extract's folder; the register's own, within it, must not exist.
        cut: what leaves of the register.
        selection: whose rows, of when, under which names.
        workers: threads.
        report: told of the register's buckets, first those read, then those written.

    Returns:
        What was counted.
    """
    target = folder / cut.name
    target.mkdir()
    staged = folder / f"{cut.name}.staged"
    total = freeze.buckets + selection.buckets
    tally = Tally()
    with ThreadPoolExecutor(workers) as threads:
        staging = _Staging(staged, cut, selection, tally)
        try:
            files = (freeze.file(cut.name, bucket) for bucket in range(freeze.buckets))
            for done, _ in enumerate(threads.map(staging.add, files), start=1):
                report(cut.name, done, total)
        finally:
            staging.close()
        with staged.open("rb") as file:
            mapped = mmap(file.fileno(), 0, access=ACCESS_READ)  # closed when the last row is let go
        write = _Writing(staging, mapped, target).write
        for bucket, digest in enumerate(threads.map(write, range(selection.buckets))):
            tally.files[bucket_file(bucket)] = digest
            mapped.madvise(MADV_DONTNEED)  # what was read needs no memory any more
            report(cut.name, freeze.buckets + bucket + 1, total)
    staged.unlink()
    return tally


class _Staging:
    """The first pass: one Arrow file, a record batch for each bucket of the freeze."""

    def __init__(self, path: Path, cut: Cut, selection: Selection, tally: Tally) -> None:
        self._cut = cut
        self._selection = selection
        self._tally = tally
        self._lock = Lock()
        self._file = pa.OSFile(str(path), "wb")
        self._writer: pa.RecordBatchFileWriter | None = None
        self.ends: list[np.ndarray] = []  # for each batch, where the rows of each target bucket end

    def add(self, file: Path) -> None:
        """Select from one bucket of the freeze."""
        dated_by = [self._cut.date] if self._cut.date else []
        wanted = dict.fromkeys(["person", *dated_by, *self._cut.types])
        frame = pl.read_parquet(file, columns=list(wanted))
        counted = Tally()
        kept = _select(frame, self._cut, self._selection, counted).sort("person")
        bucket = self._selection.bucket_of(kept["person"].to_numpy())  # rises with the pseudonym
        ends = np.cumsum(np.bincount(bucket, minlength=self._selection.buckets))
        table = kept.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
        with self._lock:
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._file, table.schema)
                self._tally.schema = dict(kept.schema)
            for batch in table.to_batches():
                self._writer.write_batch(batch)
                self.ends.append(ends)
            self._tally.rows += len(kept)
            self._tally.left_out += counted.left_out

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Of the rows."""
        return self._tally.schema


class _Writing:
    """The second pass: each target bucket gathered, sorted, written and hashed."""

    def __init__(self, staging: _Staging, mapped: mmap, target: Path) -> None:
        reader = pa.ipc.open_file(pa.py_buffer(mapped))
        self._batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self._ends = staging.ends
        self._schema = staging.schema
        self._target = target

    def write(self, bucket: int) -> str:
        """Write one bucket; returns its file's SHA-256."""
        slices = []
        for batch, ends in zip(self._batches, self._ends, strict=True):
            start = int(ends[bucket - 1]) if bucket else 0
            if ends[bucket] > start:
                slices.append(batch.slice(start, int(ends[bucket]) - start))
        frame = pl.DataFrame(schema=self._schema)
        if slices:
            frame = pl.DataFrame(pa.Table.from_batches(slices))
        # By every column, so that nothing of the order in the freeze remains, and equal extracts are equal
        # to the byte.
        frame = frame.sort(frame.columns)
        path = self._target / bucket_file(bucket)
        digest = write_table(frame, path)
        path.chmod(0o444)
        return digest


def _select(frame: pl.DataFrame, cut: Cut, selection: Selection, tally: Tally) -> pl.DataFrame:
    """Keep what may leave, under the permit's names; columns: person, the date if it leaves, the rest."""
    pseudonyms = selection.pseudonyms[frame["person"].to_numpy()]
    keep = pseudonyms > 0
    tally.left_out["rows_outside_population"] += int((pseudonyms == 0).sum())
    tally.left_out["rows_opted_out"] += int((pseudonyms == OPTED_OUT).sum())
    if cut.date is not None and cut.date_type is not None:
        dates = frame[cut.date]
        undated = dates.is_null().to_numpy()
        within = _within(dates, cut.date_type, selection.period)
        tally.left_out["rows_outside_period"] += int((keep & ~undated & ~within).sum())
        if cut.undated:
            within |= undated
        else:
            tally.left_out["rows_without_date"] += int((keep & undated).sum())
        keep &= within
    kept = frame.filter(pl.Series(keep))
    columns = [pl.Series("person", pseudonyms[keep], dtype=pl.Int32)]
    for name in sorted(cut.types, key=lambda name: name != cut.date):
        values = kept[name]
        if cut.types[name] == "person":
            columns.append(_relatives(values, selection, tally))
        elif cut.types[name] == "key":
            columns.append(rekey(values.cast(pl.String), cut.spaces[name], selection.key))
        else:
            columns.append(values)
    return pl.DataFrame(columns)


def _relatives(values: pl.Series, selection: Selection, tally: Tally) -> pl.Series:
    """Pseudonyms of other persons; null for those outside the population and those who opted out."""
    known = selection.pseudonyms
    index = values.fill_null(-1).to_numpy()
    inside = (index >= 0) & (index < len(known))
    found = np.where(inside, known[np.where(inside, index, 0)], 0)
    tally.left_out["relatives_outside_population"] += int(((found <= 0) & (index >= 0)).sum())
    return pl.Series(values.name, found, dtype=pl.Int32).set(pl.Series(found <= 0), None)


def _within(dates: pl.Series, kind: ColumnType, period: Period) -> np.ndarray:
    if kind == "year":  # a year's row tells of all its days: all of them must be in the period
        first = period.since.year + ((period.since.month, period.since.day) > (1, 1))
        last = period.until.year - ((period.until.month, period.until.day) < (12, 31))
        within = dates.is_between(first, last)
    else:
        within = dates.cast(pl.Date).is_between(period.since, period.until)
    return within.fill_null(value=False).to_numpy()
