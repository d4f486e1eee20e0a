"""A project's server in this process, with a hub, an audit writer and kernels that are thin stand-ins."""

import asyncio
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from jupyter_core import paths
from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from traitlets import Unicode

from sundbench.hub.kernelspecs import PROVISIONER
from sundbench.hub.server import kernels
from sundbench.hub.server.__main__ import enter
from sundbench.hub.server.extension import prepared
from sundbench.hub.server.settings import Rules, Settings
from sundbench.hub.settings import Settings as Operator
from tests.hub.installation import free_ports

PREFIX = "/user/anna/lung-cancer/"
SCOPE = "access:servers!server=anna/lung-cancer"


@dataclass
class Hub:
    """As much of JupyterHub as a server asks of it. Tokens are the names of their users."""

    port: int = 0
    server_port: int = 0
    scopes: dict[str, list[str]] = field(default_factory=lambda: {"anna": [SCOPE], "root": [SCOPE], "bo": []})

    def application(self) -> Application:
        hub = self

        class Version(RequestHandler):
            def get(self) -> None:
                self.set_header("X-JupyterHub-Version", "6.1.1")
                self.write({"version": "6.1.1"})

        class User(RequestHandler):
            def get(self) -> None:
                name = self.request.headers["Authorization"].removeprefix("token ")
                if name not in hub.scopes:
                    self.set_status(403)
                    return
                self.write(
                    {"name": name, "kind": "user", "groups": [], "admin": False, "scopes": hub.scopes[name]}
                )

        class Authorize(RequestHandler):
            def get(self) -> None:
                back = f"http://127.0.0.1:{hub.server_port}" + self.get_query_argument("redirect_uri")
                self.redirect(
                    f"{back}?" + urlencode({"code": "anna", "state": self.get_query_argument("state")})
                )

        class Token(RequestHandler):
            def post(self) -> None:
                code = parse_qs(self.request.body.decode())["code"][0]
                self.write({"access_token": code, "token_type": "Bearer"})

        class Activity(RequestHandler):
            def post(self, _: str) -> None:
                self.set_status(200)

        return Application(
            [
                (r"/hub/api/?", Version),
                (r"/hub/api/user", User),
                (r"/hub/api/oauth2/authorize", Authorize),
                (r"/hub/api/oauth2/token", Token),
                (r"/hub/api/users/(.*)/activity", Activity),
            ]
        )


@dataclass
class Writer:
    """Takes records, or doesn't."""

    path: Path
    records: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if self.refuses or message["secret"] != "s3cret":
                answer = {"id": message["id"], "error": self.refuses or "unknown secret"}
            else:
                self.records.append(message)
                answer = {"id": message["id"], "sequence": len(self.records)}
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    def of(self, action: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["action"] == action]

    def last(self, action: str, about: str = "") -> dict[str, Any]:
        """The newest record of an action on an object; a refusal's comes after its answer: wait a moment."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if found := [record for record in self.of(action) if about in record["object"]]:
                return found[-1]
            time.sleep(0.01)
        raise AssertionError(f"no {action} of {about} among {self.records}")


def environment(hub_port: int, port: int) -> dict[str, str]:
    return {
        "JUPYTERHUB_API_TOKEN": "server-token",
        "JPY_API_TOKEN": "server-token",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-anna-lung-cancer",
        "JUPYTERHUB_HOST": f"http://127.0.0.1:{hub_port}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_OAUTH_SCOPES": json.dumps([SCOPE]),
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([SCOPE]),
        "JUPYTERHUB_USER": "anna",
        "JUPYTERHUB_SERVER_NAME": "lung-cancer",
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub_port}/hub/api",
        "JUPYTERHUB_ACTIVITY_URL": f"http://127.0.0.1:{hub_port}/hub/api/users/anna/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
    }


def kernelspec(folder: Path, name: str, **spec: Any) -> None:
    (folder / name).mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": name, "language": "python"} | spec
    (folder / name / "kernel.json").write_text(json.dumps(spec))


class Unsandboxed(LocalProvisioner):
    """Stands in for the broker: a kernel beside the test, and a reason when it ends."""

    policy = Unicode(config=True)

    @property
    def ending(self) -> str:
        return "it used more memory than the 4 GiB that it may"


class Beside:
    """An entry point."""

    name = "beside-the-test"

    def load(self) -> type[LocalProvisioner]:
        return Unsandboxed


@dataclass
class Running:
    """The server as a client meets it."""

    port: int
    folder: Path
    hub: Hub
    writer: Writer
    app: Any
    loop: asyncio.AbstractEventLoop

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"

    def ask(
        self, method: str, path: str, body: Any = None, *, user: str | None = "anna", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        if user is not None:
            headers["Authorization"] = f"token {user}"
        content = json.dumps(body) if body is not None else None
        connection.request(method, PREFIX + path, content, headers)
        response = connection.getresponse()
        answer = response.status, response.headers, response.read()
        connection.close()
        return answer

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, _, content = self.ask(method, path, body)
        assert status < 300, (status, content)
        return json.loads(content) if content else None

    def inside(self, work: Callable[[], Any]) -> Any:
        """Do something in the server's own thread."""

        async def run() -> Any:
            result = work()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(60)


