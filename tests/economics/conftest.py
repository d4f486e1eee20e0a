"""Hand-made extracts: a few rows of the registers that costs come from."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sundbench.cohort.database import Database, connect

TYPES = {
    "date": pl.Date,
    "week": pl.Date,
    "datetime": pl.Datetime("ms"),
    "money": pl.Int64,
    "integer": pl.Int32,
    "decimal": pl.Float64,
    "key": pl.Int64,
}


@pytest.fixture
def extract(tmp_path: Path) -> Callable[..., Database]:
    """Write rows as an extract: ``extract(lmdb=[{"person": 1, ...}], ...)``; days as ``date``."""
    from sundbench.registers.catalogue import catalogue

    def write(until: date = date(2024, 12, 31), **registers: list[dict[str, object]]) -> Database:
        about = {}
        for name, rows in registers.items():
            entry = catalogue()[name]
            columns = list(dict.fromkeys(column for row in rows for column in row))
            schema = {
                column: pl.Int32 if column == "person" else TYPES.get(entry.column(column).type, pl.String)
                for column in columns
            }
            folder = tmp_path / "extract" / name
            folder.mkdir(parents=True)
            frame = pl.DataFrame([[row.get(c) for c in columns] for row in rows], columns, orient="row")
            frame.cast(schema).write_parquet(folder / "bucket-00000.parquet")
            about[name] = {
                "columns": {},
                "coverage": {"since": "2018-05-01", "until": until.isoformat()},
            }
        manifest = {"registers": about, "buckets": 1, "digest": "0"}
        (tmp_path / "extract" / "extract.json").write_text(json.dumps(manifest))
        return connect(tmp_path / "extract")

    return write
