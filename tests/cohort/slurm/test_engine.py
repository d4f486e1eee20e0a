"""Studies whose tasks run as jobs of a real Slurm give the frames that threads give."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dask_jobqueue import SLURMCluster
from distributed import Client
from invented_lives import COVERAGE, lives

import sundbench as sb
from sundbench.cohort import engine
from sundbench.cohort.database import Database

if TYPE_CHECKING:
    from sundbench.slurm.small.cluster import SmallSlurm

STATIN = sb.dispensing("C10AA")
WITH = {
    "entry": ("2008-01-01", "2014-12-31"),
    "covariates": {"age": sb.age(), "sex": sb.sex(), "charlson": sb.charlson(years=5)},
    "outcomes": {"coronary": sb.diagnosis("DI20-DI25", position="A"), "death": sb.death()},
    "follow_up": sb.follow_up(until=[sb.death(), sb.emigration()], max_days=1826),
}
STUDIES = {
    "new users": sb.Study(
        sb.new_users({"statin": STATIN, "ppi": sb.dispensing("A02BC")}, washout_days=731), **WITH
    ),
    # Two rounds over the buckets, the second with what was found between them.
    "matched": sb.Study(
        sb.matched(cases=sb.new_users({"statin": STATIN}, washout_days=731), ratio=2, seed=1), **WITH
    ),
    "prevalent new users": sb.Study(
        sb.prevalent_new_users(
            {"glp1": sb.dispensing("A10BJ")},
            {"sulfonylurea": sb.dispensing("A10BB")},
            washout_days=365,
            sets="time",
            within_days=180,
            ratio=2,
            seed=1,
        ),
        **WITH,
    ),
}


@pytest.fixture(scope="module")
def tables():
    return lives()


@pytest.fixture
def db(tables, write_extract) -> Database:
    """Six buckets of invented people."""
    return sb.connect(write_extract(tables, buckets=6, coverage=dict.fromkeys(tables, COVERAGE)))


@pytest.fixture
def with_jobs(cluster: SLURMCluster, slurm: SmallSlurm):
    """A client of the cluster, with as many jobs as asked for, and no more."""
    clients = []

    def ask(number: int) -> Client:
        cluster.scale(jobs=number)
        client = Client(cluster, set_as_default=False)
        clients.append(client)
        client.wait_for_workers(number, timeout=120)
        assert slurm.run("squeue", "--noheader", "--states=RUNNING").count("\n") == number
        return client

    yield ask
    for client in clients:
        client.close()


def cancelling(buckets: tuple[int, ...], causes: Path) -> Callable[..., object]:
    """A bucket's task that cancels the job it runs in: once for each of these buckets."""
    for bucket in buckets:
        (causes / str(bucket)).touch()

    # Nested, so that it goes to the workers as it is: they could not import it from here.
    def task(plan: object, numbers: tuple[int, ...]) -> object:
        from sundbench.cohort.engine import bucket_task

        for number in numbers:
            if (causes / str(number)).exists():
                (causes / str(number)).unlink()
                subprocess.run(["scancel", os.environ["SLURM_JOB_ID"]], check=True)
                time.sleep(120)  # the job ends before that
        return bucket_task(plan, numbers)  # type: ignore[arg-type]

    return task


@pytest.mark.parametrize("number", [1, 2])
def test_jobs_give_the_frames_that_threads_give(db, with_jobs, number):
    client = with_jobs(number)
    for name, study in STUDIES.items():
        cohort = study.collect(db, client=client)
        assert cohort.digest == study.collect(db).digest, name
        assert len(cohort) > 20, name


def test_a_cancelled_job_changes_nothing(db, with_jobs, slurm, tmp_path, monkeypatch):
    client = with_jobs(2)
    monkeypatch.setattr(engine, "bucket_task", cancelling((3,), tmp_path))
    cohort = STUDIES["matched"].collect(db, client=client)
    assert not (tmp_path / "3").exists()
    monkeypatch.undo()
    assert cohort.digest == STUDIES["matched"].collect(db).digest


def test_the_guides_example_runs_though_every_job_is_cancelled_once(
    db, at_home, cluster, repository, tmp_path, monkeypatch
):
    cluster.scale(jobs=0)
    guide = (repository / "docs" / "cohorts.md").read_text(encoding="utf-8")
    section = guide.split("\n### On a Slurm cluster\n")[1].split("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    monkeypatch.setattr(engine, "bucket_task", cancelling((0, 1), tmp_path))
    names = {"study": STUDIES["matched"], "db": db}
    exec(example, names)
    assert not any((tmp_path / str(bucket)).exists() for bucket in (0, 1))
    monkeypatch.undo()
    assert names["cohort"].digest == STUDIES["matched"].collect(db).digest
