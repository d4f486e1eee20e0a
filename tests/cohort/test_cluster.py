"""A cluster of processes whose workers are killed: once is survived, again and again is told in one line."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster
from reference import Happening, Person
from reference_extracts import ALWAYS, registers

import sundbench as sb
from sundbench.cohort import engine
from sundbench.cohort.database import Database
from sundbench.errors import StudyError

STUDY = sb.Study(
    sb.new_users(
        {"apixaban": sb.dispensing("B01AF02"), "warfarin": sb.dispensing("B01AA03")}, washout_days=365
    ),
    ("2012-01-01", "2012-12-31"),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two processes, each started anew when it dies; a task that two of them died of is given up."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def db(write_extract: Callable[..., Path]) -> Database:
    """Eight buckets with a new user each."""
    people = [
        Person(
            2**28 * n + 1,
            date(1950, 1, 1),
            "female",
            (),
            (Happening("dispensings", date(2012, 6, 1) + timedelta(n), "B01AF02" if n % 2 else "B01AA03"),),
        )
        for n in range(8)
    ]
    return sb.connect(write_extract(registers(people), buckets=8, coverage=ALWAYS))


def kill_at(bucket: int, cause: Path, *, once: bool) -> Callable[..., object]:
    """A bucket's task in which the worker's process is killed, as the kernel does when memory runs out."""

    # Nested, so that it goes to the workers as it is: they could not import it from here.
    def task(plan: object, numbers: tuple[int, ...]) -> object:
        from sundbench.cohort.engine import bucket_task

        if bucket in numbers and cause.exists():
            if once:
                cause.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return bucket_task(plan, numbers)  # type: ignore[arg-type]

    return task


def test_a_killed_worker_is_survived(client, db, tmp_path, monkeypatch):
    cause = tmp_path / "kill"
    cause.touch()
    monkeypatch.setattr(engine, "bucket_task", kill_at(5, cause, once=True))
    cohort = STUDY.collect(db, client=client)
    assert not cause.exists()
    assert len(cohort) == 8
    monkeypatch.undo()
    assert cohort.digest == STUDY.collect(db).digest


def test_workers_killed_again_and_again_are_told_in_one_line_and_a_second_attempt_works(
    client, db, tmp_path, monkeypatch
):
    cause = tmp_path / "kill"
    cause.touch()
    monkeypatch.setattr(engine, "bucket_task", kill_at(5, cause, once=False))
    with pytest.raises(StudyError) as told:
        STUDY.collect(db, client=client)
    assert str(told.value) == (
        "collect(): 2 workers of the cluster were killed one after the other, most likely for want of "
        "memory: start it with fewer workers, or with more memory for each, and collect again"
    )
    cause.unlink()
    assert len(STUDY.collect(db, client=client)) == 8
