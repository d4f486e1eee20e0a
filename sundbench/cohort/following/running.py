"""Follow-up in a bucket's task: who is followed, what happens to them, and what they are exposed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from sundbench.cohort.entering import Counts, count
from sundbench.cohort.expressions import Slots, expression
from sundbench.cohort.following import ending, needs
from sundbench.cohort.following.changing import intervals
from sundbench.cohort.following.episodes import treated
from sundbench.cohort.following.events_found import apart, columns, count_column, days_within, first_column
from sundbench.cohort.following.follow_up import FollowUp
from sundbench.cohort.following.occurrences import Rows, occurrences
from sundbench.cohort.following.regimen import columns as columns_of
from sundbench.cohort.following.treatment_end import treatment_ends
from sundbench.cohort.gathering import Gathering
from sundbench.cohort.narrowed import among
from sundbench.cohort.plan import Plan, key

INTERVALS, RECURRENCES, EARLIER = "exposures", "recurrences", "earlier"
"""The kinds of long tables that follow-up gives; the last has a row for each who had an outcome before."""

Long = Mapping[tuple[str, str], pl.DataFrame]
"""Long tables by kind and name; ``row`` is a place in the part's table."""


@dataclass(frozen=True)
class Followed:
    """A bucket's frame with follow-up.

    Attributes:
        frame: who is followed, with ``start``, ``end``, ``end_reason`` and what outcomes are told from.
        steps: persons left after each step.
        long: exposures, recurrent outcomes, and who had an outcome before follow-up.
    """

    frame: pl.DataFrame
    steps: tuple[Counts, ...]
    long: Long


def follow(plan: Plan, frame: pl.DataFrame, slots: Slots, gathering: Gathering) -> Followed:
    """Follow the persons of a bucket who fulfil all requirements."""
    study, follow_up = plan.study, plan.study.follow_up
    if follow_up is None:
        return Followed(frame, (), {})
    arms = len(study.population.arms)
    rows = gathering.rows_of(frame, needs.by_rows(study))
    stays = gathering.stays(frame) if needs.reads_stays(study) else None
    if follow_up.on_treatment is not None:
        treatment = follow_up.on_treatment
        ends = treatment_ends(
            frame, rows, study.population.events, treatment, stays if treatment.outside_hospital else None
        )
        frame = frame.join(ends, on="row", how="left", maintain_order="left")
    frame = ending.followed(
        study,
        frame,
        start=None if follow_up.start is None else expression(follow_up.start, slots),
        until=[
            pl.min_horizontal(slots[key(part, window, "first")] for part, window in needs.until(event))
            for event in follow_up.until
        ],
        crossing=[
            pl.lit(None, dtype=pl.Date) if one is None else pl.col(slots[key(one, needs.CROSSING, "first")])
            for one in needs.crossings(study)
        ],
        covered_until=plan.until,
    )
    steps = [count(frame, arms)]
    if ending.drops_earlier(study):
        frame = ending.without_earlier(frame, _first_days(plan, slots))
        steps.append(count(frame, arms))
    frame, long = _by_rows(plan, frame, rows)
    for name, event in needs.had_before(study):
        long[EARLIER, name] = frame.filter(pl.col(slots[key(event, needs.EARLIER, "any")])).select("row")
    for name, exposure in study.exposures.items():
        bought = occurrences(rows, exposure.event, columns_of(exposure.rules)).filter(among(frame))
        episodes = treated(
            exposure.rules,
            bought.with_columns(pl.col("person").cast(pl.Int64)),
            stays if exposure.outside_hospital else None,
            f"exposures[{name!r}]",
        )
        long[INTERVALS, name] = intervals(
            frame, episodes, lag_days=exposure.lag_days, recent_days=exposure.recent_days
        )
    return Followed(frame, tuple(steps), {name: _placed(frame, one) for name, one in long.items()})


def outcome_columns(plan: Plan, slots: Slots) -> list[pl.Expr]:
    """The columns of outcomes and follow-up, over a frame of ``follow``."""
    study, follow_up = plan.study, plan.study.follow_up
    if follow_up is None:
        return []
    found = []
    for name, outcome in study.endpoints.items():
        first = [
            _first_day(follow_up, slots, name, place, event) for place, event in enumerate(outcome.events)
        ]
        found += columns(name, outcome, first, delayed=follow_up.delayed)
    reasons = list(dict.fromkeys(ending.end_reasons(study)))
    start = [pl.col("start")] if follow_up.delayed else []
    return [*found, *start, pl.col("end"), pl.col("end_reason").cast(pl.Enum(reasons))]


def _first_days(plan: Plan, slots: Slots) -> list[pl.Expr]:
    """The first days after the index day of all outcomes and what competes with them."""
    follow_up = plan.study.follow_up
    assert follow_up is not None  # noqa: S101 - the caller asks
    return [
        _first_day(follow_up, slots, name, place, event)
        for name, outcome in plan.study.endpoints.items()
        for place, event in enumerate(outcome.events)
    ]


def _first_day(follow_up: FollowUp, slots: Slots, name: str, place: int, event: object) -> pl.Expr:
    if needs.after_any_start(follow_up):
        return pl.col(first_column(name, place))
    return pl.col(slots[key(event, needs.outcome_window(follow_up), "first")])  # type: ignore[arg-type]


def _by_rows(
    plan: Plan, frame: pl.DataFrame, rows: Rows
) -> tuple[pl.DataFrame, dict[tuple[str, str], pl.DataFrame]]:
    """The frame with what is told from every day of an outcome, and the days of recurrent ones."""
    follow_up = plan.study.follow_up
    assert follow_up is not None  # noqa: S101 - the caller asks
    long: dict[tuple[str, str], pl.DataFrame] = {}
    for name, outcome in plan.study.endpoints.items():
        found = []
        if needs.after_any_start(follow_up):
            for place, event in enumerate(outcome.events):
                first = pl.col("date").first().alias(first_column(name, place))
                days = days_within(frame, rows, event)
                found.append(days.group_by("row", maintain_order=True).agg(first))
        if outcome.recurrent:
            days = apart(days_within(frame, rows, outcome.event), outcome.gap_days)
            found.append(days.group_by("row").agg(pl.len().alias(count_column(name))))
            long[RECURRENCES, name] = days
        for one in found:
            frame = frame.join(one, on="row", how="left", maintain_order="left")
    return frame, long


def _placed(frame: pl.DataFrame, long: pl.DataFrame) -> pl.DataFrame:
    """A long table with places in the frame for its rows' numbers, and days since index for dates."""
    places = frame.select("row", "index").with_row_index("place")
    found = long.with_columns(pl.col("row").cast(frame.schema["row"])).join(
        places, on="row", how="left", maintain_order="left"
    )
    if "date" in found.columns:
        day = (pl.col("date") - pl.col("index")).dt.total_days().cast(pl.Int32)
        found = found.with_columns(day.alias("day")).drop("date")
    return found.with_columns(pl.col("place").cast(pl.Int64).alias("row")).drop("place", "index")
