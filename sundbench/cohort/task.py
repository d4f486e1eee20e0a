"""One task: a plan over a bucket. Everything about a person lies in one bucket, so tasks know no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from sundbench.cohort import persons
from sundbench.cohort.entering import Counts, count, enter, names_of
from sundbench.cohort.expressions import Slots
from sundbench.cohort.following.running import Long, follow, outcome_columns
from sundbench.cohort.gathering import Gathering
from sundbench.cohort.matching.draws import RANK
from sundbench.cohort.matching.pools import Pools, pools
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.plan import Plan
from sundbench.cohort.program import Program, program


@dataclass(frozen=True)
class Part:
    """What a task gives.

    Attributes:
        table: one row per person, sorted by person; in the second pass one row per set and person.
        steps: persons left after each step of the attrition.
        long: of those persons the exposures, recurrent outcomes, and who had an outcome before.
        born: their days of birth, where the protocol asks for age.
        pools: who may be found for cases of other buckets, where the population is one of sets.
    """

    table: pl.DataFrame
    steps: tuple[Counts, ...]
    long: Long = field(default_factory=dict)
    born: pl.Series | None = None
    pools: Pools = field(default_factory=dict)


def run(plan: Plan, numbers: tuple[int, ...]) -> Part:
    """Run a plan over one bucket, or over a few neighbours."""
    study, bucket = plan.study, Neighbours(plan.root, numbers[0], numbers)
    ready = program(plan)
    gathering = Gathering(ready, bucket)
    rows = gathering.of_population()
    entered = enter(study, rows, bucket)
    found = pools(study, rows, bucket)
    part = _met(ready, gathering, entered.frame)
    return replace(part, steps=(*entered.steps, *part.steps), pools=found)


def run_assigned(plan: Plan, numbers: tuple[int, ...], assigned: pl.DataFrame) -> Part:
    """Run a plan for persons of a bucket who were found for cases of any: the second pass.

    Args:
        plan: the plan.
        numbers: the bucket, or a few neighbours.
        assigned: ``row``, ``person``, ``drug``, ``index`` and what else the population tells of them.
    """
    ready = program(plan, found=True)
    gathering = Gathering(ready, Neighbours(plan.root, numbers[0], numbers))
    return _met(ready, gathering, assigned)


def _met(ready: Program, gathering: Gathering, frame: pl.DataFrame) -> Part:
    """The rows that meet all requirements and are followed for a day, and how many are left by each step."""
    plan, study, steps = ready.plan, ready.plan.study, []
    arms = len(study.population.arms)
    for requirement in ready.requirements:
        frame = gathering.add(frame, requirement).filter(requirement.fulfilled)
        steps.append(count(frame, arms))
    frame, slots = gathering.add_all(frame), ready.slots
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
        *(pl.col(name) for name in (*study.population.columns, RANK) if name in frame.columns),
    ]
    return frame.select(*columns, *program(plan).columns, *outcome_columns(plan, slots))


def joined(parts: Sequence[Part]) -> Part:
    """Several parts as one, in their order, without what they counted and pooled."""
    long = {}
    for key in parts[0].long:
        found, before = [], 0
        for part in parts:
            found.append(part.long[key].with_columns(pl.col("row") + before))
            before += part.table.height
        long[key] = pl.concat(found)
    born = [part.born for part in parts if part.born is not None]
    return Part(
        pl.concat([part.table for part in parts]),
        (),
        long,
        pl.concat(born) if len(born) == len(parts) else None,
    )


def picked(part: Part, places: pl.Series) -> Part:
    """Some rows of a part, in an order of their own, with all that belongs to them."""
    new = pl.DataFrame({"row": places, "new": pl.int_range(len(places), eager=True)})
    long = {}
    for key, table in part.long.items():
        row = table.schema["row"]
        moved = table.join(
            new.with_columns(pl.col("row").cast(row)), on="row", how="inner", maintain_order="left"
        )
        long[key] = (
            moved.with_columns(pl.col("new").cast(row).alias("row"))
            .drop("new")
            .sort("row", maintain_order=True)
        )
    born = None if part.born is None else part.born.gather(places)
    return Part(part.table[places], part.steps, long, born, part.pools)
