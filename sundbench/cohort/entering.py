"""Who enters a cohort, and on which day: the population's rule over one bucket's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from sundbench.cohort.events import Event
from sundbench.cohort.population import NewUsers
from sundbench.cohort.sources import selects
from sundbench.cohort.study import Study

Counts = tuple[int, ...]
"""Persons in all, then in each arm."""


@dataclass(frozen=True)
class Entered:
    """Who entered.

    Attributes:
        frame: ``row`` (uint32, from 0), ``person``, ``drug`` (uint8, place in the listing), ``index`` (date),
            sorted by person.
        steps: the persons left after each step of the population's rule.
    """

    frame: pl.DataFrame
    steps: tuple[Counts, ...]


def step_names(study: Study) -> tuple[str, ...]:
    """The steps of the population's rule, in words."""
    population = study.population
    names = [
        "any of the drugs" if len(population.drugs) > 1 else "the drug",
        f"from {study.first_day} to {study.last_day}",
        f"nothing of the washout in the {population.washout_days} days before",
    ]
    if _drops_same_day(population):
        names.append("one drug alone on the index day")
    return tuple(names)


def enter(study: Study, rows: Mapping[str, pl.DataFrame]) -> Entered:
    """Apply the population's rule.

    Args:
        study: the protocol.
        rows: of each view that the population reads, the rows of its events.
    """
    population = study.population
    arms = len(population.drugs)
    gets = pl.concat(
        [
            dates(event, rows).with_columns(pl.lit(arm, dtype=pl.UInt8).alias("drug"))
            for arm, (_, event) in enumerate(population.drugs)
        ]
    )
    steps = [_count(gets, arms)]
    gets = gets.filter(pl.col("date").is_between(study.first_day, study.last_day))
    steps.append(_count(gets, arms))
    starts = _after_washout(gets, dates(population.washout, rows), population.washout_days)
    first = starts.filter(pl.col("date") == pl.col("date").min().over("person"))
    steps.append(_count(first, arms))
    chosen = (
        first.group_by("person")
        .agg(
            pl.col("date").first().alias("index"),
            pl.col("drug").min(),
            pl.col("drug").n_unique().alias("drugs"),
        )
        .sort("person")
    )
    if _drops_same_day(population):
        chosen = chosen.filter(pl.col("drugs") == 1)
        steps.append(_count(chosen, arms))
    frame = chosen.with_row_index("row").select("row", "person", "drug", "index")
    return Entered(frame, tuple(steps))


def dates(event: Event, rows: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``person`` and ``date`` of an event's rows; a person's date may be there twice."""
    found = [rows[part.view].filter(selects(part)).select("person", "date") for part in event.parts]
    return found[0] if len(found) == 1 else pl.concat(found)


def count(frame: pl.DataFrame, arms: int) -> Counts:
    """Persons of a frame with one row per person."""
    return (frame.height, *(int(frame["drug"].eq(arm).sum()) for arm in range(arms)))


def _count(frame: pl.DataFrame, arms: int) -> Counts:
    pairs = frame.select("person", "drug").unique()
    by_arm = [int(pairs["drug"].eq(arm).sum()) for arm in range(arms)]
    return (pairs["person"].n_unique(), *by_arm)


def _after_washout(starts: pl.DataFrame, washed: pl.DataFrame, days: int) -> pl.DataFrame:
    """The starts with nothing of the washout in [date - days, date - 1]."""
    earlier = washed.unique().sort("date").with_columns(pl.col("date").alias("earlier"))
    before = (
        starts.unique()
        .sort("date")
        .join_asof(
            earlier,
            on="date",
            by="person",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
    )
    gap = (pl.col("date") - pl.col("earlier")).dt.total_days()
    return before.filter(pl.col("earlier").is_null() | (gap > days)).select("person", "date", "drug")


def _drops_same_day(population: NewUsers) -> bool:
    return population.same_day == "drop" and len(population.drugs) > 1


def names_of(arms: Sequence[str]) -> pl.Enum:
    """The type of the column ``drug``: the drugs in the order of listing."""
    return pl.Enum(list(arms))
