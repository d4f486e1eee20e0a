"""Days in hospital, taken out of time.

In hospital a person takes the hospital's medicine, and the own supply lasts longer. So supply is reckoned in
days outside hospital: each day is given its number among them, episodes are made on that axis, and their
ends are put back into the calendar. The day of admission is a day in hospital, the day of discharge isn't.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl

from sundbench.cohort.exposure.grouped import Ints

WIDTH = 1 << 31
"""Persons are kept apart by this many days."""


class Clock(Protocol):
    """Between calendar days and days that count."""

    def counted(self, person: Ints, day: Ints) -> Ints:
        """How many days that count lie before a day, from a fixed day on."""

    def day(self, person: Ints, counted: Ints) -> Ints:
        """The calendar day that has a number among those that count."""


class Calendar:
    """Every day counts."""

    def counted(self, person: Ints, day: Ints) -> Ints:
        """The day itself."""
        return day

    def day(self, person: Ints, counted: Ints) -> Ints:
        """The day itself."""
        return counted


class OutsideHospital:
    """Days outside hospital count.

    Args:
        stays: ``person``, ``start`` and ``end`` (day of discharge); may overlap. Stays without an end, and
            those that end on the day they begin, have no days.
    """

    def __init__(self, stays: pl.DataFrame) -> None:
        merged = merged_stays(stays)
        days = merged.select(
            pl.col("person").cast(pl.Int64),
            pl.col("start").to_physical().cast(pl.Int64),
            (pl.col("end") - pl.col("start")).dt.total_days().alias("length"),
        )
        person, start = days["person"].to_numpy(), days["start"].to_numpy()
        self._length: Ints = days["length"].to_numpy()
        self._earlier: Ints = np.cumsum(self._length) - self._length
        first = np.searchsorted(person, person, side="left")
        self._before: Ints = self._earlier - self._earlier[first] if person.size else self._earlier
        self._person = person
        self._start_key: Ints = person * WIDTH + start
        self._counted_key: Ints = person * WIDTH + start - self._before

    def counted(self, person: Ints, day: Ints) -> Ints:
        """The day less the days in hospital before it."""
        stay = np.searchsorted(self._start_key, person * WIDTH + day, side="right") - 1
        return day - self._hospital_days(person, stay, day)

    def day(self, person: Ints, counted: Ints) -> Ints:
        """The calendar day outside hospital that has this number."""
        stay = np.searchsorted(self._counted_key, person * WIDTH + counted, side="right") - 1
        return counted + self._hospital_days(person, stay, None)

    def _hospital_days(self, person: Ints, stay: Ints, until: Ints | None) -> Ints:
        """Days of the stays up to one, of the last of them only those before ``until``."""
        if not self._person.size:
            return np.zeros_like(person)
        known = np.maximum(stay, 0)
        of_person = (stay >= 0) & (self._person[known] == person)
        length = self._length[known]
        if until is not None:
            length = np.minimum(length, person * WIDTH + until - self._start_key[known])
        return np.where(of_person, self._before[known] + length, 0)


def merged_stays(stays: pl.DataFrame, by: Sequence[str] = ("person",)) -> pl.DataFrame:
    """Stays with a night, overlapping and adjoining ones as one; sorted by person and start."""
    return (
        stays.select(*by, "start", "end")
        .filter(pl.col("end") > pl.col("start"))
        .sort(*by, "start", "end")
        .with_columns(pl.col("end").cum_max().shift(1).over(by).alias("_before"))
        .with_columns((pl.col("_before").is_null() | (pl.col("start") > pl.col("_before"))).alias("_new"))
        .with_columns(pl.col("_new").cum_sum().over(by).alias("_stay"))
        .group_by(*by, "_stay", maintain_order=True)
        .agg(pl.col("start").first(), pl.col("end").max())
        .drop("_stay")
    )
