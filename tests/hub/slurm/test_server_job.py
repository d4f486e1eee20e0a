"""What Slurm says of a server's job, in batchspawner's words and the user's, and how it is ended.

Over a gate and a queue that are told what Slurm would say.
"""

import asyncio

import pytest
from batchspawner.batchspawner import JobStatus

from sundbench.errors import ClusterError
from sundbench.slurm import gate
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import GONE, State
from tests.hub.slurm.stand_in import NODE, Slurm, a_spawner, installed


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    return installed(monkeypatch)


@pytest.mark.parametrize(
    ("says", "is_"),
    [
        (State("PENDING", "Priority"), JobStatus.PENDING),
        (State("CONFIGURING"), JobStatus.PENDING),
        (State("RUNNING", node=NODE), JobStatus.RUNNING),
        (State("COMPLETING", node=NODE), JobStatus.RUNNING),
        (State("SUSPENDED", node=NODE), JobStatus.RUNNING),
        (State("COMPLETED"), JobStatus.NOTFOUND),
        (State("TIMEOUT"), JobStatus.NOTFOUND),
        (State(GONE), JobStatus.NOTFOUND),
        (SlurmSilentError("Slurm doesn't answer"), JobStatus.UNKNOWN),
        (ClusterError("squeue refuses: Invalid authentication credential"), JobStatus.UNKNOWN),
    ],
)
def test_what_slurm_says_in_batchspawners_words(slurm: Slurm, says: State | ClusterError, is_: JobStatus):
    spawner = a_spawner(job_id="123")
    slurm.says = says
    assert asyncio.run(spawner.query_job_status()) is is_


def test_with_slurm_silent_a_server_is_not_taken_for_ended(slurm: Slurm):
    """batchspawner knows two ways in which squeue fails, and takes every other for the job's end."""
    spawner = a_spawner(job_id="123")
    slurm.says = State("RUNNING", node=NODE)
    assert asyncio.run(spawner.poll()) is None
    for failure in (SlurmSilentError("no"), ClusterError("squeue refuses: Zero Bytes were transmitted")):
        slurm.says = failure
        assert asyncio.run(spawner.poll()) is None


def test_a_job_that_has_run_into_its_time_limit_is_told(slurm: Slurm):
    spawner = a_spawner(job_id="123")
    slurm.says = State("TIMEOUT")
    assert asyncio.run(spawner.poll()) == 1
    assert spawner.last_words is not None
    assert spawner.last_words.en == "The server stopped: the job reached its time limit."


def test_stopping_cancels_the_job_and_its_letter(slurm: Slurm):
    spawner = a_spawner(job_id="123", letter="f" * 16)
    slurm.says = State("RUNNING", node=NODE)
    asyncio.run(spawner.stop())
    assert slurm.asked == [gate.End(permit="lung-cancer", job=123, letter="f" * 16)]
    assert asyncio.run(spawner.poll()) == 1
    assert spawner.last_words is None, "nobody has to be told what they did themselves"
