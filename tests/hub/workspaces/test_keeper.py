"""What a server tells its broker is kept in its user's name, and nobody else's."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sundbench.errors import AuditError
from sundbench.hub.broker.broker import Broker
from sundbench.hub.workspaces.history import History
from sundbench.hub.workspaces.keeper import Keeper
from sundbench.sandbox.policy import Limits

LIMITS = Limits(memory="1 GiB", cores=1, processes=64, file_size="1 GiB", disk="1 GiB", tmp="16 MiB")


class Recorder:
    down = False

    def __init__(self) -> None:
        self.actions: list[str] = []

    def record(self, action: str, object: str, /, **detail: object) -> int:  # noqa: A002
        if self.down:
            raise AuditError("the writer is down")
        self.actions.append(str(action))
        return 1


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "workspace").mkdir()
    return History(tmp_path / "history", tmp_path / "workspace")


@pytest.fixture
def broker(history: History, tmp_path: Path) -> Broker:
    return Broker(
        {}, limits=LIMITS, sockets=tmp_path, most=1, recorder=Recorder(), keeper=Keeper(history, "anna")
    )


def ask(broker: Broker, **request: Any) -> dict[str, Any]:
    return broker.answer(json.dumps(request).encode())


def test_a_save_can_be_listed_and_had_back(broker: Broker, history: History) -> None:
    file = history.workspace / "a.py"
    for text in ("first", "second"):
        file.write_text(text)
        assert ask(broker, do="save", paths=["a.py"]) == {}
        found = ask(broker, do="versions", path="a.py")["versions"]
    assert [one["by"] for one in found] == ["anna", "anna"]
    assert ask(broker, do="restore", path="a.py", version=found[1]["id"]) == {}
    assert file.read_text() == "first"
    assert broker.recorder.actions == ["contents.save"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["../../etc/passwd", ".git/config", "a/../../b", "\0"])
def test_no_path_leads_out(broker: Broker, path: str) -> None:
    assert "error" in ask(broker, do="versions", path=path)
    assert "error" in ask(broker, do="restore", path=path, version="0" * 40)


def test_nothing_comes_back_while_that_cant_be_recorded(broker: Broker, history: History) -> None:
    (history.workspace / "a.py").write_text("first")
    ask(broker, do="save", paths=["a.py"])
    version = ask(broker, do="versions", path="a.py")["versions"][0]["id"]
    (history.workspace / "a.py").write_text("second")
    broker.recorder.down = True  # type: ignore[attr-defined]
    assert "can't be recorded" in ask(broker, do="restore", path="a.py", version=version)["error"]
    assert (history.workspace / "a.py").read_text() == "second"


def test_at_a_servers_end_all_is_kept(history: History) -> None:
    async def work() -> None:
        async with Keeper(history, "anna").keeping():
            (history.workspace / "told.py").write_text("x")
            (history.workspace / "untold.py").write_text("x")

    asyncio.run(work())
    assert {one.what for one in history.versions()} == {"2 files"}
