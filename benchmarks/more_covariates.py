"""Forty more covariates for the cohort benchmark, in the three programs' own ways of writing them.

Medicines of 24 groups and diagnoses of 16, each by one reduction: what an analyst lists who adjusts for
everything that might confound. Like all codes of the benchmark's delivery these only have the shape of codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

import sundbench as sb
from sundbench.cohort.features.feature import Feature

MEDICINES = (
    "A02", "A03", "A06", "A07", "A11", "A12", "B02", "B03", "C01", "C02", "C08", "C09",
    "D01", "D07", "G03", "G04", "H02", "H03", "L04", "M01", "N02", "N05", "N06", "R03",
)  # fmt: skip
DIAGNOSES = (
    "DB02", "DC05", "DD07", "DE03", "DE07", "DF03", "DF10", "DG04",
    "DG10", "DH03", "DJ10", "DK05", "DL04", "DM05", "DN03", "DN08",
)  # fmt: skip
OF_MEDICINES = (("any", 365), ("count", 365), ("days_since", 730), ("distinct", 365), ("packages", 365))
OF_DIAGNOSES = (("any", 5), ("count", 5), ("days_since", 10))
DAYS = {5: 1826, 10: 3652}


@dataclass(frozen=True)
class More:
    """A covariate: what is made of the rows of a group of codes in so many days before index."""

    code: str
    how: str
    days: int

    @property
    def name(self) -> str:
        """Its column."""
        return f"{self.code}_{self.how}".lower()


def medicines() -> Iterator[More]:
    """The covariates of dispensings."""
    for n, code in enumerate(MEDICINES):
        yield More(code, *OF_MEDICINES[n % len(OF_MEDICINES)])


def diagnoses() -> Iterator[More]:
    """The covariates of hospital diagnoses."""
    for n, code in enumerate(DIAGNOSES):
        how, years = OF_DIAGNOSES[n % len(OF_DIAGNOSES)]
        yield More(code, how, DAYS[years])


def names() -> list[str]:
    """The columns."""
    return [one.name for one in (*medicines(), *diagnoses())]


def features() -> dict[str, Feature]:
    """In a protocol."""
    found = {}
    for one in medicines():
        happened = sb.dispensing(one.code).before(days=one.days)
        found[one.name] = happened.sum("packages") if one.how == "packages" else getattr(happened, one.how)()
    for one in diagnoses():
        found[one.name] = getattr(sb.diagnosis(one.code).before(days=one.days), one.how)()
    return found


def in_polars(listed: Iterator[More], group: str) -> list[pl.Expr]:
    """As aggregations in Polars, over rows with ``day`` and a column of the group of codes."""
    found = []
    for one in listed:
        chosen = (pl.col(group) == one.code) & pl.col("day").is_between(-one.days, -1)
        made = {
            "any": chosen.any(),
            "count": chosen.sum(),
            "days_since": -pl.when(chosen).then(pl.col("day")).max(),
            "distinct": pl.when(chosen).then(pl.col("atc")).drop_nulls().n_unique(),
            "packages": pl.when(chosen).then(pl.col("apk")).sum(),
        }
        found.append(made[one.how].alias(one.name))
    return found


def in_sql(listed: Iterator[More], group: str) -> str:
    """As aggregations in SQL, each with a comma before it."""
    found = []
    for one in listed:
        chosen = f"{group} = '{one.code}' AND day BETWEEN -{one.days} AND -1"
        made = {
            "any": f"bool_or({chosen})",
            "count": f"count(*) FILTER ({chosen})",
            "days_since": f"-max(day) FILTER ({chosen})",
            "distinct": f"count(DISTINCT atc) FILTER ({chosen})",
            "packages": f"coalesce(sum(apk) FILTER ({chosen}), 0)",
        }
        found.append(f",\n    {made[one.how]} {one.name}")
    return "".join(found)
