"""What the watch over permits does when it can't ask."""

import asyncio
import sqlite3
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from sundbench.errors import ClusterError, DatabaseError
from sundbench.governance import permits
from sundbench.hub.permits_watch import Watch
from sundbench.hub.settings import Settings
from sundbench.hub.workspaces.housekeeping import Housekeeping
from tests.hub.installation import amend, make_site


@dataclass
class Member:
    """A user with one running server."""

    name: str
    project: str
    stopped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spawner = SimpleNamespace(scope="", ready=True, ending=None, active=True)
        self.spawners = {self.project: self.spawner}

    def sync_groups(self, groups: list[str]) -> None:
        self.groups = groups

    async def stop(self, name: str) -> None:
        self.stopped.append(f"{name}: {self.spawner.ending}")


class Routes:
    async def delete_user(self, user: Member, name: str) -> None:
        pass


class Journal:
    async def settle(self) -> None:
        pass


def test_days_pass_while_governance_can_t_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = make_site(tmp_path)
    amend(site, "short", ("rikke:researcher",), expires="2030-01-31")
    rikke = Member("rikke", "short")
    anders = Member("anders", "diabetes")
    app = SimpleNamespace(users={1: rikke, 2: anders}, proxy=Routes())
    watch = Watch(app, SimpleNamespace(site=site, settings=Settings(), journal=Journal()))

    async def night() -> None:
        monkeypatch.setattr(permits, "today", lambda: date(2030, 1, 31))
        await watch.look()
        held = sqlite3.connect(tmp_path / "sundbench.db", isolation_level=None)
        held.execute("PRAGMA locking_mode = EXCLUSIVE")
        held.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr("sundbench.governance.database._READERS_WAIT", 0.1)
        monkeypatch.setattr(permits, "today", lambda: date(2030, 2, 1))
        with pytest.raises(DatabaseError, match="locked"):
            await watch.look()
        await asyncio.sleep(0.05)
        held.close()

    asyncio.run(night())

    assert rikke.stopped == ["short: permit expired"]
    assert anders.stopped == []


def test_folders_that_take_long_don_t_keep_it_from_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = make_site(tmp_path)
    amend(site, "short", ("rikke:researcher",))
    rikke = Member("rikke", "short")
    app = SimpleNamespace(users={1: rikke}, proxy=Routes())
    watch = Watch(app, SimpleNamespace(site=site, settings=Settings(), journal=Journal()))
    begun: list[str] = []

    async def stopped_by_an_account(*_: object) -> None:
        begun.append("errand")
        await asyncio.Event().wait()

    async def watched() -> None:
        async with asyncio.timeout(10):
            await watch.look()
            await asyncio.sleep(0)
            amend(site, "short", ("anders:researcher",))
            await watch.look()
            await asyncio.sleep(0.05)

    monkeypatch.setattr(Housekeeping, "look", stopped_by_an_account)
    asyncio.run(watched())
    assert rikke.stopped == ["short: no member of the project any more"]
    assert begun == ["errand"], "one at a time"


def test_servers_that_can_t_be_ended_yet_don_t_keep_it_from_watching(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sundbench.hub.permits_watch.SECONDS", 0.01)
    monkeypatch.setattr("sundbench.hub.permits_watch._LATE", 0)
    tried: list[str] = []

    async def end_unknown(*_: object) -> None:
        tried.append("end")
        if tried.count("end") < 3:
            raise ClusterError("Slurm doesn't answer")

    async def watched() -> None:
        up = asyncio.get_running_loop().create_future()
        up.set_result(None)
        app = SimpleNamespace(
            users={}, _start_future=up, spawner_class=SimpleNamespace(end_unknown=end_unknown)
        )
        watch = Watch(app, SimpleNamespace(site=None, settings=Settings(), journal=Journal()))

        async def look() -> None:
            tried.append("look")

        monkeypatch.setattr(watch, "look", look)
        async with asyncio.timeout(10):
            watching = watch.begin()
            while tried.count("look") < 5:
                await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(watched())
    assert tried[:8] == ["end", "look"] * 3 + ["look"] * 2
