"""Which rows of a view are of which events, told once for all that a study asks of the view.

Codes repeat: an event is tried on each different combination of codes and other texts, not on each row. What
an event says of numbers is tried on the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.events.event import Event
from sundbench.cohort.sources import selects

Booleans = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

COMBINATION = "combination"
"""The column that numbers a row's combination of texts."""


@dataclass(frozen=True, eq=False)
class Marked:
    """The rows of a view, and what tells which events they are of.

    Attributes:
        rows: ``person``, ``date``, the columns of the view, and ``combination``.
        combinations: the different combinations of texts, by number; one without columns where there are no
            texts.
        of_texts: of each event that texts tell, which combinations are of it.
        of_rows: of each other event, its column of ``rows``.
    """

    rows: pl.DataFrame
    combinations: pl.DataFrame
    of_texts: Mapping[Event, Booleans]
    of_rows: Mapping[Event, str]

    def of(self, event: Event) -> Booleans:
        """Which of the rows are of an event; one of those that were marked."""
        if event in self.of_rows:
            return self.rows[self.of_rows[event]].to_numpy()
        chosen: Booleans = self.of_texts[event][self.rows[COMBINATION].to_numpy()]
        return chosen


def marked(rows: pl.DataFrame, events: Sequence[Event]) -> Marked:
    """Mark the rows of a view.

    Args:
        rows: as ``sources.rows`` gives them.
        events: those that the study asks of the view, none of them a union.
    """
    texts = {name for name, kind in rows.schema.items() if kind in (pl.String, pl.Boolean)}
    conditions = {event: selects(event).fill_null(value=False) for event in events}
    roots = {event: set(condition.meta.root_names()) for event, condition in conditions.items()}
    by_texts = [event for event in events if roots[event] <= texts]
    by_rows = {event: f"is_{n}" for n, event in enumerate(events) if not roots[event] <= texts}
    columns = sorted({"code"} & texts | {name for event in by_texts for name in roots[event]})
    number = pl.int_range(pl.len(), dtype=pl.UInt32).alias(COMBINATION)
    if columns:
        combinations = rows.select(columns).unique().with_columns(number)
        rows = rows.join(combinations, on=columns, how="left", nulls_equal=True, maintain_order="left")
    else:
        combinations = pl.DataFrame({COMBINATION: [0]}, schema={COMBINATION: pl.UInt32})
        rows = rows.with_columns(pl.lit(0, dtype=pl.UInt32).alias(COMBINATION))
    told = combinations.with_columns(conditions[event].alias(f"is_{n}") for n, event in enumerate(by_texts))
    rows = rows.with_columns(conditions[event].alias(name) for event, name in by_rows.items())
    of_texts = {event: told[f"is_{n}"].to_numpy() for n, event in enumerate(by_texts)}
    return Marked(rows, combinations, of_texts, by_rows)
