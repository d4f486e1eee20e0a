"""The days on which events happen to the persons of a cohort, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from sundbench.cohort.events.event import Event
from sundbench.cohort.marking import Booleans, Marked

Rows = Mapping[str, Marked]
"""Rows by view."""


def of_view(event: Event, view: str, rows: Marked) -> Booleans:
    """Which of a view's rows are of an event."""
    chosen = np.zeros(rows.rows.height, dtype=bool)
    for part in event.parts:
        if part.view == view:
            chosen |= rows.of(part)
    return chosen


def occurrences(rows: Rows, event: Event, columns: Sequence[str] = ()) -> pl.DataFrame:
    """The rows of an event: ``person``, ``date`` and the columns asked for."""
    parts = [
        rows[view].rows.filter(of_view(event, view, rows[view])).select("person", "date", *named(columns))
        for view in dict.fromkeys(part.view for part in event.parts)
    ]
    return parts[0] if len(parts) == 1 else pl.concat(parts)


def named(columns: Sequence[str]) -> list[pl.Expr]:
    """A view's columns under the names that rules of exposure read."""
    return [pl.col("code").alias("atc") if name == "atc" else pl.col(name) for name in columns]
