"""Workers that end are begun again, some times; when none is left the run is told why."""

from __future__ import annotations

import time

import pytest

from sundbench.errors import ClusterError
from sundbench.release.cluster import crew
from sundbench.release.cluster.crew import ATTEMPTS, Crew
from sundbench.slurm import jobs
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[int, State]:
    """What Slurm says of each job; of others, that they run."""
    said: dict[int, State] = {}
    monkeypatch.setattr(crew, "_LOOK", 0.01)
    monkeypatch.setattr(
        jobs, "look_at", lambda asked: {job: said.get(job, State("RUNNING")) for job in asked}
    )
    monkeypatch.setattr(jobs, "cancel", lambda job: said.update({job: State("CANCELLED")}))
    return said


def nothing(member: int) -> str:
    """What a worker says that was ended without a word."""
    return ""


def until(true) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_worker_that_ends_is_begun_again_and_all_are_cancelled_in_the_end(states):
    begun: list[int] = []

    def begin(member: int) -> int:
        begun.append(member)
        return len(begun)

    with Crew([1, 2], begin, nothing, pytest.fail):
        states[2] = State("NODE_FAIL")
        until(lambda: len(begun) == 3)
    assert begun == [1, 2, 2]
    assert {job for job, state in states.items() if state.name == "CANCELLED"} == {1, 3}


def test_when_none_is_left_the_run_is_told_how_the_last_one_ended(states, monkeypatch):
    monkeypatch.setattr(jobs, "look_at", lambda asked: dict.fromkeys(asked, State("OUT_OF_MEMORY")))
    begun: list[int] = []
    told: list[str] = []
    with Crew([1, 2], lambda member: begun.append(member) or len(begun), nothing, told.append):
        until(lambda: told)
    assert len(begun) == 2 * ATTEMPTS
    assert told == [
        "all of its workers are gone: the last one, because the job used more memory than it was given"
    ]


def test_slurm_that_does_not_answer_costs_no_worker(states, monkeypatch):
    asked: list[int] = []

    def silent(all_of_them: list[int]) -> dict[int, State]:
        asked.extend(all_of_them)
        raise SlurmSilentError("down")

    monkeypatch.setattr(jobs, "look_at", silent)
    with Crew([1], lambda member: 1, nothing, pytest.fail):
        until(lambda: len(asked) > 5)


def test_jobs_that_slurm_takes_no_more_are_told(states):
    told: list[str] = []

    def begin(member: int) -> int:
        if states:
            raise ClusterError("sbatch refuses: no more today")
        return 1

    with Crew([1], begin, nothing, told.append):
        states[1] = State("TIMEOUT")
        until(lambda: told)
    assert told == ["all of its workers are gone: the last one, because sbatch refuses: no more today"]


def test_a_worker_that_failed_has_its_own_words(states):
    told: list[str] = []
    begun: list[int] = []

    def begin(member: int) -> int:
        states[len(begun)] = State("FAILED")
        begun.append(member)
        return len(begun) - 1

    with Crew([1], begin, lambda member: f"worker {member} had no sandbox", told.append):
        until(lambda: told)
    assert told == ["all of its workers are gone: the last one, because worker 1 had no sandbox"]
