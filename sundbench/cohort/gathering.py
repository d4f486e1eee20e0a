"""Gathering what a study needs of a bucket, when it is needed and for the persons who are still in.

Requirements are met in the protocol's order: what only later steps need is read for those who are left. A
view is read once, for all the events that the protocol has of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sundbench.cohort import persons, sources
from sundbench.cohort.features import Feature
from sundbench.cohort.narrowed import FewPersons, Neighbours
from sundbench.cohort.program import Program, Requirement, Views
from sundbench.cohort.reducing import empty_value, reduce


class Gathering:
    """The rows of a bucket, or of a few neighbours, and the columns made of them.

    Args:
        program: the study.
        bucket: the buckets to read.
    """

    def __init__(self, program: Program, bucket: Neighbours) -> None:
        self._program = program
        self._bucket = bucket
        self._rows: dict[str, pl.DataFrame] = {}

    def of_population(self) -> dict[str, pl.DataFrame]:
        """The rows of the views that decide who enters."""
        views = self._program.population
        self._rows = dict(
            zip(views, pl.collect_all([self._read(self._bucket, v) for v in views]), strict=True)
        )
        return self._rows

    def add(self, frame: pl.DataFrame, requirement: Requirement) -> pl.DataFrame:
        """The frame with the columns that a requirement is computed from."""
        attributes = self._program.attributes if requirement.of_persons else ()
        return self._with(frame, requirement.views, attributes)

    def add_all(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with all columns that the study is computed from."""
        return self._with(frame, tuple(self._program.slots), self._program.attributes)

    def _with(
        self, frame: pl.DataFrame, groups: Sequence[Views], attributes: Sequence[Feature]
    ) -> pl.DataFrame:
        slots = {views: self._program.slots[views] for views in groups}
        slots = {
            views: of_views for views, of_views in slots.items() if of_views[0].name not in frame.columns
        }
        attributes = [one for one in attributes if persons.column(one) not in frame.columns]
        missing = sorted({view for views in slots for view in views} - set(self._rows))
        few = FewPersons(self._bucket.root, self._bucket.number, self._bucket.numbers, frame)
        found = pl.collect_all([self._read(few, view) for view in missing])
        self._rows |= dict(zip(missing, found, strict=True))
        parts = [
            reduce(frame, {view: self._rows[view].lazy() for view in views}, of_views)
            for views, of_views in slots.items()
        ]
        parts += persons.attributes(self._bucket, frame, attributes)
        for part in pl.collect_all(parts):
            frame = frame.join(part, on="row", how="left", maintain_order="left")
        filled = [empty_value(slot) for of_views in slots.values() for slot in of_views]
        return frame.with_columns(*filled, *persons.filled(attributes))

    def _read(self, bucket: Neighbours, view: str) -> pl.LazyFrame:
        return sources.rows(bucket, self._program.readings[view])
