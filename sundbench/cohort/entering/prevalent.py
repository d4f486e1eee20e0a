"""Prevalent new users: from the first day of either drug on, until the study drug is begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from sundbench.cohort.entering.days import Booleans, Days, Integers, Places, days_of
from sundbench.cohort.entering.entered import Entered
from sundbench.cohort.populations.prevalent import PrevalentNewUsers

COMPARATOR, STUDY = 0, 1
"""The drugs' places in ``PrevalentNewUsers.arms``."""


@dataclass(frozen=True)
class _Histories:
    """The base cohort's days in the entry period, from each person's first on.

    Attributes:
        days: all days of either drug.
        starts: each person's first day in the base cohort.
        start: for each day the place of that first day; -1 before it.
        begins: the days on which the study drug is begun.
        before: whether a day lies before the person begins the study drug, or they never do.
        dispensings: for each day, the days with the comparator since the start, the day itself not counted.
    """

    days: Days
    starts: Booleans
    start: Places
    begins: Booleans
    before: Booleans
    dispensings: Integers

    @property
    def prior_days(self) -> Integers:
        """Days from the start."""
        gone = self.days.date - self.days.date[np.maximum(self.start, 0)]
        return gone.astype("timedelta64[D]").astype(np.int32)


def enter(
    population: PrevalentNewUsers, entry: tuple[date, date], rows: Mapping[str, pl.DataFrame]
) -> Entered:
    """The users of the study drug, with their history of the comparator."""
    found, steps = _histories(population, entry, rows)
    begins = found.begins
    steps.append(found.days.count(begins))
    frame = pl.DataFrame(
        {
            "person": found.days.person[begins],
            "drug": np.full(int(begins.sum()), STUDY, dtype=np.uint8),
            "index": found.days.date[begins].astype("datetime64[D]"),
            "prior_days": found.prior_days[begins],
            "prior_dispensings": found.dispensings[begins],
        },
        schema_overrides={"person": pl.Int32},
    )
    # The last step counts users of the study drug alone, whatever else that day brings.
    steps[-1] = (frame.height, 0, frame.height)
    return Entered(frame.with_row_index("row"), tuple(steps))


def comparators(
    population: PrevalentNewUsers, entry: tuple[date, date], rows: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """The days on which a person of the base cohort gets the comparator and hasn't begun the study drug.

    Returns:
        ``person``, ``index``, ``prior_days``, ``prior_dispensings``, by person and day.
    """
    found, _ = _histories(population, entry, rows)
    there = found.before & found.days.drugs[:, COMPARATOR]
    return pl.DataFrame(
        {
            "person": found.days.person[there],
            "index": found.days.date[there].astype("datetime64[D]"),
            "prior_days": found.prior_days[there],
            "prior_dispensings": found.dispensings[there],
        },
        schema_overrides={"person": pl.Int32},
    )


def _histories(
    population: PrevalentNewUsers, entry: tuple[date, date], rows: Mapping[str, pl.DataFrame]
) -> tuple[_Histories, list[tuple[int, ...]]]:
    days = days_of((population.comparator[1], population.drug[1]), population.either, rows)
    kept: Booleans = np.any(days.drugs, axis=1)
    steps = [days.count(kept)]
    inside = days.within(entry)
    kept &= inside
    steps.append(days.count(kept))
    starts = days.first_of_each(kept & days.free_for(population.washout_days))
    steps.append(days.count(starts))
    starts &= days.drugs.sum(axis=1) == 1
    steps.append(days.count(starts))
    start = days.since(starts)
    followed = (start >= 0) & inside
    begins = days.first_of_each(followed & days.drugs[:, STUDY])
    before = followed & (days.since(begins) < 0)
    counted = np.concatenate([[0], np.cumsum(days.drugs[:, COMPARATOR])])
    dispensings = (counted[:-1] - counted[np.maximum(start, 0)]).astype(np.int32)
    return _Histories(days, starts, start, begins, before, dispensings), steps
