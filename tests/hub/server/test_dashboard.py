"""A kernel's Dask dashboard: its owner sees it; what is behind the socket gets and gives a page's worth."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler, websocket_connect

from .conftest import PREFIX, Running


class Behind:
    """Whatever a kernel's code may have put behind its socket."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []

    def application(self) -> Application:
        behind = self

        class Anything(RequestHandler):
            def get(self, path: str) -> None:
                behind.seen.append(dict(self.request.headers))
                self.set_header("Set-Cookie", "stolen=1")
                self.set_header("Content-Security-Policy", "default-src *")
                self.set_header("Content-Disposition", "attachment; filename=data.csv")
                self.set_header("Refresh", "0; url=https://outside.example/")
                if path == "away":
                    self.redirect("//outside.example/?d=4711")
                    return
                if path == "home":
                    self.redirect("/status")
                    return
                kinds = {"data.csv": "text/csv", "data.bin": "application/octet-stream"}
                self.set_header("Content-Type", kinds.get(path, "text/html"))
                self.write("4711")

        class Line(WebSocketHandler):
            def open(self, *args: str, **kwargs: str) -> None:
                behind.seen.append(dict(self.request.headers))
                self.write_message("figures")

        return Application([(r"/line", Line), (r"/(.*)", Anything)])


@pytest.fixture(scope="module")
def kernel(running: Running) -> Iterator[tuple[str, Path, Behind]]:
    kernel_id = str(running.json("POST", "api/kernels", {"name": "synthetic-data"})["id"])
    folder = running.folder / "k" / "0a1b2c3d"
    folder.mkdir(parents=True)
    behind = Behind()
    loop = asyncio.new_event_loop()
    up = threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(loop)

        async def begin() -> None:
            HTTPServer(behind.application()).add_socket(bind_unix_socket(str(folder / "dash.sock"), 0o600))
            up.set()

        loop.run_until_complete(begin())
        loop.run_forever()

    threading.Thread(target=serve, daemon=True).start()
    assert up.wait(10)
    manager = running.app.kernel_manager.get_kernel(kernel_id)
    ip = manager.ip
    running.inside(lambda: setattr(manager, "ip", str(folder / "kernel")))
    yield kernel_id, folder, behind
    running.inside(lambda: setattr(manager, "ip", ip))
    running.ask("DELETE", f"api/kernels/{kernel_id}")
    loop.call_soon_threadsafe(loop.stop)


def test_the_owner_sees_it_under_the_servers_own_headers(running: Running, kernel: Any) -> None:
    status, headers, content = running.ask("GET", f"sundbench/dask/{kernel[0]}/status", Cookie="a=secret")

    assert status == 200
    assert content == b"4711"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert len(headers.get_all("Content-Security-Policy")) == 1
    for name in ("Set-Cookie", "Content-Disposition", "Refresh"):
        assert name not in headers


def test_code_behind_it_sees_neither_cookie_nor_token(running: Running, kernel: Any) -> None:
    running.ask(
        "GET",
        f"sundbench/dask/{kernel[0]}/status",
        Cookie="jupyterhub-user=secret",
        **{"X-XSRFToken": "secret"},
    )

    assert not kernel[2].seen[-1].keys() & {"Cookie", "Authorization", "X-Xsrftoken"}
    assert "secret" not in str(kernel[2].seen[-1])


@pytest.mark.parametrize("user", ["bo", "root", None])
def test_nobody_else_sees_it(running: Running, kernel: Any, user: str | None) -> None:
    before = len(kernel[2].seen)

    assert running.ask("GET", f"sundbench/dask/{kernel[0]}/status", user=user)[0] in {302, 403}
    assert len(kernel[2].seen) == before


@pytest.mark.parametrize("path", ["data.csv", "data.bin"])
def test_it_gives_no_files(running: Running, kernel: Any, path: str) -> None:
    status, headers, content = running.ask("GET", f"sundbench/dask/{kernel[0]}/{path}")

    assert status == 403
    assert b"4711" not in content
    assert headers["Content-Type"].startswith("text/plain")


def test_the_way_around_the_headers_is_closed(running: Running, kernel: Any) -> None:
    """For streams of events the proxy would pass the kernel's headers on as they are."""
    assert running.ask("GET", f"sundbench/dask/{kernel[0]}/status", Accept="text/event-stream")[0] == 406


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_looked_at_and_not_written(running: Running, kernel: Any, method: str) -> None:
    assert running.ask(method, f"sundbench/dask/{kernel[0]}/status", {})[0] in {403, 405}


def test_it_leads_nowhere_else(running: Running, kernel: Any) -> None:
    assert "Location" not in running.ask("GET", f"sundbench/dask/{kernel[0]}/away")[1]
    home = running.ask("GET", f"sundbench/dask/{kernel[0]}/home")[1]["Location"]
    assert home == f"{PREFIX}sundbench/dask/{kernel[0]}/status"


def test_a_link_in_the_sockets_place_is_not_followed(running: Running, kernel: Any) -> None:
    """A kernel may write its folder of sockets; a link there could lead to the broker's or the writer's."""
    socket = kernel[1] / "dash.sock"
    socket.rename(kernel[1] / "real.sock")
    try:
        socket.symlink_to(running.writer.path)
        assert running.ask("GET", f"sundbench/dask/{kernel[0]}/status")[0] == 404
        socket.unlink()
        socket.write_text("")
        assert running.ask("GET", f"sundbench/dask/{kernel[0]}/status")[0] == 404
    finally:
        socket.unlink()
        (kernel[1] / "real.sock").rename(socket)


def test_unknown_kernels_have_none(running: Running) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"

    assert running.ask("GET", f"sundbench/dask/{unknown}/status")[0] == 404


def test_figures_are_kept_up_to_date(running: Running, kernel: Any) -> None:
    async def listen(**headers: str) -> Any:
        request = HTTPRequest(
            f"ws://127.0.0.1:{running.port}{PREFIX}sundbench/dask/{kernel[0]}/line",
            headers={"Authorization": "token anna", "Cookie": "a=secret"} | headers,
        )
        line = await websocket_connect(request)
        received = await asyncio.wait_for(line.read_message(), 10)
        line.close()
        return received

    assert asyncio.run(listen()) == "figures"
    assert "secret" not in str(kernel[2].seen[-1])
    assert "Authorization" not in kernel[2].seen[-1]
