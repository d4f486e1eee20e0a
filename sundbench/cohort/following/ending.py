"""From when to when a person is followed, in a bucket's frame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from sundbench.cohort.following.treatment_end import DISCONTINUED, SWITCHED
from sundbench.cohort.language import Language, said
from sundbench.cohort.study import Study

CROSSOVER, MAX_DAYS, COVERAGE = "crossover", "max_days", "coverage"
"""Reasons for the end of follow-up besides the events of the protocol and the treatment."""


def end_reasons(study: Study) -> tuple[str, ...]:
    """Why follow-up may end, in the order that decides between reasons of one day."""
    follow_up = study.follow_up
    if follow_up is None:
        return ()
    treatment = follow_up.on_treatment
    of_treatment = (
        () if treatment is None else (SWITCHED, DISCONTINUED) if treatment.switching else (DISCONTINUED,)
    )
    crossing = (CROSSOVER,) if follow_up.crossover else ()
    until = (event.in_words() for event in follow_up.until)
    return (*until, *of_treatment, *crossing, MAX_DAYS, COVERAGE)


def step_names(study: Study, language: Language = "en") -> tuple[str, ...]:
    """The steps of the flow chart that follow-up makes."""
    follow_up = study.follow_up
    if follow_up is None:
        return ()
    if follow_up.start is not None:
        start = follow_up.start.in_words(language)
        first = said(language, f"followed after {start}", f"fulgt efter {start}")
    elif follow_up.start_day:
        first = said(
            language, f"followed beyond day {follow_up.start_day}", f"fulgt ud over dag {follow_up.start_day}"
        )
    else:
        first = said(language, "followed for at least a day", "fulgt mindst én dag")
    if not drops_earlier(study):
        return (first,)
    return first, said(
        language, "no outcome before follow-up begins", "intet udfald før opfølgningen begynder"
    )


def drops_earlier(study: Study) -> bool:
    """Whether persons with an outcome before follow-up begins are left out."""
    follow_up = study.follow_up
    return (
        follow_up is not None
        and follow_up.delayed
        and follow_up.earlier_outcomes == "drop"
        and bool(study.outcomes)
    )


def followed(
    study: Study,
    frame: pl.DataFrame,
    *,
    start: pl.Expr | None,
    until: Sequence[pl.Expr],
    crossing: Sequence[pl.Expr],
    covered_until: date | None,
) -> pl.DataFrame:
    """Add ``start``, ``end`` and ``end_reason``, and leave out who isn't followed for a day.

    Args:
        study: the protocol.
        frame: with ``index`` and, on treatment, ``discontinued`` and ``switched``.
        start: the date after which follow-up begins, where the protocol gives one.
        until: the dates of the events that end it, in the protocol's order.
        crossing: the date on which a person of each arm crosses to another; none if that isn't asked for.
        covered_until: the earliest end of coverage.
    """
    follow_up = study.follow_up
    assert follow_up is not None  # noqa: S101 - the caller asks
    begins = pl.col("index") + timedelta(days=follow_up.start_day)
    if start is not None:
        # No date: not followed.
        begins = pl.when(start.is_not_null()).then(pl.max_horizontal(start, "index"))
    no_day = pl.lit(None, dtype=pl.Date)
    of_treatment = [pl.col(name) for name in (SWITCHED, DISCONTINUED) if name in end_reasons(study)]
    crossed = (
        [pl.coalesce(pl.when(pl.col("drug") == arm).then(one) for arm, one in enumerate(crossing))]
        if crossing
        else []
    )
    ends = [
        *until,
        *of_treatment,
        *crossed,
        no_day if follow_up.max_days is None else pl.col("index") + timedelta(days=follow_up.max_days),
        no_day if covered_until is None else pl.lit(covered_until),
    ]
    end = pl.min_horizontal(ends)
    reason = pl.coalesce(
        pl.when(one == end).then(pl.lit(name)) for name, one in zip(end_reasons(study), ends, strict=True)
    )
    return frame.with_columns(begins.alias("start"), end.alias("end"), reason.alias("end_reason")).filter(
        pl.col("start").is_not_null() & (pl.col("end").is_null() | (pl.col("end") > pl.col("start")))
    )


def without_earlier(frame: pl.DataFrame, first: Sequence[pl.Expr]) -> pl.DataFrame:
    """Those with no outcome, and nothing that competes with one, before follow-up begins.

    Args:
        frame: with ``start``.
        first: the date of each of those events' first occurrence after the index day.
    """
    return frame.filter(
        ~pl.any_horizontal([(day <= pl.col("start")).fill_null(value=False) for day in first])
    )