@pytest.fixture(scope="session")
def repository_lab(repository: Path) -> Path:
    return repository / "hub_config" / "lab"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, repository_lab: Path) -> Iterator[Running]:
    """One server for the whole folder of tests: it takes seconds to begin."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "notebooks").mkdir()
    for name in ("register-data", "synthetic-data"):
        kernelspec(
            folder / "kernels",
            name,
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            metadata={
                "kernel_provisioner": {"provisioner_name": Beside.name, "config": {"policy": name}},
                "sundbench": {
                    "data": name.removesuffix("-data"),
                    "names": {"da": f"{name} på dansk", "en": f"{name} in English"},
                },
            },
        )
    kernelspec(folder / "kernels", "local")  # would start a process beside the server's tokens
    hub, writer = Hub(), Writer(folder / "audit.sock")
    KernelProvisionerFactory.instance().provisioners[Beside.name] = Beside()
    kernels.PROVISIONER = Beside.name
    started: dict[str, Any] = {}
    ready = threading.Event()
    hub_loop = asyncio.new_event_loop()

    def outside() -> None:
        asyncio.set_event_loop(hub_loop)
        sockets = bind_sockets(0, "127.0.0.1")
        hub.port = sockets[0].getsockname()[1]

        async def begin() -> None:
            HTTPServer(hub.application()).add_sockets(sockets)
            await asyncio.start_unix_server(writer.serve, writer.path)
            ready.set()

        hub_loop.run_until_complete(begin())
        hub_loop.run_forever()

    threading.Thread(target=outside, daemon=True).start()
    assert ready.wait(10)
    loop = asyncio.new_event_loop()
    up = threading.Event()

    def server() -> None:
        asyncio.set_event_loop(loop)
        (port,) = free_ports(1)
        hub.server_port = port
        settings = Settings(
            user="anna",
            project="lung-cancer",
            title={"da": "Lungekræft", "en": "Lung cancer"},
            environment=environment(hub.port, port),
            audit_secret="s3cret",
            audit_socket=writer.path,
            notebooks=folder / "notebooks",
            kernels=folder / "kernels",
            lab=repository_lab,
            rules=Rules.of(Operator()).model_copy(update={"upload_size": 3_000_000, "output_size": 200_000}),
            notebook_size=3_000_000,
        )
        try:
            with undone():
                app = prepared(settings, enter(settings))
                app.identity_provider.hub_auth.trait_values()  # read from the environment, once and for all
                started.update(app=app, port=port)
        finally:
            loop.call_soon(up.set)  # it listens from the loop's first round on
        loop.run_forever()

    threading.Thread(target=server, daemon=True).start()
    assert up.wait(60)
    assert started
    yield Running(started["port"], folder, hub, writer, started["app"], loop)
    kernels.PROVISIONER = PROVISIONER
    loop.call_soon_threadsafe(loop.stop)
    hub_loop.call_soon_threadsafe(hub_loop.stop)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what a server does to its process: other tests run in this one."""
    environment, search = dict(os.environ), paths.jupyter_path.__code__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServerApp, "init_signal", lambda self: None)  # signals are for a process's first thread
        patch.setattr(ServerApp, "config_file_paths", ServerApp.config_file_paths)
        yield
    os.environ.clear()
    os.environ.update(environment)
    paths.jupyter_path.__code__ = search
