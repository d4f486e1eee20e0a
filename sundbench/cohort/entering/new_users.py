"""New users: the first day in the entry period that brings a drug after a free washout."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from sundbench.cohort.entering.days import Booleans, Days, days_of
from sundbench.cohort.entering.entered import Entered
from sundbench.cohort.populations.new_users import NewUsers


def enter(population: NewUsers, entry: tuple[date, date], rows: Mapping[str, pl.DataFrame]) -> Entered:
    """Apply the rule.

    Args:
        population: whose.
        entry: the first and the last day of the entry period.
        rows: of each view that the population reads, the rows of its events.
    """
    days = days_of(population.events, population.washout, rows)
    kept: Booleans = np.any(days.drugs, axis=1)
    steps = [days.count(kept)]
    kept &= days.within(entry)
    steps.append(days.count(kept))
    kept &= days.free_for(population.washout_days)
    kept = days.first_of_each(kept)
    steps.append(days.count(kept))
    if population.drops_same_day:
        kept &= days.drugs.sum(axis=1) == 1
        steps.append(days.count(kept))
    return Entered(frame_of(days, kept), tuple(steps))


def frame_of(days: Days, kept: Booleans) -> pl.DataFrame:
    """The days that are kept as rows of a cohort; of several drugs the first listed counts."""
    frame = pl.DataFrame(
        {
            "person": days.person[kept],
            "drug": days.drugs[kept].argmax(axis=1).astype(np.uint8),
            "index": days.date[kept].astype("datetime64[D]"),
        },
        schema_overrides={"person": pl.Int32},
    )
    return frame.with_row_index("row")
