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

from sundbench.cohort.events import Event
from sundbench.cohort.sources import selects

Booleans = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

COMBINATION = "combination"
"""The column that numbers a row's combination of texts."""


@dataclass(frozen=True, eq=False)
class Marked:
    """The rows of a view, and what tells which events they are of.

    Attributes:
        rows: ``person``, ``date``, the columns of the view, and ``combination`` where it has texts.
        combinations: the different combinations of texts, by number.
        of_texts: of each event that texts tell, which combinations are of it.
        of_rows: of each other event, its column of ``rows``; None where all rows are of it.
    """

    rows: pl.DataFrame
    combinations: pl.DataFrame
    of_texts: Mapping[Event, Booleans]
    of_rows: Mapping[Event, str | None]

    def of(self, event: Event, rows: pl.DataFrame) -> Booleans:
        """Which of some rows are of an event.

        Args:
            event: one of those that were marked.
            rows: rows that were taken from these, with all their columns.
        """
        told = self.of_texts.get(event)
        if told is not None:
            chosen: Booleans = told[rows[COMBINATION].to_numpy()]
            return chosen
        column = self.of_rows[event]
        return np.ones(rows.height, dtype=bool) if column is None else rows[column].to_numpy()


def marked(rows: pl.DataFrame, events: Sequence[Event]) -> Marked:
    """Mark the rows of a view.

    Args:
        rows: as ``sources.rows`` gives them.
        events: those that the study asks of the view, none of them a union.
    """
    texts = {name for name, kind in rows.schema.items() if kind in (pl.String, pl.Boolean)}
    conditions = {event: selects(event) for event in events}
    roots = {event: set(condition.meta.root_names()) for event, condition in conditions.items()}
    by_texts = [event for event in events if roots[event] and roots[event] <= texts]
    by_rows = [event for event in events if roots[event] and not roots[event] <= texts]
    columns = sorted({"code"} & texts | {name for event in by_texts for name in roots[event]})
    combinations = pl.DataFrame()
    if columns:
        combinations = rows.select(columns).unique().with_row_index(COMBINATION)
        rows = rows.join(combinations, on=columns, how="left", nulls_equal=True, maintain_order="left")
    told = combinations.select(
        conditions[event].fill_null(value=False).alias(str(n)) for n, event in enumerate(by_texts)
    )
    names = {event: f"is_{n}" for n, event in enumerate(by_rows)}
    rows = rows.with_columns(
        conditions[event].fill_null(value=False).alias(name) for event, name in names.items()
    )
    everything: dict[Event, str | None] = {event: None for event in events if not roots[event]}
    return Marked(
        rows,
        combinations,
        {event: told[str(n)].to_numpy() for n, event in enumerate(by_texts)},
        everything | names,
    )
