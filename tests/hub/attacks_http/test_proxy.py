"""What the one open port passes on: for many at once, and nothing that a browser only claims."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import websocket
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

from sundbench.hub.proxy.local import LocalProxy
from tests.hub.answering import answering
from tests.hub.installation import Platform, Visitor, eventually, free_ports


class Slow(RequestHandler):
    async def get(self) -> None:
        await asyncio.sleep(3)


class Steps(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        for number in range(3):
            self.write(f"data: {number}\n\n")
            await self.flush()
            await asyncio.sleep(0.5)


class Told(RequestHandler):
    def get(self) -> None:
        self.write({name: self.request.headers.get_list(name) for name in self.request.headers})

    post = get


class Line(WebSocketHandler):
    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "v1" if "v1" in subprotocols else None

    def open(self, *_: str) -> None:
        self.write_message("hello")

    def on_message(self, message: str | bytes) -> None:
        if message == "leave":
            self.close()
        else:
            self.write_message(b"x" * int(message), binary=True)


@dataclass
class Served:
    """A proxy before a server of the handlers above."""

    url: str


HANDLERS = [("/hub/slow", Slow), ("/hub/steps", Steps), ("/hub/told", Told), ("/hub/line", Line)]


@contextlib.contextmanager
def proxied(*arguments: str) -> Iterator[Served]:
    port, api, behind = free_ports(3)
    with answering(HANDLERS, behind):
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sundbench.hub.proxy", "--port", str(port), "--api-port", str(api)),
                *("--error-target", f"http://127.0.0.1:{behind}/hub/error", "--log-level", "WARNING"),
                *arguments,
            ],
            env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "t0ken"},
        )
        try:
            routes = f"http://127.0.0.1:{api}/api/routes/hub"

            def up() -> bool:
                with contextlib.suppress(requests.ConnectionError):
                    target = {"target": f"http://127.0.0.1:{behind}"}
                    return requests.post(
                        routes, json=target, headers={"Authorization": "token t0ken"}, timeout=5
                    ).ok
                return False

            eventually(up)
            assert requests.get(routes, timeout=5).status_code == 403
            yield Served(f"http://127.0.0.1:{port}/hub/")
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with proxied() as one:
        yield one


def test_slow_answers_keep_nobody_else_waiting(served: Served):
    with ThreadPoolExecutor(25) as together:
        slow = [together.submit(requests.get, f"{served.url}slow", timeout=30) for _ in range(24)]
        time.sleep(0.5)
        since = time.monotonic()
        assert requests.get(f"{served.url}told", timeout=30).ok
        assert time.monotonic() - since < 2
        assert all(one.result().ok for one in slow)


def test_what_is_told_step_by_step_arrives_step_by_step(served: Served):
    since = time.monotonic()
    headers = {"Accept": "text/event-stream"}
    with requests.get(f"{served.url}steps", headers=headers, stream=True, timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        came = [(piece, time.monotonic() - since) for piece in answer.iter_content(None)]

    assert b"".join(piece for piece, _ in came) == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert came[0][1] < 0.4 < 0.9 < came[-1][1]


CLAIMS = {
    "Forwarded": "for=6.6.6.6",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "elsewhere.example",
    "X-Forwarded-Proto": "https",
    "X-Real-Ip": "6.6.6.6",
    "X-Scheme": "https",
}


def test_claims_about_who_asks_are_dropped(served: Served):
    told = requests.get(f"{served.url}told", headers=CLAIMS, timeout=10).json()

    assert told["X-Real-Ip"] == told["X-Forwarded-For"] == ["127.0.0.1"]
    assert told["X-Forwarded-Proto"] == ["http"]
    assert not {"Forwarded", "X-Forwarded-Host", "X-Scheme"} & told.keys()


def test_a_proxy_in_front_is_believed_in_the_last_address_alone():
    with proxied("--public-url", "https://hub.example.dk/") as served:
        headers = CLAIMS | {"X-Forwarded-For": "6.6.6.6, 10.1.2.3"}
        told = requests.get(f"{served.url}told", headers=headers, timeout=10).json()

    assert told["X-Real-Ip"] == ["10.1.2.3"]
    assert told["X-Forwarded-Proto"] == ["https"]


def test_a_request_can_t_hide_in_another(served: Served):
    host, port = served.url.split("/")[2].split(":")
    inner = b"0\r\n\r\nGET /hub/told HTTP/1.1\r\nHost: x\r\nX-Real-Ip: 6.6.6.6\r\n\r\n"
    chunk = hex(len(inner))[2:].encode()
    for more in (b"", b"Connection: Transfer-Encoding\r\n", b"Content-Length: 5\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(
                b"POST /hub/told HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + more + b"\r\n"
                + chunk + b"\r\n" + inner + b"\r\n0\r\n\r\n"
            )  # fmt: skip
            answer = b""
            line.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while piece := line.recv(65536):
                    answer += piece
        assert answer.count(b"HTTP/1.1 ") == 1, answer
        assert b"6.6.6.6" not in answer
        assert b"Transfer-Encoding" not in answer


def connect(served: Served, **more: Any) -> websocket.WebSocket:
    return websocket.create_connection(served.url.replace("http", "ws") + "line", timeout=20, **more)


def test_a_websocket_speaks_what_the_server_chose_and_carries_large_messages(served: Served):
    line = connect(served, subprotocols=["other", "v1"])

    assert line.getsubprotocol() == "v1"
    assert line.recv() == "hello"
    line.send(str(12 * 2**20))  # a notebook's figure may be larger than Tornado's 10 MiB
    assert len(line.recv()) == 12 * 2**20
    line.send("leave")
    assert line.recv() == "", "the page learns that its server has gone"
    assert connect(served).getsubprotocol() is None


def test_a_websocket_from_another_site_is_refused(served: Served):
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        connect(served, origin="https://elsewhere.example")


def test_a_number_that_went_to_another_process_is_left_alone():
    """After the machine's restart the noted number can be a project's server's."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with pytest.raises(ProcessLookupError):
            LocalProxy._check_pid(LocalProxy.__new__(LocalProxy), other.pid)
        with pytest.raises(ProcessLookupError):
            LocalProxy._check_pid(LocalProxy.__new__(LocalProxy), 2**22 + 1)
    finally:
        other.kill()
        other.wait()


def test_twelve_who_wait_for_their_servers_keep_nobody_waiting(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("rikke")
    slow = stand_in_platform.site.scratch / "lung-cancer" / "rikke" / "slow"
    slow.parent.mkdir(parents=True, exist_ok=True)
    slow.touch()
    try:
        assert visitor.start("lung-cancer", wait=False).ok
        address = f"{stand_in_platform.url}hub/api/users/rikke/servers/lung-cancer/progress"
        cookies = visitor.session.cookies.copy()

        def follow(_: int) -> int:
            headers = {"Accept": "text/event-stream", "X-XSRFToken": visitor.xsrf}
            return requests.get(address, cookies=cookies, headers=headers, timeout=60).status_code

        with ThreadPoolExecutor(12) as together:
            waiting = [together.submit(follow, number) for number in range(12)]
            time.sleep(0.2)
            assert Visitor(stand_in_platform.url).get("hub/login").elapsed.total_seconds() < 1.5
            assert {one.result() for one in waiting} <= {200, 400}
        eventually(lambda: visitor.state("lung-cancer") == "running")
    finally:
        slow.unlink()
        visitor.stop("lung-cancer")
