"""Running a plan: a Dask task per bucket, on threads or on a cluster, gathered in the buckets' order."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from sundbench.cohort.damage import explained
from sundbench.cohort.database import Database
from sundbench.cohort.matching.rounds import Assigned, complete
from sundbench.cohort.plan import Plan, compile_study
from sundbench.cohort.populations.sets import Sets
from sundbench.cohort.result import Cohort, assemble
from sundbench.cohort.study import Study
from sundbench.cohort.task import Part, run, run_assigned
from sundbench.errors import StudyError
from sundbench.progress import Report, silent

if TYPE_CHECKING:
    from distributed import Client

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Found = TypeVar("Found")

WHAT = "cohort"
"""What progress is reported of."""


def collect(
    study: Study,
    db: Database,
    *,
    client: Client | None = None,
    workers: int | None = None,
    allow_empty: bool = False,
    report: Report = silent,
) -> Cohort:
    """Run a study; see ``Study.collect``."""
    plan = compile_study(study, db)
    told = partial(report, WHAT)
    parts = in_order(bucket_task, plan, plan.tasks, client=client, workers=workers, told=told)
    population = study.population
    if not isinstance(population, Sets):
        return assemble(study, db, parts, allow_empty, plan.notes)

    def again(items: Sequence[Assigned], nth: int) -> list[Part]:
        told = partial(report, f"{WHAT}: {population.found}s, round {nth}")
        return in_order(assigned_task, plan, items, client=client, workers=workers, told=told)

    whole, short = complete(plan, parts, again)
    return assemble(study, db, [whole], allow_empty, (*plan.notes, *short))


def in_order(
    task: Callable[[Shared, Item], Found],
    shared: Shared,
    items: Sequence[Item],
    *,
    client: Client | None,
    workers: int | None,
    told: Callable[[int, int], None],
) -> list[Found]:
    """Run a task for each of several items and give what they found, in the items' order.

    Args:
        task: called with what is shared and an item.
        shared: what all tasks need: small, and can be pickled.
        items: the numbers of buckets, or the like.
        client: a cluster's client; else the active one if there is one, else Dask's threads.
        workers: number of threads; all processors if nothing is said.
        told: called with the tasks done and those in all.
    """
    cluster = client if client is not None else _active_client()
    if cluster is not None:
        return _on_cluster(task, shared, items, cluster, told)
    return _on_threads(task, shared, items, workers or len(os.sched_getaffinity(0)), told)


def bucket_task(plan: Plan, numbers: tuple[int, ...]) -> Part:
    """The task of a bucket or a few neighbours; an error names the damaged file if there is one."""
    try:
        return run(plan, numbers)
    except pl.exceptions.PolarsError as error:
        raise explained(plan, numbers, error) from error


def assigned_task(plan: Plan, what: Assigned) -> Part:
    """The task of a bucket's persons who were found for cases; an error names the damaged file."""
    numbers, rows = what
    try:
        return run_assigned(plan, numbers, rows)
    except pl.exceptions.PolarsError as error:
        raise explained(plan, numbers, error) from error


def _on_threads(
    task: Callable[[Shared, Item], Found],
    shared: Shared,
    items: Sequence[Item],
    workers: int,
    told: Callable[[int, int], None],
) -> list[Found]:
    from dask.callbacks import Callback
    from dask.threaded import get

    done, lock = 0, threading.Lock()

    def counted(*_: object) -> None:
        nonlocal done
        with lock:
            done += 1
            told(done, len(items))

    graph = {("task", n): (partial(task, shared, item),) for n, item in enumerate(items)}
    with Callback(posttask=counted):  # type: ignore[no-untyped-call]
        return list(get(graph, list(graph), num_workers=workers))


def _on_cluster(
    task: Callable[[Shared, Item], Found],
    shared: Shared,
    items: Sequence[Item],
    client: Client,
    told: Callable[[int, int], None],
) -> list[Found]:
    from distributed import KilledWorker, as_completed

    # A task of its own rather than scattered: it is made again if the workers that hold it die.
    there = client.submit(_itself, shared, pure=False)
    futures = [client.submit(task, there, item, pure=False) for item in items]
    try:
        for done, _ in enumerate(as_completed(futures, loop=client.loop), 1):  # type: ignore[no-untyped-call]
            told(done, len(futures))
        found: Sequence[Found] = client.gather(futures)  # type: ignore[no-untyped-call]
    except KilledWorker as error:
        # Which bucket it was can't be told: what waits on a worker is blamed with what runs there.
        raise StudyError(
            f"collect(): {error.allowed_failures + 1} workers of the cluster were killed one after the other,"
            " most likely for want of memory: start it with fewer workers, or with more memory for each, and"
            " collect again"
        ) from error
    finally:
        client.cancel(futures)  # type: ignore[no-untyped-call]
    return list(found)


def _itself(shared: Shared) -> Shared:
    return shared


def _active_client() -> Client | None:
    """The client of a cluster that the user has started; None where there is none."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_client

    try:
        found: Client = get_client()
    except ValueError:
        return None
    return found
