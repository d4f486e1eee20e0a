"""Time under treatment, by whatever rules."""

from __future__ import annotations

import polars as pl

from sundbench.cohort.exposure.danish_doses import DanishDoses, danish_doses
from sundbench.cohort.exposure.episodes import episodes
from sundbench.cohort.exposure.rules import Rules
from sundbench.cohort.following.regimen import Regimen
from sundbench.errors import StudyError

PERIOD = {"person": pl.Int64, "start": pl.Date, "end": pl.Date}


def treated(rules: Regimen, rows: pl.DataFrame, stays: pl.DataFrame | None, place: str) -> pl.DataFrame:
    """When each person is under treatment.

    Args:
        rules: how dispensings join.
        rows: ``person`` (int64), ``date`` and what the rules read, in any order.
        stays: ``person``, ``start``, ``end`` of stays in hospital, which supply outlasts; None counts every
            day.
        place: in the protocol, for messages.

    Returns:
        ``person``, ``start`` and ``end`` (both in it), sorted; the episodes of a person don't overlap, and
        where the rules bridge no gap, at least a day is between two of them.

    Raises:
        StudyError: dispensings by which the rules can't tell how long they last.
    """
    if rows.is_empty():
        return pl.DataFrame(schema=PERIOD)
    try:
        if isinstance(rules, Rules):
            found = episodes(rows, rules, by=("person",), stays=stays).select(*PERIOD)
        elif isinstance(rules, DanishDoses):
            doses = danish_doses(rows, rules, by=("person",), stays=stays)
            found = _joined(doses.filter(pl.col("dose") > 0))
        else:
            found = _joined(rules.periods(rows, stays))
    except StudyError as error:
        raise StudyError(f"study, {place}: {error}") from error
    return found.cast(PERIOD)  # type: ignore[arg-type]


def _joined(periods: pl.DataFrame) -> pl.DataFrame:
    """Periods that overlap or adjoin, as one."""
    return (
        periods.select("person", "start", "end")
        .sort("person", "start", "end")
        .with_columns(pl.col("end").cum_max().shift(1).over("person").alias("before"))
        .with_columns(
            (pl.col("before").is_null() | (pl.col("start") > pl.col("before") + pl.duration(days=1)))
            .cum_sum()
            .alias("joined")
        )
        .group_by("joined", maintain_order=True)
        .agg(pl.col("person", "start").first(), pl.col("end").max())
        .drop("joined")
    )
