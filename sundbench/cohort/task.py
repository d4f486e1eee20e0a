"""One task: a plan over a bucket. Everything about a person lies in one bucket, so tasks know no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from sundbench.cohort.entering import Counts, count, enter, names_of
from sundbench.cohort.expressions import Slots
from sundbench.cohort.gathering import Gathering
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.plan import OUTCOME, Plan, key, slot_keys, until_window
from sundbench.cohort.program import program
from sundbench.cohort.study import Study

MAX_DAYS, COVERAGE = "max_days", "coverage"
"""Reasons for the end of follow-up besides the events of the protocol."""


@dataclass(frozen=True)
class Part:
    """What a task gives.

    Attributes:
        table: one row per person, sorted by person.
        steps: persons left after each step of the attrition.
    """

    table: pl.DataFrame
    steps: tuple[Counts, ...]


def run(plan: Plan, numbers: tuple[int, ...]) -> Part:
    """Run a plan over one bucket, or over a few neighbours."""
    study, ready = plan.study, program(plan)
    gathering = Gathering(ready, Neighbours(plan.root, numbers[0], numbers))
    entered = enter(study, gathering.of_population())
    arms = len(study.population.drugs)
    frame, steps = entered.frame, list(entered.steps)
    for requirement in ready.requirements:
        frame = gathering.add(frame, requirement).filter(requirement.fulfilled)
        steps.append(count(frame, arms))
    frame, slots = gathering.add_all(frame), slot_keys(plan.slots)
    if study.follow_up is not None:
        frame = _followed(plan, frame, slots)
        steps.append(count(frame, arms))
    return Part(_columns(plan, frame, slots), tuple(steps))


def end_reasons(study: Study) -> tuple[str, ...]:
    """Why follow-up may end, in the order that decides between reasons of one day."""
    if study.follow_up is None:
        return ()
    return (*(event.in_words() for event in study.follow_up.until), MAX_DAYS, COVERAGE)


def _followed(plan: Plan, frame: pl.DataFrame, slots: Slots) -> pl.DataFrame:
    """Add ``end`` and ``end_reason``, and drop who isn't followed for a day."""
    follow_up = plan.study.follow_up
    assert follow_up is not None  # noqa: S101 - the caller asks
    ends: list[pl.Expr] = [
        pl.col(slots[key(event, until_window(event), "first")]) for event in follow_up.until
    ]
    no_day = pl.lit(None, dtype=pl.Date)
    ends.append(
        no_day if follow_up.max_days is None else pl.col("index") + timedelta(days=follow_up.max_days)
    )
    ends.append(no_day if plan.until is None else pl.lit(plan.until))
    end = pl.min_horizontal(ends)
    reason = pl.coalesce(
        pl.when(one == end).then(pl.lit(name))
        for name, one in zip(end_reasons(plan.study), ends, strict=True)
    )
    return frame.with_columns(end.alias("end"), reason.alias("end_reason")).filter(
        pl.col("end").is_null() | (pl.col("end") > pl.col("index"))
    )


def _columns(plan: Plan, frame: pl.DataFrame, slots: Slots) -> pl.DataFrame:
    """The cohort's columns in their order and types."""
    study = plan.study
    names = list(study.population.arms)
    columns = [
        pl.col("person"),
        pl.col("drug").cast(pl.UInt32).replace_strict(range(len(names)), names, return_dtype=names_of(names)),
        pl.col("index"),
    ]
    columns += program(plan).columns
    for name, event in study.outcomes.items():
        columns += _outcome(name, pl.col(slots[key(event, OUTCOME, "first")]))
    if study.follow_up is not None:
        columns += [pl.col("end"), pl.col("end_reason").cast(pl.Enum(unique(end_reasons(study))))]
    return frame.select(columns)


def _outcome(name: str, first: pl.Expr) -> Sequence[pl.Expr]:
    happens = (first <= pl.col("end")).fill_null(value=False)
    last = pl.when(happens).then(first).otherwise(pl.col("end"))
    time = (last - pl.col("index")).dt.total_days().cast(pl.Int32)
    return time.alias(f"{name}_time"), happens.alias(f"{name}_event")


def unique(names: Sequence[str]) -> list[str]:
    """The names in order, each once."""
    return list(dict.fromkeys(names))
