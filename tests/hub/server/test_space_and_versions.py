"""A project's space has an end; what is saved is told to the broker, which keeps it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sundbench.hub.provisioner import BROKER

from .conftest import Running


def text(content: str) -> dict[str, str]:
    return {"type": "file", "format": "text", "content": content}


@pytest.fixture
def little(running: Running, monkeypatch: pytest.MonkeyPatch) -> int:
    """Space for 64 KiB more."""
    held = running.json("GET", "sundbench/state")["space"]["used"]
    monkeypatch.setattr(running.app.contents_manager, "quota", held + 65_536)
    return 65_536


def test_what_goes_over_the_quota_is_refused_and_says_what_to_do(running: Running, little: int) -> None:
    status, _, said = running.ask("PUT", "api/contents/large.txt", text("x" * (little + 1)))
    assert status == 507
    assert "delete some, then save again" in json.loads(said)["message"]
    assert not (running.notebooks / "large.txt").exists()
    running.json("PUT", "api/contents/small.txt", text("x"))


def test_a_full_project_still_saves_what_gets_smaller(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.json("PUT", "api/contents/shrinks.txt", text("x" * 30_000))
    monkeypatch.setattr(running.app.contents_manager, "quota", 1)
    assert running.ask("PUT", "api/contents/shrinks.txt", text("x" * 30_001))[0] == 507
    running.json("PUT", "api/contents/shrinks.txt", text("x"))
    assert running.ask("DELETE", "api/contents/shrinks.txt")[0] == 204


class Asked:
    """A broker that notes what it is asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.requests.append(json.loads(line))
            answers = {"versions": {"versions": []}, "restore": {"error": "not in version 0"}}
            writer.write(json.dumps(answers.get(self.requests[-1]["do"], {})).encode() + b"\n")
        writer.close()


@pytest.fixture
def asked(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    broker = Asked()
    monkeypatch.setenv(BROKER, str(tmp_path / "b.sock"))
    server = running.inside(lambda: asyncio.start_unix_server(broker.serve, tmp_path / "b.sock"))
    yield broker
    running.inside(server.close)


def test_every_change_is_told(running: Running, asked: Asked) -> None:
    running.json("PUT", "api/contents/told.py", text("x"))
    running.json("PATCH", "api/contents/told.py", {"path": "renamed.py"})
    running.ask("DELETE", "api/contents/renamed.py")
    running.json("GET", "sundbench/versions?path=renamed.py")
    told = [one["paths"] for one in asked.requests if one["do"] == "save"]
    assert told == [["told.py"], ["told.py", "renamed.py"], ["renamed.py"]]


def test_what_the_broker_refuses_is_said(running: Running, asked: Asked) -> None:
    status, _, said = running.ask(
        "POST",
        "sundbench/versions",
        {"path": "a.py", "version": "0" * 40},
        **{"Content-Type": "application/json"},
    )
    assert status == 400
    assert "not in version 0" in json.loads(said)["message"]


def test_another_members_own_place_is_read_and_not_changed(running: Running) -> None:
    for user in ("anna", "mikkel"):
        (running.notebooks / "members" / user).mkdir(parents=True)
        (running.notebooks / "members" / user / "a.py").write_text(user)
    running.json("PUT", "api/contents/members/anna/a.py", text("mine"))
    assert running.json("GET", "api/contents/members/mikkel/a.py")["content"] == "mikkel"
    for method, path, body in (
        ("PUT", "members/mikkel/a.py", text("x")),
        ("PUT", "members/mikkel/b", {"type": "directory"}),
        ("PATCH", "members/mikkel/a.py", {"path": "a.py"}),
        ("PATCH", "members/anna/a.py", {"path": "members/mikkel/b.py"}),
        ("PATCH", "members/mikkel", {"path": "members/other"}),
        ("PATCH", "members", {"path": "others"}),
        ("DELETE", "members/mikkel/a.py", None),
    ):
        assert running.ask(method, f"api/contents/{path}", body)[0] == 403, (method, path)
    assert (running.notebooks / "members/mikkel/a.py").read_text() == "mikkel"


def test_a_request_for_a_package_needs_a_reason(running: Running) -> None:
    for wrong in ({"name": "x"}, {"language": "Python", "name": "a b", "why": "x"}, {}):
        assert running.ask("POST", "sundbench/packages", wrong)[0] == 400
