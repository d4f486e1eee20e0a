"""A column's values, given whose rows they are and when: by its name, code system, labels or type."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import polars as pl

from sundbench.registers.catalogue import Column, ColumnType, Register
from sundbench.registers.invented.people import REGIONS, People
from sundbench.registers.synthetic.figures import Days, Indices, figures, medicines, year_of

_MEDICINES, _USUAL = 4, 0.9
"""How many medicines a person usually gets, and how often it is one of them."""
_ICD10_SINCE = 8_766
"""1994-01-01: Denmark went from ICD-8 to ICD-10."""

LEADING = frozenset({"ATC", "NPU"})
"""Code systems from whose codes other columns of the row follow: the product, the result."""

STORED: dict[ColumnType, pl.DataType] = {
    "person": pl.Int32(),
    "key": pl.Int64(),
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
"""How an extract stores each type."""


@cache
def rules() -> dict[str, Any]:
    """What data/columns.toml says."""
    text = files(__package__).joinpath("data", "columns.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass
class Rows:
    """The rows of one register before they have columns.

    Attributes:
        person: places.
        day: the day that dates each row.
        tag: which planted rows a row is one of; -1 for none.
        hour: of the day.
        keys: record numbers that come from a parent or a register beside.
        stay: days from the row's day to its end.
        codes: codes drawn so far that other columns follow from.
    """

    person: Indices
    day: Days
    tag: Indices
    hour: Indices
    keys: dict[str, pl.Series] = field(default_factory=dict)
    stay: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    codes: dict[str, pl.Series] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.person)

    def take(self, places: Indices) -> Rows:
        """Some of the rows, some of them perhaps many times."""
        keys = {name: key.gather(places) for name, key in self.keys.items()}
        return Rows(self.person[places], self.day[places], self.tag[places], self.hour[places], keys)


@dataclass(frozen=True)
class Drawing:
    """What columns are drawn from.

    Attributes:
        people: the persons.
        planted: the values of planted rows, by tag.
        avoid: codes that only planted rows may have.
    """

    people: People
    planted: list[dict[str, str]]
    avoid: frozenset[str]

    def column(self, register: Register, name: str, rows: Rows, rng: np.random.Generator) -> pl.Series:
        """One column, in the type in which an extract stores it."""
        column = register.columns[name]
        series = self._drawn(register, name, column, rows, rng).cast(STORED[column.type]).alias(name)
        share = rules()["filled"].get(name, 1.0)
        if share < 1:
            series = series.set(pl.Series(rng.random(len(rows)) >= share), None)
        for tag in np.unique(rows.tag):
            given = self.planted[tag].get(name) if tag >= 0 else None
            if given is not None:
                value = pl.Series([given]).str.strip_chars()
                typed = value.str.to_date() if column.type == "date" else value.cast(STORED[column.type])
                series = series.set(pl.Series(rows.tag == tag), typed.item())
        if column.code_system in LEADING:
            rows.codes[column.code_system] = series
        return series

    def _drawn(
        self, register: Register, name: str, column: Column, rows: Rows, rng: np.random.Generator
    ) -> pl.Series:
        size = len(rows)
        role = _roles().get(name)
        if role is not None:
            return self._of_person(role, rows)
        if column.type in {"date", "datetime", "week"}:
            return self._day(register, name, rows, rng)
        if column.type == "year":
            return pl.Series(year_of(rows.day))
        if column.type == "person":
            return pl.Series([None] * size, dtype=pl.Int32)
        if column.type == "key":
            return rows.keys[name] if name in rows.keys else pl.Series(rng.integers(1, 2**62, size))
        if column.type in {"integer", "decimal", "money"}:
            return self._number(name, column.type, rows, rng)
        if name == "value" and "NPU" in rows.codes:
            return _results(rows.codes["NPU"], rng)
        if name == "unit" and "NPU" in rows.codes:
            return _looked_up(rows.codes["NPU"], {test[0]: test[3] for test in _tests()})
        if name in {"name", "v_laegemiddelnavn"} and "ATC" in rows.codes:
            return "Lægemiddel " + rows.codes["ATC"]
        if name in _OF_PRODUCT and "ATC" in rows.codes:
            return _looked_up(rows.codes["ATC"], {row["atc"]: row[_OF_PRODUCT[name]] for row in medicines()})
        return self._code(register, name, rows, rng)

    def _of_person(self, role: str, rows: Rows) -> pl.Series:
        people, who = self.people, rows.person
        sexes = people.sex[who].astype(np.int64)
        match role:
            case "sex":
                return pl.Series(["1", "2"]).gather(sexes - 1)
            case "sex_by_letter":
                return pl.Series(["M", "K"]).gather(sexes - 1)
            case "birth":
                return pl.Series(people.birth[who]).cast(pl.Date)
            case "age":
                return pl.Series(people.age(who, rows.day))
            case "region":
                return pl.Series(REGIONS).gather(people.region[who])
            case "household":
                return pl.Series(people.household[who])
            case "household_size":
                return pl.Series(np.bincount(people.household)[people.household[who]])
            case _:
                other = {"mother": people.mother, "father": people.father, "spouse": people.spouse}[role][who]
                names = pl.Series(people.name[np.maximum(other, 0)])
                return names.set(pl.Series(other < 0), None)

    def _day(self, register: Register, name: str, rows: Rows, rng: np.random.Generator) -> pl.Series:
        days, hours = rules()["days"], np.zeros(len(rows), dtype=np.int64)
        kind, dates = register.columns[name].type, name == register.date
        when = rows.day.astype(np.int64)
        if not dates and name in days["after"]:
            if not len(rows.stay):
                rows.stay = np.floor(rng.exponential(days["mean_stay"], len(rows))).astype(np.int64)
            when = np.minimum(when + rows.stay, self.people.death[rows.person])
            hours = rng.integers(20, 24, len(rows))
        elif not dates and name in days["before"]:
            when = when - np.floor(rng.exponential(3, len(rows))).astype(np.int64)
        elif not dates and name in days["long_before"]:
            when = when - np.floor(rng.exponential(2_000, len(rows))).astype(np.int64)
        elif kind == "datetime":
            hours = rows.hour
        when = np.maximum(when, self.people.birth[rows.person])
        if kind == "datetime":
            return pl.Series(when * 86_400_000 + hours * 3_600_000).cast(pl.Datetime("ms"))
        return pl.Series(when.astype(np.int32)).cast(pl.Date)

    def _number(self, name: str, kind: str, rows: Rows, rng: np.random.Generator) -> pl.Series:
        if name in _OF_PRODUCT and "ATC" in rows.codes:
            table = {row["atc"]: float(row[_OF_PRODUCT[name]] or 0) for row in medicines()}
            value = _looked_up(rows.codes["ATC"], table)
            return (value * 100).round() if kind == "money" else value
        numbers = rules()["numbers"]
        low, high = numbers.get(name, (50, 5_000) if kind == "money" else numbers["default"])
        if kind == "money":
            return pl.Series(rng.integers(low * 100, high * 100 + 1, len(rows)))
        return pl.Series(rng.integers(low, high + 1, len(rows)))

    def _code(self, register: Register, name: str, rows: Rows, rng: np.random.Generator) -> pl.Series:
        column = register.columns[name]
        if column.code_system == "ICD-10" and name not in rules()["codes"]:
            leading = column.spelling != "no leading D"
            codes = [code if leading else code[1:] for code in _diagnoses()]
            drawn = self._pick(codes, len(rows), rng)
            old = self._pick(rules()["systems"]["ICD-8"], len(rows), rng)
            return drawn.set(pl.Series(rows.day < _ICD10_SINCE), None).fill_null(old)
        if column.code_system == "kommune":
            places = rules()["systems"]["kommune"]
            return pl.Series(places).gather(self.people.household[rows.person] % len(places))
        if column.code_system == "ATC":
            return self._habits(_pool(register.name, name, column), rows, rng)
        return self._pick(_pool(register.name, name, column), len(rows), rng)

    def _habits(self, pool: list[str], rows: Rows, rng: np.random.Generator) -> pl.Series:
        """Medicines: people mostly get the same few again and again."""
        allowed = [code for code in pool if code not in self.avoid] or pool
        own = rng.integers(0, len(allowed), (len(self.people.birth), _MEDICINES))
        usual = own[rows.person, rng.integers(0, _MEDICINES, len(rows))]
        chosen = np.where(rng.random(len(rows)) < _USUAL, usual, rng.integers(0, len(allowed), len(rows)))
        return pl.Series(allowed, dtype=pl.String).gather(chosen)

    def _pick(self, pool: list[str], size: int, rng: np.random.Generator) -> pl.Series:
        allowed = [code for code in pool if code not in self.avoid] or pool
        return pl.Series(allowed, dtype=pl.String).gather(rng.integers(0, len(allowed), size))


def beginning(register: Register, name: str, prefix: str) -> list[str]:
    """The codes that a column may hold and that begin with a prefix; the prefix where none is known."""
    column = register.columns[name]
    pool = _pool(register.name, name, column)
    if column.code_system == "ICD-10":
        pool = pool + [code if column.spelling != "no leading D" else code[1:] for code in _diagnoses()]
    return sorted({code for code in pool if code.startswith(prefix)}) or [prefix]


def _pool(register: str, name: str, column: Column) -> list[str]:
    """The codes that a column may hold; of those with labels no others."""
    table = rules()
    codes: list[str] = table["codes"].get(f"{register}.{name}", table["codes"].get(name, []))
    codes = [code for code in codes if not column.labels or code in column.labels]
    if codes:
        return codes
    if column.code_system == "ATC":
        return [row["atc"] for row in medicines()]
    if column.code_system == "NPU":
        return [test[0] for test in _tests()]
    if column.labels:
        return [code for code in column.labels if code not in column.missing]
    systems: dict[str, list[str]] = table["systems"]
    if column.code_system in systems:
        return systems[column.code_system]
    return ["ukendt"] if column.type == "text" else ["1", "2", "3"]


@cache
def _roles() -> dict[str, str]:
    return {name: role for role, names in rules()["roles"].items() for name in names}


@cache
def _diagnoses() -> list[str]:
    """ICD-10 as LPR spells it: what people come to hospital for."""
    frequent = [
        code for kind in ("inpatient", "outpatient") for code, _ in figures("hospital")["diagnoses"][kind]
    ]
    diseases = [code for disease in figures("diseases")["disease"].values() for code in disease["icd10"]]
    return list(dict.fromkeys([*frequent, *diseases]))


@cache
def _tests() -> list[tuple[str, float, float, str, float, int, int]]:
    return [tuple(test) for test in figures("primary_care")["laboratory"]["tests"]]


_OF_PRODUCT = {
    "vnr": "vnr",
    "c_varenummer": "vnr",
    "packsize": "packsize",
    "v_pakningsstoerrelse_num": "packsize",
    "strnum": "strnum",
    "v_styrke_num": "strnum",
    "strunit": "strunit",
    "v_styrke_enhed": "strunit",
    "volume": "volume",
    "eksp": "price",
    "ptp": "price",
    "tilpris": "price",
    "aup": "price",
}
"""Columns that say more of the product whose ATC code the row has."""


def _looked_up(codes: pl.Series, table: dict[str, Any]) -> pl.Series:
    known = next(iter(table.values()))
    return codes.replace_strict(table, default=known, return_dtype=pl.Series([known]).dtype)


def _results(codes: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Laboratory results as text, as laboratories send them."""
    tests = {test[0]: test for test in _tests()}
    first = _tests()[0]
    rows = [tests.get(code, first) for code in codes]
    values = np.array([row[1] for row in rows]) + np.array([row[2] for row in rows]) * rng.standard_normal(
        len(rows)
    )
    return pl.Series(
        [
            f"<{row[4]:g}" if 0 < value < row[4] else f"{abs(value):.{row[6]}f}"
            for row, value in zip(rows, values, strict=True)
        ],
        dtype=pl.String,
    )
