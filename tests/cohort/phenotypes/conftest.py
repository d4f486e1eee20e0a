"""A delivery in the registers' own formats as an extract, with numbers for its opaque person strings."""

import csv
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

import sundbench as sb

PARENTS = {"lpr_diag": "lpr_adm", "lpr3a_diagnose": "lpr3a_kontakt", "lpr3f_diagnoser": "lpr3f_kontakter"}
KEYS = ("recnum", "dw_ek_kontakt")
DATES = ("d_inddto", "kont_starttidspunkt", "dato_start", "eksd", "foed_dato", "samplingdate")
NUMBERS = ("apk", "volume")
OWN = ("bef", "lmdb", "lab_forsker", "sysi", "sssy")

Tables = dict[str, list[dict[str, str]]]


def monday(week: str) -> date:
    """The Monday of a fee week yyww."""
    year = int(week[:2])
    return date.fromisocalendar(year + (1900 if year >= 70 else 2000), int(week[2:]), 1)


def stored(column: str, text: str, numbers: dict[str, dict[str, int]]) -> object:
    if column == "person" or column in KEYS:
        kind = "person" if column == "person" else "key"
        return numbers[kind].setdefault(text, len(numbers[kind]) + 1)
    if column in DATES:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007
    if column in NUMBERS:
        return float(text)
    return monday(text) if column == "honuge" else text


@pytest.fixture
def as_extract(write_extract) -> Callable[[Tables], tuple[sb.Database, dict[str, int]]]:
    """An extract of a delivery's rows, and the number of each person: children have their parent's person."""

    def make(tables: Tables, buckets: int = 1, spread: int = 1) -> tuple[sb.Database, dict[str, int]]:
        numbers: dict[str, dict[str, int]] = {"person": {}, "key": {}}
        frames = {}
        for name, delivered in tables.items():
            rows = delivered
            if name in PARENTS:
                key = "recnum" if name == "lpr_diag" else "dw_ek_kontakt"
                contacts = {row[key]: row for row in tables[PARENTS[name]]}
                inherited = ("pnr", *DATES)
                rows = [
                    {column: text for column, text in contacts[row[key]].items() if column in inherited} | row
                    for row in delivered
                    if row[key] in contacts
                ]
            frames[name] = pl.DataFrame(
                [
                    {
                        ("person" if column == "pnr" else column): stored(
                            "person" if column == "pnr" else column, text, numbers
                        )
                        for column, text in row.items()
                    }
                    for row in rows
                ]
            ).with_columns(pl.col("person") * spread)
        people = {text: number * spread for text, number in numbers["person"].items()}
        return sb.connect(write_extract(frames, buckets=buckets)), people

    return make


@pytest.fixture
def osdc(shared: Path) -> Tables:
    """The edge cases of the R package osdc, as delivered."""
    tables = {}
    for name in (*PARENTS.values(), *PARENTS, *OWN):
        path = shared / "deliveries" / "osdc" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    return tables
