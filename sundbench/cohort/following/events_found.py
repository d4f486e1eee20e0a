"""The outcomes' columns: when, whether, which of several, how often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from sundbench.cohort.events.event import Event
from sundbench.cohort.exposure.grouped import Groups, Ints
from sundbench.cohort.following.occurrences import Rows, occurrences
from sundbench.cohort.following.outcomes import Outcome


def columns(name: str, outcome: Outcome, first: Sequence[pl.Expr], *, delayed: bool) -> list[pl.Expr]:
    """An outcome's columns.

    Args:
        name: what the protocol calls it.
        outcome: the outcome.
        first: the date of the first occurrence during follow-up (or later) of the event, then of those that
            compete with it.
        delayed: whether follow-up may begin after the index day.
    """
    earliest = pl.min_horizontal(*first, "end")
    happens = [(one == earliest).fill_null(value=False) for one in first]
    cause = pl.lit(0)
    for place in range(len(happens), 0, -1):  # of one day, the first listed
        cause = pl.when(happens[place - 1]).then(place).otherwise(cause)
    found = [
        (earliest - pl.col("index")).dt.total_days().cast(pl.Int32).alias(f"{name}_time"),
        happens[0].alias(f"{name}_event"),
    ]
    if outcome.competing:
        found.append(cause.cast(pl.Int8).alias(f"{name}_cause"))
    if outcome.recurrent:
        found.append(pl.col(count_column(name)).fill_null(0).cast(pl.Int32).alias(f"{name}_count"))
    if delayed:
        entry = (pl.col("start") - pl.col("index")).dt.total_days().cast(pl.Int32)
        found.append(entry.alias(f"{name}_entry"))
    return found


def first_column(name: str, place: int) -> str:
    """The column with the first day of an outcome's event, or of what competes with it, sought by rows."""
    return f"first_{name}_{place}"


def count_column(name: str) -> str:
    """The column with how often a recurrent outcome happens."""
    return f"count_{name}"


def days_within(frame: pl.DataFrame, rows: Rows, event: Event) -> pl.DataFrame:
    """Every day during follow-up on which an event happens.

    Args:
        frame: ``row``, ``person``, ``start``, ``end``.
        rows: of the event's views.
        event: what happens.

    Returns:
        ``row`` and ``date``, sorted, each day once.
    """
    spans = frame.lazy().select("row", "person", "start", "end")
    within = (pl.col("date") > pl.col("start")) & (
        pl.col("end").is_null() | (pl.col("date") <= pl.col("end"))
    )
    return (
        occurrences(rows, event)
        .lazy()
        .join(spans, on="person", how="inner")
        .filter(within)
        .select("row", "date")
        .unique()
        .sort("row", "date")
        .collect()
    )


def apart(days: pl.DataFrame, gap_days: int) -> pl.DataFrame:
    """The days that count: each more than so many days after the last one that does."""
    if not gap_days or days.is_empty():
        return days
    day: Ints = days["date"].to_physical().cast(pl.Int64).to_numpy()
    last = day.copy()  # the last day that counts, up to and including each row
    for rows in Groups(days, ("row",)).steps():
        last[rows] = np.where(day[rows] - last[rows - 1] > gap_days, day[rows], last[rows - 1])
    return days.filter(pl.Series(last == day))
