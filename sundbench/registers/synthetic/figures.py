"""The published and planted figures of the synthesis, read from the data files beside this module."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int32]
"""Days since 1970-01-01."""
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Sexes = NDArray[np.int8]
"""1 man, 2 woman."""
Values = NDArray[Any] | float | int | str
"""One value for each row, or one for all of them."""
When = NDArray[np.integer[Any]] | int
"""A day number for each, or one for all."""

NEVER = 2_000_000
"""A day that doesn't come: no death, no onset, no move."""

DAYS_A_YEAR = 365.25


def day(text: str) -> int:
    """The day number of an ISO date."""
    return int(np.datetime64(text, "D").astype(np.int64))


def year_start(years: NDArray[np.integer[Any]]) -> Days:
    """The day numbers of 1 January."""
    return (years - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int32)


def year_of(days: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """The calendar years of day numbers."""
    calendar = days.astype("datetime64[D]").astype("datetime64[Y]")
    return (calendar.astype(np.int64) + 1970).astype(np.int32)


@cache
def figures(name: str) -> dict[str, Any]:
    """One data file, e.g. ``figures("population")``."""
    text = files(__package__).joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def medicines() -> list[dict[str, str]]:
    """The rows of drugs.csv and the medicines of the planted comparisons, in a fixed order."""
    text = files(__package__).joinpath("data", "drugs.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    planted: list[tuple[str, str, str]] = []
    for comparison in figures("comparisons").values():
        if isinstance(comparison, dict) and "new" in comparison:
            planted += [(comparison[arm], comparison[f"{arm}_price"], "100") for arm in ("new", "standard")]
        elif isinstance(comparison, dict):
            planted.append((comparison["drug"], comparison["price"], "10"))
    known = {row["atc"] for row in rows}
    for number, (atc, price, volume) in enumerate(planted):
        if atc not in known:
            rows.append(
                {
                    "atc": atc,
                    "kind": "planted",
                    "vnr": str(100901 + number),
                    "packsize": "100",
                    "strnum": "5",
                    "strunit": "MG",
                    "volume": volume,
                    "price": str(price),
                    "indo": "",
                }
            )
    return rows


@cache
def medicine_index() -> dict[str, int]:
    """Where each ATC code stands in ``medicines()``."""
    return {row["atc"]: place for place, row in enumerate(medicines())}
