"""What batchspawner's spawner lets others do, and ours must not; and what else ours does by itself.

Over a gate and a queue that are told what Slurm would say. What batchspawner's own tests say of any spawner
is in test_as_batchspawner.py.
"""

import asyncio
import time
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from batchspawner.api import BatchSpawnerAPIHandler
from batchspawner.batchspawner import SlurmSpawner
from jupyterhub import apihandlers

from sundbench.errors import ClusterError
from sundbench.governance.permits import end_of
from sundbench.hub import server_names
from sundbench.hub import spawner as of_every_profile
from sundbench.hub.refusal import Refused
from sundbench.hub.slurm import spawner as module
from sundbench.hub.slurm import unknown
from sundbench.hub.slurm.spawner import ClusterSpawner, minutes_left
from sundbench.slurm import gate
from sundbench.slurm.accounts import name_of
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import GONE, State
from tests.hub.slurm.stand_in import ADDRESS, NODE, Slurm, a_spawner, installed


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    return installed(monkeypatch)


def granted() -> Any:
    return SimpleNamespace(registered=SimpleNamespace(permit=SimpleNamespace(expires=date(2099, 12, 31))))


def test_it_is_batchspawners(slurm: Slurm):
    assert issubclass(ClusterSpawner, SlurmSpawner)


def test_a_start_waits_in_the_queue_and_then_for_its_port(slurm: Slurm):
    async def starting() -> str:
        spawner = a_spawner()
        await spawner.begin(granted())
        coming = asyncio.create_task(spawner.up())
        await asyncio.sleep(0.05)
        assert "not enough free cores" in spawner._stage()[2]
        assert "ikke ledige kerner" in spawner._stage()[1]
        slurm.says = State("RUNNING", node=NODE)
        await asyncio.sleep(0.05)
        assert not coming.done()
        assert spawner.listens_at(40123)
        assert not spawner.listens_at(40124)
        return await coming

    there = urlsplit(asyncio.run(starting()))
    assert (server_names.address_in(there.hostname or ""), there.port) == (ADDRESS, 40123)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (State("CANCELLED"), "the job was cancelled on the cluster"),
        (State("FAILED", "NonZeroExitCode"), "the job ended with an error"),
        (State("NODE_FAIL"), "the node that it ran on went down"),
        (State(GONE), "the cluster doesn't remember how"),
    ],
)
def test_a_job_that_ends_before_its_server_is_up_is_told(
    slurm: Slurm, says: State, told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_every_profile, "granted", mock.AsyncMock())
    with pytest.raises(Refused, match=told):
        asyncio.run(started_until(slurm, says))


def test_one_that_ends_with_its_permit_is_told_that(slurm: Slurm, monkeypatch: pytest.MonkeyPatch):
    closed = Refused("closed", da="lukket", en="The project's permit is closed")
    monkeypatch.setattr(of_every_profile, "granted", mock.AsyncMock(side_effect=closed))
    with pytest.raises(Refused, match="permit is closed"):
        asyncio.run(started_until(slurm, State("CANCELLED")))


async def started_until(slurm: Slurm, says: State) -> None:
    """A start whose job comes to this."""
    spawner = a_spawner()
    await spawner.begin(granted())
    slurm.says = says
    await spawner.up()


def test_nothing_of_a_request_reaches_the_job(slurm: Slurm):
    spawner = a_spawner()
    spawner.user_options = {"cmd": "id", "partition": "other", "options": "--uid=0", "username": "root"}
    asyncio.run(spawner.begin(granted()))
    (asked,) = slurm.asked
    assert isinstance(asked, gate.Begin)
    assert (asked.permit, asked.partition, asked.cores) == ("lung-cancer", "batch", 1)
    assert "other" not in asked.model_dump_json()


def test_nothing_of_the_person_s_account_is_looked_up_and_no_shell_runs(slurm: Slurm):
    spawner = a_spawner()
    assert spawner.req_username == name_of("lung-cancer")
    assert spawner.req_homedir == "/"
    assert spawner.user_env({"A": "b"}) == {"A": "b"}
    for way in (spawner.run_command("id"), spawner.submit_batch_script()):
        with pytest.raises(NotImplementedError):
            asyncio.run(way)


def test_batchspawners_address_is_gone():
    """With it, a server's token could set any attribute of its spawner."""
    assert BatchSpawnerAPIHandler not in [handler for _, handler in apihandlers.default_handlers]


def test_a_job_never_outlives_its_permit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "now", lambda: datetime(2026, 6, 30, 20, 0, tzinfo=UTC))  # 22:00 in Denmark
    assert minutes_left(end_of(date(2026, 6, 30)), 600) == 120
    assert minutes_left(end_of(date(2026, 6, 30)), 60) == 60
    assert minutes_left(end_of(date(2026, 7, 1)), 6000) == 26 * 60


def test_a_start_that_is_given_up_while_its_job_is_begun_knows_the_job(
    slurm: Slurm, monkeypatch: pytest.MonkeyPatch
):
    def slowly(_site: object, _request: gate.Begin) -> gate.Begun:
        time.sleep(0.3)
        return gate.Begun(job=123, letter="0" * 16)

    monkeypatch.setattr(gate, "begin", slowly)
    spawner = a_spawner()

    async def given_up() -> None:
        starting = asyncio.create_task(spawner.begin(granted()))
        await asyncio.sleep(0.1)
        starting.cancel()
        await starting

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(given_up())
    assert spawner.job_id == "123"


def test_with_slurm_silent_a_start_says_so(slurm: Slurm):
    slurm.says = SlurmSilentError("Slurm doesn't answer: Unable to contact slurm controller")
    with pytest.raises(Refused, match="the cluster doesn't answer just now") as refused:
        asyncio.run(a_spawner().begin(granted()))
    assert "klyngen svarer ikke" in refused.value.html


def test_one_unknown_job_that_can_t_be_ended_keeps_no_other(monkeypatch: pytest.MonkeyPatch):
    ended: list[int] = []

    async def jobs() -> dict[int, str]:
        return {1: "one", 2: "two", 3: "three"}

    def end(_site: object, request: gate.End) -> None:
        if request.job == 1:
            raise ClusterError("scancel refuses")
        ended.append(request.job)

    monkeypatch.setattr(ClusterSpawner, "queue", SimpleNamespace(jobs=jobs))
    monkeypatch.setattr(unknown, "of_the_site", lambda _site, listed: listed)
    monkeypatch.setattr(gate, "end", end)
    hub = SimpleNamespace(site=None, journal=SimpleNamespace(note=lambda *_, **__: None))
    known = [SimpleNamespace(job_id="3", name="three", pending=None)]
    with pytest.raises(ClusterError, match="scancel refuses"):
        asyncio.run(ClusterSpawner.end_unknown(hub, lambda: known))
    assert ended == [2]
