"""batchspawner's own tests, by what they say of a spawner, run against ours.

They are in github.com/jupyterhub/batchspawner, batchspawner/tests/test_spawners.py (commit 451dcf1). The
file can't be run against our spawner: its spawners have shell commands that answer in turn (``run_command``),
and ours has none. So what each says is said here of a spawner with JupyterHub's real user and database, over
a gate and a queue that say in turn what Slurm would.

    test_spawner_start_stop_poll   fits
    test_stress_submit             fits; theirs calls without awaiting, so that nothing runs
    test_spawner_state_reload      fits
    test_submit_failure            fits
    test_submit_pending_fails      fits
    test_poll_fails                fits, but for when: ours forgets a job once its end is recorded
    test_unknown_status            fits
    test_slurm                     fits: the order of states; its options are settings of ours
    test_early_stop                fits
    test_templates                 doesn't: no commands are made from templates
    test_batch_script              doesn't: the script is the gate's, and fixed (tests/slurm/test_gate.py)
    test_exec_prefix               doesn't: no command runs through a prefix, such as sudo as the user
    test_keepvars                  doesn't: no variable of the hub's is kept (tests/slurm/test_jobs.py)
    test_torque, test_moab, test_pbs, test_condor, test_lfs   don't: other schedulers than Slurm
"""

import asyncio
from datetime import date
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from batchspawner.batchspawner import JobStatus
from jupyterhub import orm
from jupyterhub.objects import Hub, Server
from jupyterhub.spawner import SpawnException
from jupyterhub.user import User

from sundbench.errors import ClusterError
from sundbench.hub import server_names
from sundbench.hub import spawner as of_every_profile
from sundbench.hub.slurm.spawner import ClusterSpawner
from sundbench.slurm import gate
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import GONE, State
from tests.hub.slurm.stand_in import ADDRESS, NODE, Slurm, installed

PROJECT = "lung-cancer"
PORT = 54321
RUNNING = State("RUNNING", node=NODE)
SILENT = SlurmSilentError("Slurm doesn't answer: Unable to contact slurm controller")


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    made = installed(monkeypatch)
    permit = SimpleNamespace(expires=date(2099, 12, 31), roles=lambda _: {"researcher"}, scope="scope")
    granted = mock.AsyncMock(return_value=SimpleNamespace(permit=permit))
    data = SimpleNamespace(extract=None, state="absent")
    monkeypatch.setattr(of_every_profile, "granted", granted)
    monkeypatch.setattr(of_every_profile.folders, "data", lambda *_: data)
    journal = mock.AsyncMock(note=mock.Mock(), refused=mock.Mock())
    monkeypatch.setattr(ClusterSpawner._hub, "journal", journal, raising=False)
    return made


@pytest.fixture
def user() -> User:
    db = orm.new_session_factory("sqlite:///:memory:")()
    anna = orm.User(name="anna")
    db.add(anna)
    db.commit()
    made = User(anna, {"spawner_class": ClusterSpawner, "hub": Hub(), "allow_named_servers": True})
    made._new_orm_spawner(PROJECT, "")
    return made


def spawner_of(user: User) -> ClusterSpawner:
    """A spawner as a hub makes it that has just started."""
    user.spawners.pop(PROJECT, None)
    made: ClusterSpawner = user.spawners[PROJECT]
    listens = orm.Server(base_url=f"/user/anna/{PROJECT}/")
    user.db.add(listens)
    user.db.commit()
    made.server = Server(orm_server=listens)
    return made


async def start(spawner: ClusterSpawner) -> str:
    """Start, and let the job tell its port as soon as it is begun."""
    starting = asyncio.create_task(spawner.start())
    while not starting.done() and not spawner.listens_at(PORT):
        await asyncio.sleep(0.01)
    return await asyncio.wait_for(starting, 30)


def keeps_nothing(spawner: ClusterSpawner) -> bool:
    return not spawner.has_job and not {"job_id", "job_status", "letter"} & spawner.get_state().keys()


