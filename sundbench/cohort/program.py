"""A plan made ready for Polars, once in each process: its expressions are the same for every bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from sundbench.cohort import persons, sources
from sundbench.cohort.events.event import Event
from sundbench.cohort.expressions import Slots, expression
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import Feature, Reduction
from sundbench.cohort.grouping import Stage, stages
from sundbench.cohort.plan import Plan, key, key_of, slot_keys
from sundbench.cohort.study import leaves


@dataclass(frozen=True, eq=False)
class Step:
    """What is computed at one time, of what wasn't before.

    Attributes:
        attributes: of the person.
        stages: reductions, each stage's windows hanging on earlier ones alone.
    """

    attributes: tuple[Feature, ...]
    stages: tuple[Stage, ...]

    @property
    def views(self) -> tuple[str, ...]:
        """The views whose rows it is computed from."""
        return tuple(sorted({v for stage in self.stages for group in stage.groups for v in group.views}))


@dataclass(frozen=True, eq=False)
class Requirement:
    """One step of the flow chart.

    Attributes:
        step: what it is computed from.
        fulfilled: whether it is.
    """

    step: Step
    fulfilled: pl.Expr


@dataclass(frozen=True, eq=False)
class Program:
    """A plan made ready for Polars.

    Attributes:
        plan: the plan.
        slots: the column of each reduction by its key.
        population: what to read of each view of all persons, to decide who enters.
        readings: what to read of each view of those who are in.
        events: the different events of each view.
        requirements: the steps of the flow chart.
        rest: what is computed for those who fulfil them.
        columns: the covariates and measures.
    """

    plan: Plan
    slots: Slots
    population: Mapping[str, sources.Reading]
    readings: Mapping[str, sources.Reading]
    events: Mapping[str, tuple[Event, ...]]
    requirements: tuple[Requirement, ...]
    rest: Step
    columns: tuple[pl.Expr, ...]


@lru_cache(maxsize=4)
def program(plan: Plan, found: bool = False) -> Program:
    """Make a plan ready; plans are told apart by identity.

    Args:
        plan: the plan.
        found: for those who are found for cases, of whom more is required than of the cases.
    """
    study, keys = plan.study, slot_keys(plan.slots)
    of_found = [feature for _, feature in study.population.features()] if found else []
    made: set[str] = set()

    def step(features: list[Feature], slots: set[str]) -> Step:
        """What features are computed from, of what earlier steps haven't made."""
        attributes: dict[str, Feature] = {}
        for feature in features:
            for leaf in leaves(feature):
                name = persons.column(leaf)
                if name is not None and name not in made:
                    attributes[name] = leaf
        wanted = [slot for slot in plan.slots if slot.name in slots and slot.name not in made]
        made.update(attributes, (slot.name for slot in wanted))
        return Step(tuple(attributes.values()), stages(wanted, keys))

    requirements = tuple(
        Requirement(step([feature], _slots(feature, keys)), expression(feature, keys))
        for feature in (*of_found, *study.require.values())
    )
    everything = [feature for _, feature in study.features()]
    events = plan.events()
    columns = []
    for name, feature in (*study.covariates.items(), *study.measures.items()):
        column = expression(feature, keys)
        columns.append((column.cast(pl.Enum(feature.labels)) if feature.labels else column).alias(name))
    return Program(
        plan=plan,
        slots=keys,
        population={view: sources.reading(view, of, []) for view, of in plan.population_events().items()},
        readings={view: sources.reading(view, of, plan.values(view)) for view, of in events.items()},
        events={view: tuple(of) for view, of in events.items()},
        requirements=requirements,
        rest=step(everything, {slot.name for slot in plan.slots}),
        columns=tuple(columns),
    )


def _slots(feature: Feature, keys: Mapping[str, str]) -> set[str]:
    """The columns of the reductions that a feature is computed from."""
    found = set()
    for leaf in leaves(feature):
        if isinstance(leaf, Reduction):
            found.add(keys[key_of(leaf)])
        elif isinstance(leaf, Composite):
            found |= {keys[key(event, leaf.window, "any")] for event in leaf.events}
    return found
