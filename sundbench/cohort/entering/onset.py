"""Onset of a condition: the first day of an event, the n-th, or the first after a free washout."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from sundbench.cohort.entering.days import days_of
from sundbench.cohort.entering.entered import Entered, nth_day, rows_of
from sundbench.cohort.entering.new_users import frame_of
from sundbench.cohort.events.event import Event
from sundbench.cohort.populations.onset import Onset


def enter(population: Onset, entry: tuple[date, date], rows: Mapping[str, pl.DataFrame]) -> Entered:
    """Apply the rule.

    Args:
        population: whose.
        entry: the first and the last day of the entry period.
        rows: of each view that the population reads, the rows of its events.
    """
    if population.washout is not None and population.washout_days is not None:
        return _washed(population.event, population.washout, population.washout_days, entry, rows)
    told = nth_day(rows_of(population.events, rows), population.nth)
    there = told.filter(pl.col("date").is_between(*entry))
    frame = there.select(
        "person", pl.lit(0, dtype=pl.UInt8).alias("drug"), pl.col("date").alias("index")
    ).sort("person")
    steps = tuple((height, height) for height in (told.height, frame.height))
    return Entered(frame.with_row_index("row"), steps)


def _washed(
    event: Event, washout: Event, length: int, entry: tuple[date, date], rows: Mapping[str, pl.DataFrame]
) -> Entered:
    days = days_of([event], washout, rows)
    kept = days.drugs[:, 0].copy()
    steps = [days.count(kept)]
    kept &= days.within(entry)
    steps.append(days.count(kept))
    kept = days.first_of_each(kept & days.free_for(length))
    steps.append(days.count(kept))
    return Entered(frame_of(days, kept), tuple(steps))
