"""What a population's rule gives of a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from sundbench.cohort.events.event import Event
from sundbench.cohort.sources import selects

Counts = tuple[int, ...]
"""Rows in all (persons, in a cohort where everybody has one), then in each arm."""


@dataclass(frozen=True)
class Entered:
    """Who entered.

    Attributes:
        frame: ``row`` (uint32, from 0), ``person``, ``drug`` (uint8, the arm's place in the listing),
            ``index`` (date) and what else the population tells of them, sorted by person.
        steps: the persons left after each step of the population's rule.
    """

    frame: pl.DataFrame
    steps: tuple[Counts, ...]


def rows_of(events: Iterable[Event], rows: Mapping[str, pl.DataFrame]) -> pl.LazyFrame:
    """The persons and days of any of several events.

    Args:
        events: what happens.
        rows: of each view, the rows of the population's events.
    """
    parts = list(dict.fromkeys(part for event in events for part in event.parts))
    found = [
        rows[view]
        .lazy()
        .filter(any_of([selects(part) for part in parts if part.view == view]))
        .select("person", "date")
        for view in dict.fromkeys(part.view for part in parts)
    ]
    return pl.concat(found) if found else pl.LazyFrame(schema={"person": pl.Int32, "date": pl.Date})


def nth_day(happened: pl.LazyFrame, nth: int) -> pl.DataFrame:
    """``person`` and ``date``: the n-th different day of each person who has so many."""
    if nth == 1:
        return happened.group_by("person").agg(pl.col("date").min()).collect()
    return (
        happened.unique()
        .sort("person", "date")
        .group_by("person")
        .agg(pl.col("date").get(nth - 1, null_on_oob=True))
        .filter(pl.col("date").is_not_null())
        .collect()
    )


def any_of(conditions: Sequence[pl.Expr]) -> pl.Expr:
    """Whether any of several conditions holds; of none, none does."""
    return pl.any_horizontal(conditions) if conditions else pl.lit(value=False)


def count(frame: pl.DataFrame, arms: int) -> Counts:
    """Rows of a frame: in all, then by arm."""
    by_arm = np.bincount(frame["drug"].to_numpy(), minlength=arms)
    return (frame.height, *(int(n) for n in by_arm))


def names_of(arms: Sequence[str]) -> pl.Enum:
    """The type of the column ``drug``: the arms in the order of listing."""
    return pl.Enum(list(arms))
