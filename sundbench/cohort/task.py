"""One task: a plan over one bucket. Everything about a person lies in one bucket, so tasks know no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from sundbench.cohort import persons, sources
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.entering import Counts, count, enter, names_of
from sundbench.cohort.expressions import Slots, expression
from sundbench.cohort.features import Feature
from sundbench.cohort.plan import OUTCOME, Plan, key, slot_keys, until_window
from sundbench.cohort.reducing import empty_value, reduce
from sundbench.cohort.study import Study, leaves

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


def run(plan: Plan, number: int) -> Part:
    """Run a plan over one bucket."""
    bucket = Bucket(plan.root, number)
    events = plan.events()
    lazy = {view: sources.rows(bucket, view, events[view], plan.values(view)) for view in events}
    entering = sorted(plan.population_views())
    rows = dict(zip(entering, pl.collect_all([lazy[view] for view in entering]), strict=True))
    entered = enter(plan.study, rows)
    cohort = entered.frame
    rest = {view: frame for view, frame in lazy.items() if view not in rows}
    frame = _with_features(plan, bucket, cohort, {view: df.lazy() for view, df in rows.items()} | rest)
    arms = len(plan.study.population.drugs)
    steps = list(entered.steps)
    slots = slot_keys(plan.slots)
    for feature in plan.study.require.values():
        frame = frame.filter(expression(feature, slots))
        steps.append(count(frame, arms))
    if plan.study.follow_up is not None:
        frame = _followed(plan, frame, slots)
        steps.append(count(frame, arms))
    return Part(_columns(plan, frame, slots), tuple(steps))


def _with_features(
    plan: Plan, bucket: Bucket, cohort: pl.DataFrame, rows: Mapping[str, pl.LazyFrame]
) -> pl.DataFrame:
    """The cohort with a column for each slot and attribute."""
    by_views: dict[tuple[str, ...], list[int]] = {}
    for n, slot in enumerate(plan.slots):
        by_views.setdefault(tuple(sorted({part.view for part in slot.event.parts})), []).append(n)
    found = [
        reduce(cohort, {view: rows[view] for view in names}, [plan.slots[n] for n in which])
        for names, which in by_views.items()
    ]
    wanted = _unique_leaves(plan.study)
    found += persons.attributes(bucket, cohort, wanted)
    frame = cohort
    for part in pl.collect_all(found):
        frame = frame.join(part, on="row", how="left", maintain_order="left")
    filled = [empty_value(slot) for slot in plan.slots]
    resident = [
        pl.col(name).fill_null(value=False)
        for name in sorted({persons.column(one) or "" for one in wanted})
        if name.startswith("resident_")
    ]
    return frame.with_columns(*filled, *resident)


def _unique_leaves(study: Study) -> list[Feature]:
    return [leaf for _, feature in study.features() for leaf in leaves(feature)]


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
    for name, feature in (*study.covariates.items(), *study.measures.items()):
        column = expression(feature, slots)
        columns.append((column.cast(pl.Enum(feature.labels)) if feature.labels else column).alias(name))
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
