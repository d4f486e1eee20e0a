"""A plan made ready for Polars, once in each process: its expressions are the same for every bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from sundbench.cohort import persons, sources
from sundbench.cohort.composite import Composite
from sundbench.cohort.events import Event
from sundbench.cohort.expressions import expression
from sundbench.cohort.features import Feature, Reduction
from sundbench.cohort.plan import Plan, Slot, slot_keys
from sundbench.cohort.study import leaves

Views = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Requirement:
    """One step of the flow chart.

    Attributes:
        views: the groups of views whose reductions it is computed from.
        of_persons: whether it is computed from attributes of the person.
        fulfilled: whether it is.
    """

    views: tuple[Views, ...]
    of_persons: bool
    fulfilled: pl.Expr


@dataclass(frozen=True, eq=False)
class Program:
    """A plan made ready for Polars.

    Attributes:
        plan: the plan.
        readings: what to read of each view.
        population: the views that decide who enters.
        slots: the reductions, by the views that their events are of.
        attributes: the attributes of persons, each once.
        requirements: the steps of the flow chart.
    """

    plan: Plan
    readings: Mapping[str, sources.Reading]
    population: tuple[str, ...]
    slots: Mapping[Views, tuple[Slot, ...]]
    attributes: tuple[Feature, ...]
    requirements: tuple[Requirement, ...]


@lru_cache(maxsize=4)
def program(plan: Plan) -> Program:
    """Make a plan ready; plans are told apart by identity."""
    slots: dict[Views, tuple[Slot, ...]] = {}
    for slot in plan.slots:
        slots[views_of(slot.event)] = (*slots.get(views_of(slot.event), ()), slot)
    keys = slot_keys(plan.slots)
    found = {persons.column(leaf): leaf for _, feature in plan.study.features() for leaf in leaves(feature)}
    return Program(
        plan=plan,
        readings={
            view: sources.reading(view, events, plan.values(view)) for view, events in plan.events().items()
        },
        population=tuple(sorted(plan.population_views())),
        slots=slots,
        attributes=tuple(leaf for name, leaf in found.items() if name is not None),
        requirements=tuple(
            Requirement(_looked_at(feature), _of_persons(feature), expression(feature, keys))
            for feature in plan.study.require.values()
        ),
    )


def views_of(event: Event) -> Views:
    """The views that an event's rows come from."""
    return tuple(sorted({part.view for part in event.parts}))


def _looked_at(feature: Feature) -> tuple[Views, ...]:
    found = set()
    for leaf in leaves(feature):
        if isinstance(leaf, Reduction):
            found.add(views_of(leaf.occurrences.event))
        elif isinstance(leaf, Composite):
            found.add(views_of(leaf.event))
    return tuple(sorted(found))


def _of_persons(feature: Feature) -> bool:
    return any(persons.column(leaf) is not None for leaf in leaves(feature))
