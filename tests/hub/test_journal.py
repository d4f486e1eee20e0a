"""What the hub records, and what becomes of it while the audit log's writer is down."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.messages import UnrecordableError
from sundbench.hub.journal import Allowance, Journal
from sundbench.site import Site


class Writer:
    """Stands for the connection to the audit log's writer."""

    def __init__(self) -> None:
        self.up = True
        self.written: list[tuple[str, str, str, dict[str, Any]]] = []

    async def record_for(
        self, actor: str, action: str, what: str, *, detail: dict[str, Any], **_: Any
    ) -> int:
        if not self.up:
            raise AuditError("down")
        if len(what) > 2000:
            raise UnrecordableError("the object is too long")
        self.written.append((actor, action, what, detail))
        return len(self.written)


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def journal(writer: Writer, tmp_path: Path) -> Journal:
    made = Journal(Site(tmp_path, "sqlite://"))
    made._open = writer  # type: ignore[assignment]
    return made


def test_what_is_granted_fails_with_the_writer(journal: Journal, writer: Writer):
    writer.up = False

    with pytest.raises(AuditError):
        asyncio.run(journal.record("rikke", Action.LOGIN, "hub"))


def test_what_happened_anyway_is_recorded_when_the_writer_is_back(journal: Journal, writer: Writer):
    async def day() -> None:
        writer.up = False
        journal.note("rikke", Action.SERVER_STOP, "rikke:lung-cancer", why="stopped")
        journal.note("rikke", Action.LOGOUT, "hub")
        await asyncio.sleep(0.01)
        assert not writer.written
        writer.up = True
        await journal.settle()

    asyncio.run(day())

    assert [(actor, action) for actor, action, *_ in writer.written] == [
        ("rikke", "server.stop"),
        ("rikke", "logout"),
    ]


def test_what_the_writer_never_takes_holds_up_nothing(journal: Journal, writer: Writer):
    async def day() -> None:
        writer.up = False
        journal.note("rikke", Action.SERVER_STOP, "r" * 2001)
        journal.note("rikke", Action.LOGOUT, "hub")
        await asyncio.sleep(0.01)
        writer.up = True
        await journal.settle()

    asyncio.run(day())

    assert writer.written == [
        ("hub", "server.stop", "a record that the writer refused", {"why": "the object is too long"}),
        ("rikke", "logout", "hub", {}),
    ]


def test_a_flood_of_refusals_is_counted_not_written(journal: Journal, writer: Writer, monkeypatch: Any):
    minute = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: minute[0])

    async def flood() -> None:
        for _ in range(500):
            journal.refused("anonymous", Action.HUB_REFUSED, "GET /hub/api/users")
        minute[0] = 61
        journal.refused("anonymous", Action.HUB_REFUSED, "GET /hub/api/users")
        journal.refused("rikke", Action.HUB_REFUSED, "GET /hub/api/users")
        await journal.settle()

    asyncio.run(flood())

    assert len(writer.written) == Allowance().a_minute + 2
    assert writer.written[-2][3] == {"left_out_before": 500 - Allowance().a_minute}
    assert writer.written[-1][3] == {}
