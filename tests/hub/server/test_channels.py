"""Between a page and a kernel: recorded before it goes in, measured when it comes out."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from .conftest import PREFIX, Running


class Page:
    """A browser's side of a connection."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket

    async def send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": "page",
            "username": "",
            "version": "5.3",
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": channel,
        }
        await self._socket.write_message(json.dumps(message))
        return header["msg_id"]

    async def until_idle(self, request: str) -> list[dict[str, Any]]:
        """What came for a request, to its end."""
        came: list[dict[str, Any]] = []
        kinds: list[str] = []
        while "execute_reply" not in kinds or "idle" not in kinds:
            received = await asyncio.wait_for(self._socket.read_message(), 60)
            assert isinstance(received, str)
            message = json.loads(received)
            if message["parent_header"].get("msg_id") == request:
                came.append(message)
                kinds.append(message["content"].get("execution_state", message["header"]["msg_type"]))
        return came

    async def run(self, code: str) -> list[dict[str, Any]]:
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        return await self.until_idle(await self.send("execute_request", content))


def text(messages: list[dict[str, Any]]) -> str:
    return "".join(message["content"].get("text", "") for message in messages)


@pytest.fixture(scope="module")
def kernel(running: Running) -> str:
    return str(running.json("POST", "api/kernels", {"name": "synthetic-data"})["id"])


def talk(running: Running, kernel: str, work: Callable[[Page], Awaitable[Any]]) -> Any:
    async def connected() -> Any:
        request = HTTPRequest(
            f"ws://127.0.0.1:{running.port}{PREFIX}api/kernels/{kernel}/channels?session_id=page",
            headers={"Authorization": "token anna"},
        )
        socket = await websocket_connect(request)
        try:
            return await work(Page(socket))
        finally:
            socket.close()

    return asyncio.run(connected())


def test_code_is_recorded_before_it_runs(running: Running, kernel: str) -> None:
    came = talk(running, kernel, lambda page: page.run("print(6 * 7)"))

    assert "42" in text(came)
    record = running.writer.of("execute")[-1]
    assert record["detail"]["code"] == "print(6 * 7)"
    assert record["detail"]["kernel"] == "synthetic-data"
    assert record["object"] == f"kernel {kernel}"


def test_with_the_writer_down_nothing_runs_and_the_page_knows(running: Running, kernel: str) -> None:
    running.writer.refuses = "the disk is full"
    try:
        came = talk(running, kernel, lambda page: page.run("ran = True"))
    finally:
        running.writer.refuses = ""

    assert "Ikke udført: revisionsloggen kan ikke skrives lige nu." in text(came)
    assert "Not run: the audit log can't be written just now." in text(came)
    assert "disk" not in text(came), "that is the operator's to know"
    assert [m["content"]["status"] for m in came if m["header"]["msg_type"] == "execute_reply"] == ["error"]
    after = talk(running, kernel, lambda page: page.run("print('ran' in globals())"))
    assert "False" in text(after)


def test_output_is_cut_with_a_message_and_the_cell_still_ends(running: Running, kernel: str) -> None:
    came = talk(running, kernel, lambda page: page.run("for i in range(200): print('x' * 10_000)"))

    assert len(text(came)) < 250_000
    assert text(came).count("Show less at a time") == 1
    assert "12" in text(talk(running, kernel, lambda page: page.run("print(3 * 4)")))


def test_a_reply_too_large_to_pass_ends_the_cell_all_the_same(running: Running, kernel: str) -> None:
    async def ask(page: Page) -> list[dict[str, Any]]:
        content = {"code": "", "silent": False, "user_expressions": {"all": "'x' * 1_000_000"}}
        return await page.until_idle(await page.send("execute_request", content))

    came = talk(running, kernel, ask)

    assert len(json.dumps(came)) < 50_000
    assert running.writer.of("execute")[-1]["detail"]["expressions"] == {"all": "'x' * 1_000_000"}


def test_what_a_page_may_not_say_never_arrives(running: Running, kernel: str) -> None:
    async def try_all(page: Page) -> list[dict[str, Any]]:
        await page.send("execute_request", {"code": "hidden = 1"}, channel="control")
        await page.send("shutdown_request", {"restart": False}, channel="control")
        return await page.run("print('hidden' in globals())")

    assert "False" in text(talk(running, kernel, try_all))
    assert running.writer.of("execute.refused")


def test_a_kernel_that_dies_says_why_in_the_cell(running: Running) -> None:
    kernel = running.json("POST", "api/kernels", {"name": "register-data"})["id"]

    async def die(page: Page) -> str:
        await page.send("execute_request", {"code": "import os; os.kill(os.getpid(), 9)"})
        said = ""
        until = time.monotonic() + 60
        while "restarting" not in said and time.monotonic() < until:
            said += str(await asyncio.wait_for(page._socket.read_message(), 60))
        return said

    said = talk(running, kernel, die)

    assert "it used more memory than the 4 GiB that it may" in said
    assert said.index("4 GiB") < said.index("restarting")
    running.ask("DELETE", f"api/kernels/{kernel}")
