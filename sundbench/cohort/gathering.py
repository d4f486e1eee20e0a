"""Gathering what a study needs of a bucket, when it is needed and for the persons who are still in.

Of all persons only the rows that decide who enters are read. Requirements are met in the protocol's order:
what only later steps need is read and computed for those who are left, each view once for all the events that
the protocol has of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from sundbench.cohort import persons, sources
from sundbench.cohort.events.event import Event
from sundbench.cohort.marking import Marked, marked
from sundbench.cohort.narrowed import FewPersons, Neighbours
from sundbench.cohort.program import Program, Requirement, Step
from sundbench.cohort.reducing import reduce
from sundbench.cohort.views import stays


class Gathering:
    """The rows of a bucket, or of a few neighbours, and the columns made of them.

    Args:
        program: the study.
        bucket: the buckets to read.
    """

    def __init__(self, program: Program, bucket: Neighbours) -> None:
        self._program = program
        self._bucket = bucket
        self._marked: dict[str, Marked] = {}

    def of_population(self) -> dict[str, pl.DataFrame]:
        """The rows of the views that decide who enters."""
        readings = self._program.population
        found = pl.collect_all([sources.rows(self._bucket, reading) for reading in readings.values()])
        return dict(zip(readings, found, strict=True))

    def add(self, frame: pl.DataFrame, requirement: Requirement) -> pl.DataFrame:
        """The frame with the columns that a requirement is computed from."""
        return self._with(frame, requirement.step)

    def add_all(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with all columns that the study is computed from."""
        return self._with(frame, self._program.rest)

    def rows_of(self, frame: pl.DataFrame, events: Iterable[Event]) -> dict[str, Marked]:
        """The rows of the events' views, of the frame's persons at least."""
        views = list(dict.fromkeys(event.view for event in events))
        self._read_with(frame, views, [])
        return {view: self._marked[view] for view in views}

    def stays(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Stays in hospital of the frame's persons: ``person``, ``start``, ``end`` (null while they last)."""
        return stays(self._few(frame)).select("person", "start", "end").collect()

    def _few(self, frame: pl.DataFrame) -> FewPersons:
        return FewPersons(self._bucket.root, self._bucket.number, self._bucket.numbers, frame)

    def _read_with(
        self, frame: pl.DataFrame, views: Iterable[str], attributes: list[pl.LazyFrame]
    ) -> list[pl.DataFrame]:
        """Read and mark what isn't yet of some views; gives what else is collected with it."""
        unread = [view for view in views if view not in self._marked]
        few = self._few(frame)
        found = pl.collect_all([*(self._read(few, view) for view in unread), *attributes])
        for view, rows in zip(unread, found, strict=False):
            self._marked[view] = marked(rows, self._program.events[view])
        return found[len(unread) :]

    def _with(self, frame: pl.DataFrame, step: Step) -> pl.DataFrame:
        attributes = persons.attributes(self._bucket, frame, step.attributes)
        for part in self._read_with(frame, step.views, attributes):
            frame = frame.join(part, on="row", how="left", maintain_order="left")
        frame = frame.with_columns(persons.filled(step.attributes))
        for stage in step.stages:
            edges = {column.name: column.to_numpy() for column in frame.select(stage.edges).iter_columns()}
            made = [
                reduce(frame, {view: self._marked[view] for view in group.views}, group, edges)
                for group in stage.groups
            ]
            frame = pl.concat([frame, *made], how="horizontal")
        return frame

    def _read(self, bucket: Neighbours, view: str) -> pl.LazyFrame:
        return sources.rows(bucket, self._program.readings[view])
