"""The second pass: the study run over those who are found for cases, until nobody is short of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.entering import count
from sundbench.cohort.matching.draws import RANK
from sundbench.cohort.matching.exposure_sets import ExposureSets
from sundbench.cohort.matching.relatives import Families
from sundbench.cohort.matching.risk_sets import RiskSets
from sundbench.cohort.plan import Plan
from sundbench.cohort.populations.families import PROBAND, Relatives
from sundbench.cohort.populations.matched import Matched
from sundbench.cohort.populations.prevalent import PrevalentNewUsers
from sundbench.cohort.populations.sets import Sets
from sundbench.cohort.task import Part, joined, picked

AT_MOST = 4_000_000
"""Candidates of one round."""

Assigned = tuple[tuple[int, ...], pl.DataFrame]
"""Neighbouring buckets and their rows to be."""

Run = Callable[[Sequence[Assigned], int], Sequence[Part]]
"""Runs the second pass over assignments; its number, from 1."""


def complete(plan: Plan, parts: Sequence[Part], run: Run) -> tuple[Part, tuple[str, ...]]:
    """Find others for the cases.

    Args:
        plan: of a study whose population is one of sets.
        parts: what pass one gave, bucket by bucket.
        run: runs the study over assignments.

    Returns:
        The cohort's rows, by set, the case first, then by pseudonym; and what is to be said of short sets.
    """
    design = plan.study.population
    assert isinstance(design, Sets)  # noqa: S101 - the caller asks
    whole = joined(parts)
    whole = picked(whole, whole.table["person"].arg_sort())
    cases = whole.table
    pools = {name: pl.concat([part.pools[name] for part in parts]) for name in parts[0].pools}
    notes: tuple[str, ...] = ()
    match design:
        case Relatives():
            assigned = Families.of(design, cases, pools).all()
            found = _run(plan, assigned, run, 1)
        case Matched():
            found, notes = _drawn(plan, design, RiskSets.of(design, cases, pools), cases.height, run)
        case PrevalentNewUsers():
            sets = ExposureSets.of(design, cases, pools)
            if design.ratio is None:
                everyone = np.full(cases.height, np.iinfo(np.int32).max, dtype=np.int64)
                nothing = np.zeros(cases.height, dtype=np.uint64)
                everything = sets.candidates(np.arange(cases.height), nothing, everyone)
                found = _run(plan, everything.drop(RANK), run, 1)
                notes = _of_empty(found, cases.height, "comparator")
            else:
                found, notes = _drawn(plan, design, sets, cases.height, run)
        case _:
            raise TypeError(f"no second pass for {type(design).__name__}")
    cases = cases.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("set"), pl.lit(value=True).alias("case")
    )
    if isinstance(design, Relatives):
        cases = cases.with_columns(pl.lit(PROBAND, dtype=pl.Enum(design.relations)).alias("relation"))
    own = replace(whole, table=cases.select(found.table.columns))
    together = joined([own, found])
    order = together.table.select(pl.arg_sort_by("set", ~pl.col("case"), "person")).to_series()
    together = picked(together, order)
    counted = together.table.select(pl.col("drug").to_physical())
    totals = [tuple(map(sum, zip(*of, strict=True))) for of in zip(*(p.steps for p in parts), strict=True)]
    return replace(together, steps=(*totals, count(counted, len(design.arms)))), notes


def _drawn(
    plan: Plan, design: Sets, sets: RiskSets | ExposureSets, cases: int, run: Run
) -> tuple[Part, tuple[str, ...]]:
    """So many for each case who meet all requirements, or all there are."""
    ratio = design.most
    assert ratio is not None  # noqa: S101 - the caller asks
    have = np.zeros(cases, dtype=np.int64)
    since = np.zeros(cases, dtype=np.uint64)
    exhausted = np.zeros(cases, dtype=bool)
    kept: list[Part] = []
    tried, met, nth = 0, 0, 0
    while True:
        short = np.flatnonzero(~exhausted & (have < ratio))
        if nth and not len(short):
            break
        nth += 1
        wanted = _wanted(ratio - have[short], tried, met)
        candidates = sets.candidates(short, since[short], wanted)
        _move_on(candidates, short, wanted, since, exhausted)
        found = _run(plan, candidates, run, nth)
        tried, met = tried + candidates.height, met + found.table.height
        found = picked(found, _first(found.table, ratio - have))
        have += np.bincount(found.table["set"].to_numpy() - 1, minlength=cases)
        kept.append(found)
    found = joined(kept)
    found = replace(found, table=found.table.drop(RANK))
    fewer, none = int((have < ratio).sum()), int((have == 0).sum())
    if not fewer:
        return found, ()
    return found, (f"{fewer} of {cases} sets have fewer than {ratio} {design.found}s, {none} of them none",)


def _first(table: pl.DataFrame, most: npt.NDArray[np.int64]) -> pl.Series:
    """The rows of the smallest ranks, so many of each set."""
    ordered = table.select("set", RANK).with_row_index("place").sort("set", RANK)
    nth = pl.int_range(pl.len()).over("set")
    return ordered.filter(nth < pl.lit(pl.Series(most)).gather(pl.col("set") - 1))["place"]


def _of_empty(found: Part, cases: int, what: str) -> tuple[str, ...]:
    none = cases - found.table["set"].n_unique()
    return (f"{none} of {cases} sets have no {what}",) if none else ()


def _wanted(short: npt.NDArray[np.int64], tried: int, met: int) -> npt.NDArray[np.int64]:
    """How many to try for those who are short: more where few met the requirements before."""
    if not tried:
        return short
    share = max(met / tried, 0.01)
    wanted = np.ceil(short / share * 1.2).astype(np.int64) + 2
    total = int(wanted.sum())
    if total > AT_MOST:
        wanted = np.maximum(wanted * AT_MOST // total, 1)
    return wanted


def _move_on(
    candidates: pl.DataFrame,
    short: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64],
    since: npt.NDArray[np.uint64],
    exhausted: npt.NDArray[np.bool_],
) -> None:
    """Note how far each case has come in its order."""
    last = candidates.group_by("case").agg(pl.col(RANK).max(), pl.len().alias("many"))
    many = np.zeros(len(since), dtype=np.int64)
    many[last["case"].to_numpy()] = last["many"].to_numpy()
    ranks = last[RANK].to_numpy()
    since[last["case"].to_numpy()] = ranks + np.uint64(1)
    exhausted[short] = many[short] < wanted
    exhausted[last["case"].to_numpy()] |= ranks == np.iinfo(np.uint64).max


def _run(plan: Plan, candidates: pl.DataFrame, run: Run, nth: int) -> Part:
    """The rows of those candidates who meet all requirements."""
    rows = candidates.with_columns(
        (pl.col("case").cast(pl.Int32) + 1).alias("set"),
        pl.lit(value=False).alias("case"),
        pl.lit(0, dtype=pl.UInt8).alias("drug"),
    )
    buckets = sum(len(numbers) for numbers in plan.tasks)
    bucket = (rows["person"].cast(pl.Int64) * buckets) // 2**31
    task_of = np.repeat(np.arange(len(plan.tasks)), [len(numbers) for numbers in plan.tasks])
    rows = rows.with_columns(pl.Series("task", task_of[bucket.to_numpy()])).sort("task", "person", "set")
    items = [
        (plan.tasks[part["task"][0]], part.drop("task").with_row_index("row"))
        for part in rows.partition_by("task", maintain_order=True)
    ]
    if not items:  # the columns are wanted all the same
        items = [(plan.tasks[0], rows.drop("task").with_row_index("row"))]
    return joined(run(items, nth))
