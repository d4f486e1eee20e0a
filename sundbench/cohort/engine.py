"""Running a plan: a Dask task per bucket, on threads or on a cluster, gathered in the buckets' order."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from sundbench.cohort.damage import explained
from sundbench.cohort.database import Database
from sundbench.cohort.plan import Plan, compile_study
from sundbench.cohort.result import Cohort, assemble
from sundbench.cohort.study import Study
from sundbench.cohort.task import Part, run
from sundbench.errors import StudyError
from sundbench.progress import Report, silent

if TYPE_CHECKING:
    from distributed import Client

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
    cluster = client if client is not None else _active_client()
    if cluster is not None:
        parts = _on_cluster(plan, cluster, report)
    else:
        parts = _on_threads(plan, workers or len(os.sched_getaffinity(0)), report)
    return assemble(study, db, parts, allow_empty)


def bucket_task(plan: Plan, numbers: tuple[int, ...]) -> Part:
    """The task of a bucket or a few neighbours; an error names the damaged file if there is one."""
    try:
        return run(plan, numbers)
    except pl.exceptions.PolarsError as error:
        raise explained(plan, numbers, error) from error


def _on_threads(plan: Plan, workers: int, report: Report) -> list[Part]:
    from dask.callbacks import Callback
    from dask.threaded import get

    total, done, lock = len(plan.tasks), 0, threading.Lock()

    def told(*_: object) -> None:
        nonlocal done
        with lock:
            done += 1
            report(WHAT, done, total)

    graph = {("task", n): (partial(bucket_task, plan, numbers),) for n, numbers in enumerate(plan.tasks)}
    with Callback(posttask=told):  # type: ignore[no-untyped-call]
        return list(get(graph, list(graph), num_workers=workers))


def _on_cluster(plan: Plan, client: Client, report: Report) -> list[Part]:
    from distributed import KilledWorker, as_completed

    # A task of its own rather than scattered: it is made again if the workers that hold it die.
    shared = client.submit(_itself, plan, pure=False)
    futures = [client.submit(bucket_task, shared, numbers, pure=False) for numbers in plan.tasks]
    try:
        for done, _ in enumerate(as_completed(futures, loop=client.loop), 1):  # type: ignore[no-untyped-call]
            report(WHAT, done, len(futures))
        parts: Sequence[Part] = client.gather(futures)  # type: ignore[no-untyped-call]
    except KilledWorker as error:
        # Which bucket it was can't be told: what waits on a worker is blamed with what runs there.
        raise StudyError(
            f"collect(): {error.allowed_failures + 1} workers of the cluster were killed one after the other,"
            " most likely for want of memory: start it with fewer workers, or with more memory for each, and"
            " collect again"
        ) from error
    finally:
        client.cancel(futures)  # type: ignore[no-untyped-call]
    return list(parts)


def _itself(plan: Plan) -> Plan:
    return plan


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