async def cycle(slurm: Slurm, user: User) -> None:
    """A start, a look and a stop, as the hub has them."""
    slurm.says = RUNNING
    spawner = spawner_of(user)
    assert await spawner.poll() == 0
    assert keeps_nothing(spawner)
    address = await start(spawner)
    assert server_names.address_in(address.split("//")[1].split(":")[0]) == ADDRESS
    assert spawner.job_id == "123"
    assert await spawner.poll() is None
    await user.stop(PROJECT)
    assert await spawner.poll() == 0
    assert keeps_nothing(spawner)


def test_spawner_start_stop_poll(slurm: Slurm, user: User):
    asyncio.run(cycle(slurm, user))
    assert [type(one) for one in slurm.asked] == [gate.Begin, gate.End]


def test_stress_submit(slurm: Slurm, user: User):
    async def often() -> None:
        for _ in range(50):
            await cycle(slurm, user)

    asyncio.run(often())
    assert len(slurm.asked) == 100


def test_spawner_state_reload(slurm: Slurm, user: User):
    async def restarted() -> None:
        slurm.says = RUNNING
        first = spawner_of(user)
        await start(first)
        kept = first.get_state()
        assert (kept["job_id"], kept["job_status"]) == ("123", f"RUNNING {NODE}")
        user.orm_spawners[PROJECT].state = kept
        user.db.commit()
        second = spawner_of(user)
        assert (second.job_id, second.letter) == ("123", "0" * 16)
        assert second._server_name == first._server_name, "by which the proxy and its certificate know it"
        assert await second.poll() is None
        second.clear_state()
        assert keeps_nothing(second)
        second.load_state(kept)
        assert second.job_id == "123"

    asyncio.run(restarted())


def test_submit_failure(slurm: Slurm, user: User):
    slurm.says = ClusterError("sbatch refuses: Invalid partition specified")
    spawner = spawner_of(user)
    with pytest.raises(SpawnException, match="fault in the set-up"):
        asyncio.run(start(spawner))
    assert keeps_nothing(spawner)


async def fails(user: User, why: str) -> None:
    """A start that fails; JupyterHub then stops what there may be."""
    spawner = spawner_of(user)
    with pytest.raises(SpawnException, match=why):
        await start(spawner)
    assert await spawner.query_job_status() is JobStatus.NOTFOUND
    await user.stop(PROJECT)
    assert keeps_nothing(spawner)


def test_submit_pending_fails(slurm: Slurm, user: User):
    slurm.says = State(GONE)
    asyncio.run(fails(user, "doesn't remember how"))


def test_early_stop(slurm: Slurm, user: User):
    slurm.first = [State("PENDING", "Priority"), SILENT]
    slurm.says = State(GONE)
    asyncio.run(fails(user, "doesn't remember how"))
    assert not slurm.first


def test_poll_fails(slurm: Slurm, user: User):
    async def disappears() -> None:
        slurm.says = RUNNING
        spawner = spawner_of(user)
        await start(spawner)
        slurm.says = State(GONE)
        assert await spawner.poll() == 1
        await user.stop(PROJECT)
        assert keeps_nothing(spawner)

    asyncio.run(disappears())


def test_unknown_status(slurm: Slurm, user: User):
    async def silent() -> None:
        slurm.says = RUNNING
        spawner = spawner_of(user)
        await start(spawner)
        slurm.says = SILENT
        assert await spawner.poll() is None
        assert await spawner.query_job_status() is JobStatus.UNKNOWN
        assert (spawner.job_id, spawner.job_status) == ("123", f"RUNNING {NODE}")

    asyncio.run(silent())


def test_slurm(slurm: Slurm, user: User):
    async def in_order() -> None:
        spawner = spawner_of(user)
        slurm.first = [State("PENDING"), SILENT]
        slurm.says = RUNNING
        await start(spawner)
        assert not slurm.first
        assert await spawner.poll() is None
        await user.stop(PROJECT)
        assert await spawner.poll() == 0

    asyncio.run(in_order())
    begin: Any = slurm.asked[0]
    assert (begin.cores, begin.memory, begin.minutes, begin.partition) == (1, 2**30, 60, "batch")
