"""Small tables written as an extract lays them out."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import polars as pl

from sundbench.registers.catalogue import catalogue

SINCE, UNTIL = date(1977, 1, 1), date(2025, 12, 31)

Registers = Mapping[str, pl.DataFrame]


def _catalogued(register: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with each column as the store holds its catalogue type; ``person`` first, as int32.

    Days and times may be written in ISO 8601 ("2020-01-01 08:00").
    """
    types = {
        "person": pl.Int32,
        "key": pl.Int64,
        "code": pl.String,
        "text": pl.String,
        "integer": pl.Int32,
        "decimal": pl.Float64,
        "money": pl.Int64,
        "date": pl.Date,
        "datetime": pl.Datetime("ms"),
        "week": pl.Date,
        "year": pl.Int32,
    }
    known = catalogue()
    columns = dict(known[register].columns) if register in known else {}
    root = known.root(register).columns if register in known else {}
    casts = [pl.col("person").cast(pl.Int32)]
    for name in frame.columns:
        if name == "person":
            continue
        column = columns.get(name) or root.get(name)
        values = pl.col(name)
        if column is not None and column.type in {"date", "week", "datetime"}:
            values = pl.lit(_moments(frame[name]))
        casts.append(values.cast(types[column.type]) if column is not None else values)
    ordered = frame.select(casts)
    dates = known.date_column(register) if register in known else None
    first = [name for name in ("person", dates) if name in ordered.columns]
    return ordered.sort(
        [*first, *(name for name in ordered.columns if name not in first)], maintain_order=True
    )


def _moments(column: pl.Series) -> pl.Series:
    """A column of days or times, read where it is text."""
    if column.dtype != pl.String:
        return column
    read = [None if text is None else datetime.fromisoformat(text) for text in column]
    return pl.Series(column.name, read, dtype=pl.Datetime("ms"))


def write(
    root: Path,
    registers: Registers,
    buckets: int = 1,
    coverage: Mapping[str, tuple[date, date]] | None = None,
    permit: str = "test",
) -> None:
    """Write tables as an extract into a folder; the fixture ``write_extract`` says how they must look."""
    entries = {}
    persons: set[int] = set()
    for register, table in registers.items():
        frame = _catalogued(register, table)
        persons.update(frame["person"].to_list())
        folder = root / register
        folder.mkdir(parents=True)
        files = {}
        for bucket in range(buckets):
            path = folder / f"bucket-{bucket:05d}.parquet"
            mine = (pl.col("person").cast(pl.Int64) * buckets) // 2**31 == bucket
            frame.filter(mine).write_parquet(path, statistics=True)
            files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        since, until = (coverage or {}).get(register, _coverage(register))
        entries[register] = {
            "columns": {name: str(kind) for name, kind in frame.schema.items()},
            "rows": frame.height,
            "files": files,
            "coverage": {"since": since.isoformat(), "until": until.isoformat()},
        }
    everything = json.dumps([entries[name]["files"] for name in sorted(entries)])
    manifest = {
        "permit": permit,
        "permit_digest": hashlib.sha256(permit.encode()).hexdigest(),
        "freeze": "test-freeze",
        "catalogue_digest": catalogue().digest,
        "library": "0.1.0",
        "persons": len(persons),
        "buckets": buckets,
        "digest": hashlib.sha256(everything.encode()).hexdigest(),
        "registers": entries,
        "period": {"since": SINCE.isoformat(), "until": UNTIL.isoformat()},
        "left_out": {},
    }
    (root / "extract.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _coverage(register: str) -> tuple[date, date]:
    """What the catalogue says that a register holds, cut to the years of these tests."""
    known = catalogue()
    if register not in known:
        return SINCE, UNTIL
    covered = known[register].coverage
    return max(covered.since, SINCE), min(covered.until or UNTIL, UNTIL)
