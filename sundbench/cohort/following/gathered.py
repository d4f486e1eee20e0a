"""The buckets' long tables put together: exposures, recurrent outcomes, days of birth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from sundbench.cohort.following import needs
from sundbench.cohort.following.exposures import RECENT, STATES
from sundbench.cohort.following.regimen import bridges
from sundbench.cohort.following.running import EARLIER, INTERVALS, RECURRENCES

if TYPE_CHECKING:
    from sundbench.cohort.study import Study
    from sundbench.cohort.task import Part


def exposures(study: Study, parts: Sequence[Part], persons: pa.Array) -> dict[str, pa.Table]:
    """Each exposure's intervals: ``row``, ``person``, ``start_day``, ``stop_day``, ``state``."""
    found = {}
    for name, exposure in study.exposures.items():
        long = _together(parts, (INTERVALS, name))
        labels = [one for place, one in enumerate(STATES) if place != RECENT or exposure.recent_days]
        codes = long["state"].to_numpy()
        if not exposure.recent_days:
            codes = np.where(codes > RECENT, codes - 1, codes)
        row = pa.array(long["row"].to_numpy().astype(np.int32))
        found[name] = pa.table(
            {
                "row": row,
                "person": persons.take(row),
                "start_day": pa.array(long["start_day"].to_numpy()),
                "stop_day": pa.array(long["stop_day"].to_numpy()),
                "state": pa.DictionaryArray.from_arrays(
                    pa.array(codes.astype(np.int32)), pa.array(labels, pa.string())
                ),
            }
        )
    return found


def recurrences(study: Study, parts: Sequence[Part], persons: pa.Array) -> dict[str, pa.Table]:
    """Each recurrent outcome's days: ``row``, ``person``, ``day`` (since index)."""
    found = {}
    for name, outcome in study.endpoints.items():
        if outcome.recurrent:
            long = _together(parts, (RECURRENCES, name))
            row = pa.array(long["row"].to_numpy().astype(np.int32))
            found[name] = pa.table(
                {"row": row, "person": persons.take(row), "day": pa.array(long["day"].to_numpy())}
            )
    return found


def born(parts: Sequence[Part]) -> pa.Array | None:
    """The days of birth, where the protocol asks for age."""
    days = [part.born for part in parts if part.born is not None]
    return pl.concat(days).rechunk().to_arrow() if len(days) == len(parts) else None


def notes(study: Study, parts: Sequence[Part]) -> Iterator[str]:
    """What a reader must know of outcomes, treatment and exposure."""
    follow_up, rows = study.follow_up, sum(part.table.height for part in parts)
    for name, _ in needs.had_before(study):
        had = sum(part.long[EARLIER, name].height for part in parts)
        if had:
            yield (
                f"outcomes[{name!r}]: {had} of {rows} had it on the index day or before, and are followed to "
                "the next: for first-ever events require its absence"
            )
    if follow_up is not None and follow_up.on_treatment is not None:
        treatment = follow_up.on_treatment
        if bridges(treatment.rules, treatment.lag_days):
            yield (
                "follow-up on treatment bridges gaps for those alone who come back: events in the gap of one "
                "who doesn't are missed; a lag_days as long as the grace period counts them for all"
            )
    for name, exposure in study.exposures.items():
        if bridges(exposure.rules, exposure.lag_days):
            yield (
                f"exposure {name!r} bridges gaps for those alone who come back: such days are current use "
                "only because of what came later; a lag_days as long as the grace period treats all alike"
            )


def _together(parts: Sequence[Part], key: tuple[str, str]) -> pl.DataFrame:
    """A long table of all parts; ``row`` becomes the place in the whole cohort."""
    found, before = [], 0
    for part in parts:
        found.append(part.long[key].with_columns(pl.col("row") + before))
        before += part.table.height
    return pl.concat(found)
