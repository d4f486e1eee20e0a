"""Gathering what a study needs of one bucket, when it is needed and for the persons who are still in.

Requirements are met in the protocol's order: what only later steps need is read for those who are left. A
view is read once, for all the events that the protocol has of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from sundbench.cohort import persons, sources
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.events import Event
from sundbench.cohort.features import Charlson, Feature, Reduction
from sundbench.cohort.plan import Plan, Slot
from sundbench.cohort.reducing import empty_value, reduce
from sundbench.cohort.study import leaves

Views = tuple[str, ...]


class Gathering:
    """One bucket's rows and the columns made of them.

    Args:
        plan: the study, compiled.
        bucket: the bucket to read.
    """

    def __init__(self, plan: Plan, bucket: Bucket) -> None:
        self._plan = plan
        self._bucket = bucket
        self._events = plan.events()
        self._rows: dict[str, pl.DataFrame] = {}
        self._slots: dict[Views, list[Slot]] = {}
        for slot in plan.slots:
            self._slots.setdefault(_views(slot.event), []).append(slot)

    def of_population(self) -> dict[str, pl.DataFrame]:
        """The rows of the views that decide who enters."""
        views = sorted(self._plan.population_views())
        self._rows = dict(zip(views, pl.collect_all([self._read(view) for view in views]), strict=True))
        return self._rows

    def add(self, frame: pl.DataFrame, wanted: Iterable[Feature]) -> pl.DataFrame:
        """The frame with the columns that features without parts are computed from."""
        features = list(wanted)
        groups = {_views(event) for event in map(_event, features) if event is not None}
        asked = any(persons.column(feature) is not None for feature in features)
        return self._with(frame, sorted(groups), self._attributes() if asked else [])

    def add_all(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with all columns that the study is computed from."""
        return self._with(frame, list(self._slots), self._attributes())

    def _with(
        self, frame: pl.DataFrame, groups: Sequence[Views], attributes: Sequence[Feature]
    ) -> pl.DataFrame:
        groups = [views for views in groups if not _there(frame, self._slots[views][0].name)]
        attributes = [feature for feature in attributes if not _there(frame, persons.column(feature))]
        missing = sorted({view for views in groups for view in views} - set(self._rows))
        found = [self._read(view).filter(persons.among(frame)) for view in missing]
        self._rows |= dict(zip(missing, pl.collect_all(found), strict=True))
        parts = [
            reduce(frame, {view: self._rows[view].lazy() for view in views}, self._slots[views])
            for views in groups
        ]
        parts += persons.attributes(self._bucket, frame, attributes)
        for part in pl.collect_all(parts):
            frame = frame.join(part, on="row", how="left", maintain_order="left")
        filled = [empty_value(slot) for views in groups for slot in self._slots[views]]
        return frame.with_columns(*filled, *persons.filled(attributes))

    def _read(self, view: str) -> pl.LazyFrame:
        return sources.rows(self._bucket, view, self._events[view], self._plan.values(view))

    def _attributes(self) -> list[Feature]:
        study = self._plan.study
        found = {persons.column(leaf): leaf for _, feature in study.features() for leaf in leaves(feature)}
        return [leaf for name, leaf in found.items() if name is not None]


def _views(event: Event) -> Views:
    return tuple(sorted({part.view for part in event.parts}))


def _event(feature: Feature) -> Event | None:
    if isinstance(feature, Reduction):
        return feature.occurrences.event
    return feature.event if isinstance(feature, Charlson) else None


def _there(frame: pl.DataFrame, column: str | None) -> bool:
    return column in frame.columns
