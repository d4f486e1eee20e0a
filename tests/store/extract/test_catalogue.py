"""Every register that the catalogue describes goes through, with every column it has."""

from datetime import date, datetime

import polars as pl

from sundbench.registers.catalogue import catalogue
from sundbench.store.buckets import POLARS_TYPES
from sundbench.store.extract import extract

VALUES = {
    "person": 1,
    "key": "000123",
    "code": "A",
    "text": "<5",
    "integer": 3,
    "decimal": 1.5,
    "money": 12_345,
    "week": date(2014, 6, 2),
    "year": 2014,
}


def typed(register: str, columns: list[str]) -> pl.DataFrame:
    """Three rows of person 0: before, in and after the year 2014."""
    root = catalogue().root(register)
    types = {name: (catalogue()[register].columns.get(name) or root.columns[name]).type for name in columns}
    days = [date(2013, 12, 31), date(2014, 6, 15), date(2015, 1, 1)]
    moments = [datetime(2013, 12, 31, 23, 59), datetime(2014, 12, 31, 23, 59), datetime(2015, 1, 1)]  # noqa: DTZ001
    years = {"year": [2013, 2014, 2015], "date": days, "datetime": moments, "week": days}
    return pl.DataFrame(
        {
            "person": pl.Series([0, 0, 0], dtype=pl.Int32),
            **{
                name: pl.Series(years.get(kind, [VALUES.get(kind)] * 3), dtype=POLARS_TYPES[kind])
                for name, kind in types.items()
            },
        }
    )


def test_every_register(site, register, rows, freeze_more):
    approved, tables = {}, {}
    for name, entry in catalogue().items():
        columns = [column for column in entry.columns if column != entry.subject]
        dated_by = catalogue().date_column(name)
        if dated_by not in columns:
            columns.insert(0, dated_by)
        tables[name] = typed(name, columns)
        approved[name] = columns
    freeze_more("f2", tables)
    register(registers=approved, since="2014-01-01", until="2014-12-31")

    made = extract(site, "lung", "f2")

    for name, told in made.manifest["registers"].items():
        assert told["rows"] == 1, name
        assert told["left_out"]["rows_outside_period"] == 2, name
        frame = rows("lung", name, "f2")
        assert set(frame.columns) == {"person", *approved[name]}
        assert frame.columns[:2] == ["person", catalogue().date_column(name)]
        for column, kind in told["columns"].items():
            stored = pl.Int64() if kind == "key" else POLARS_TYPES[kind]
            assert frame.schema[column] == stored, f"{name}.{column}"
        assert told["coverage"] in (
            {"since": "2014-01-01", "until": "2014-12-31"},
            {"since": None, "until": None},  # registers that had ended, or not begun
        )
