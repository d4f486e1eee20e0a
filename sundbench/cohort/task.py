"""One task: a plan over a bucket. Everything about a person lies in one bucket, so tasks know no other."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from sundbench.cohort import persons
from sundbench.cohort.entering import Counts, count, enter, names_of
from sundbench.cohort.expressions import Slots
from sundbench.cohort.following.running import Long, follow, outcome_columns
from sundbench.cohort.gathering import Gathering
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.plan import Plan, slot_keys
from sundbench.cohort.program import program


@dataclass(frozen=True)
class Part:
    """What a task gives.

    Attributes:
        table: one row per person, sorted by person.
        steps: persons left after each step of the attrition.
        long: the exposures and recurrent outcomes of those persons.
        born: their days of birth, where the protocol asks for age.
    """

    table: pl.DataFrame
    steps: tuple[Counts, ...]
    long: Long = field(default_factory=dict)
    born: pl.Series | None = None


def run(plan: Plan, numbers: tuple[int, ...]) -> Part:
    """Run a plan over one bucket, or over a few neighbours."""
    study, ready = plan.study, program(plan)
    gathering = Gathering(ready, Neighbours(plan.root, numbers[0], numbers))
    entered = enter(study, gathering.of_population())
    arms = len(study.population.drugs)
    frame, steps = entered.frame, list(entered.steps)
    for requirement in ready.requirements:
        frame = gathering.add(frame, requirement).filter(requirement.fulfilled)
        steps.append(count(frame, arms))
    frame, slots = gathering.add_all(frame), slot_keys(plan.slots)
    followed = follow(plan, frame, slots, gathering)
    frame = followed.frame
    born = frame[persons.BORN] if persons.BORN in frame.columns else None
    return Part(_columns(plan, frame, slots), (*steps, *followed.steps), followed.long, born)


def _columns(plan: Plan, frame: pl.DataFrame, slots: Slots) -> pl.DataFrame:
    """The cohort's columns in their order and types."""
    study = plan.study
    names = list(study.population.arms)
    columns = [
        pl.col("person"),
        pl.col("drug").cast(pl.UInt32).replace_strict(range(len(names)), names, return_dtype=names_of(names)),
        pl.col("index"),
    ]
    return frame.select(*columns, *program(plan).columns, *outcome_columns(plan, slots))
