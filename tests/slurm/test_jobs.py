"""Jobs of the real Slurm: begun under another account, looked at, cancelled, and told about in words."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sundbench.errors import ClusterError
from sundbench.slurm import jobs
from sundbench.slurm.accounts import Account
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State, Wanted
from sundbench.slurm.small.cluster import running
from sundbench.slurm.words import how_ended, why_waiting

if TYPE_CHECKING:
    from sundbench.slurm.small.cluster import SmallSlurm

NOBODY = Account("a-permit", "nobody", 65534, 65534)


@pytest.fixture
def at_slurm(slurm: SmallSlurm, monkeypatch: pytest.MonkeyPatch) -> SmallSlurm:
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    return slurm


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every account may write to."""
    made = Path(tempfile.mkdtemp(prefix="sb-jobs-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


def wanted(folder: Path, **other: Any) -> Wanted:
    usual = {"name": "try", "cores": 1, "memory": 2**28, "time": timedelta(minutes=5), "log": folder / "log"}
    return Wanted(**(usual | other))


def ended(job: int) -> State:
    return awaited(job, lambda state: state.over)


def awaited(job: int, wished: Any) -> State:
    until = time.monotonic() + 60
    while not wished(state := jobs.look(job)):
        assert time.monotonic() < until, state
        time.sleep(0.1)
    return state


def test_a_job_runs_as_the_account_with_an_environment_of_its_own(at_slurm, folder, monkeypatch):
    monkeypatch.setenv("SUNDBENCH_SECRET", "s3cret")
    monkeypatch.setenv("SBATCH_EXPORT", "ALL")
    job = jobs.submit(
        f"#!/bin/sh\n/usr/bin/id -u\npwd\n{sys.executable} -c 'import os; print(os.environ)'\n",
        wanted(folder),
        NOBODY,
    )
    assert ended(job).name == "COMPLETED"
    said = (folder / "log").read_text()
    assert said.split()[:2] == ["65534", "/"]
    assert "s3cret" not in said
    assert "HOME" not in said, "no log-in shell was asked for an environment"
    assert (folder / "log").stat().st_uid == 65534


def test_only_root_begins_a_job_for_another_account(at_slurm, folder):
    if (child := os.fork()) == 0:
        os.setuid(65534)
        try:
            jobs.submit("#!/bin/sh\n", wanted(folder), Account("b", "daemon", 1, 1))
        except ClusterError as error:
            os._exit("root" in str(error))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_how_a_job_ends_is_told(at_slurm, folder):
    failed = jobs.submit("#!/bin/sh\nexit 3\n", wanted(folder), NOBODY)
    assert how_ended(ended(failed)).en == "the job ended with an error"
    long = jobs.submit("#!/bin/sh\nexec sleep 100\n", wanted(folder), NOBODY)
    assert awaited(long, lambda state: state.name == "RUNNING").node in at_slurm.nodes
    jobs.cancel(long)
    assert how_ended(ended(long)).en == "the job was cancelled on the cluster"
    jobs.cancel(long)  # once more does no harm
    assert jobs.look(999_999).name == jobs.GONE


def test_why_a_job_waits_is_told(at_slurm, folder):
    taken = [jobs.submit("#!/bin/sh\nexec sleep 100\n", wanted(folder), NOBODY) for _ in at_slurm.nodes]
    late = jobs.submit("#!/bin/sh\n", wanted(folder), NOBODY)
    state = awaited(late, lambda state: state.reason in {"Resources", "Priority"})
    assert state.waits
    assert why_waiting(state).en in {
        "there are not enough free cores or memory right now",
        "other jobs are before it in the queue",
    }
    for job in (*taken, late):
        jobs.cancel(job)


def test_what_slurm_refuses_is_told_in_its_words(at_slurm, folder):
    with pytest.raises(ClusterError, match=r"sbatch refuses: .*invalid partition"):
        jobs.submit("#!/bin/sh\n", wanted(folder, partition="nowhere"), NOBODY)


@pytest.mark.parametrize(
    "wrong",
    [{"name": "a b"}, {"name": "--wrap=x"}, {"partition": "x y"}, {"charge": "-x\n"}, {"time": timedelta(0)}],
)
def test_nothing_becomes_another_option(folder, wrong):
    with pytest.raises(ClusterError):
        wanted(folder, **wrong)


def test_a_controller_that_is_down_is_silent_and_comes_back(folder, monkeypatch):
    with running(nodes=1) as small:
        for name, value in small.environment.items():
            monkeypatch.setenv(name, value)
        job = jobs.submit("#!/bin/sh\nexec sleep 100\n", wanted(folder), NOBODY)
        (node,) = [awaited(job, lambda state: state.name == "RUNNING").node]
        # It saves what it knows every few seconds; where a job runs stands there once it does.
        saved = small.folder / "state" / "job_state"
        until = time.monotonic() + 60
        while not (saved.exists() and node.encode() in saved.read_bytes()):
            assert time.monotonic() < until, "slurmctld doesn't save its jobs"
            time.sleep(0.1)
        small.kill("slurmctld")
        with pytest.raises(SlurmSilentError):
            jobs.look(job)
        small.start("slurmctld")
        until = time.monotonic() + 60
        while True:
            try:
                assert jobs.look(job).name == "RUNNING"
                break
            except SlurmSilentError:
                assert time.monotonic() < until


@pytest.mark.parametrize("name", ["TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "CANCELLED by 0"])
def test_every_end_has_words_in_both_languages(name):
    words = how_ended(State(name))
    assert words.da.startswith(("jobbet ", "maskinen"))
    assert words.en.startswith("the ")
    assert name not in words.en
