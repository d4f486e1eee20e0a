"""The proxy between browsers, hub and servers that all speak TLS: who is let in, and whom it believes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from certipy import Certipy
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler
from websocket import WebSocketBadStatusException, create_connection

from sundbench.hub import server_names
from sundbench.hub.proxy import tls
from tests.hub.answering import answering
from tests.hub.installation import eventually, free_ports

TOKEN = {"Authorization": "token t0ken"}
HERE = ["IP:127.0.0.1", "DNS:localhost"]


class Told(RequestHandler):
    def get(self, *_: str) -> None:
        whose = dict(
            pair for part in self.request.connection.stream.socket.getpeercert()["subject"] for pair in part
        )
        self.write({"proto": self.request.headers["X-Forwarded-Proto"], "peer": whose["commonName"]})


class Line(WebSocketHandler):
    def open(self, *_: str) -> None:
        self.write_message("hello")


@dataclass
class World:
    """Authorities as JupyterHub has them, a proxy, and a server that demands the proxy's certificate."""

    certipy: Certipy
    folder: Path
    port: int
    api: int
    behind: int

    def pair(self, name: str, authority: str, names: list[str] = HERE) -> tls.Pair:
        files = self.certipy.create_signed_pair(name, authority, alt_names=names)["files"]
        return tls.Pair(Path(files["key"]), Path(files["cert"]))

    def authority(self, name: str) -> Path:
        return Path(self.certipy.store.get_record(name)["files"]["cert"])

    def ask(self, url: str, own: tls.Pair | None, **more: object) -> requests.Response:
        shown = (str(own.certificate), str(own.key)) if own else None
        return requests.get(url, cert=shown, timeout=10, **more)  # type: ignore[arg-type]

    def route(self, path: str, target: str) -> None:
        hub = self.certipy.store.get_record("hub-internal")["files"]
        answer = requests.post(
            f"https://127.0.0.1:{self.api}/api/routes/{path}",
            json={"target": target},
            headers=TOKEN,
            cert=(hub["cert"], hub["key"]),
            verify=str(self.authority("proxy-api-ca")),
            timeout=10,
        )
        assert answer.status_code == 201, answer.text


HANDLERS = [("/.*/line", Line), ("/(.*)", Told)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("certificates")
    port, api, behind = free_ports(3)
    certipy = Certipy(store_dir=str(folder))
    for name in ("hub-ca", "notebooks-ca", "proxy-api-ca", "proxy-client-ca", "others-ca", "public-ca"):
        certipy.create_ca(name)
    made = World(certipy, folder, port, api, behind)
    made.pair("hub-internal", "hub-ca")
    front, control = made.pair("front", "public-ca"), made.pair("proxy-api", "proxy-api-ca")
    client, server = made.pair("proxy-client", "proxy-client-ca"), made.pair("server", "notebooks-ca")
    words = [
        *(sys.executable, "-m", "sundbench.hub.proxy", "--port", str(port), "--api-port", str(api)),
        *("--error-target", f"https://127.0.0.1:{behind}/hub/error", "--log-level", "WARNING"),
        *("--ssl-key", str(front.key), "--ssl-cert", str(front.certificate), "--host-routing"),
        *("--api-ssl-key", str(control.key), "--api-ssl-cert", str(control.certificate)),
        *("--api-ssl-ca", str(made.authority("hub-ca"))),
        *("--client-ssl-key", str(client.key), "--client-ssl-cert", str(client.certificate)),
        *("--client-ssl-ca", str(made.authority("notebooks-ca"))),
    ]
    with answering(HANDLERS, behind, tls.demanding(server, made.authority("proxy-client-ca"))):
        process = subprocess.Popen(words, env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "t0ken"})
        try:
            eventually(lambda: _accepts(port) and _accepts(api))
            made.route("localhost/", f"https://127.0.0.1:{behind}")
            yield made
        finally:
            process.kill()
            process.wait()


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_all_the_way_and_each_shows_who_it_is(world: World) -> None:
    answer = world.ask(f"https://localhost:{world.port}/x", None, verify=str(world.authority("public-ca")))
    assert answer.json() == {"proto": "https", "peer": "proxy-client"}
    line = create_connection(
        f"wss://localhost:{world.port}/x/line",
        sslopt={"ca_certs": str(world.authority("public-ca"))},
        timeout=10,
    )
    assert line.recv() == "hello"
    line.close()


def test_nobody_without_the_right_certificate_comes_to_an_inner_port(world: World) -> None:
    strangers = [None, world.pair("stranger", "others-ca"), world.pair("job", "notebooks-ca")]
    for place, authority in ((world.api, "proxy-api-ca"), (world.behind, "notebooks-ca")):
        url = f"https://127.0.0.1:{place}/api/routes"
        for own in strangers:
            with pytest.raises((requests.ConnectionError, requests.Timeout)):
                world.ask(url, own, headers=TOKEN, verify=str(world.authority(authority)))
        with pytest.raises(requests.ConnectionError):  # nor without TLS
            requests.get(url.replace("https", "http"), headers=TOKEN, timeout=5)


def test_the_hub_itself_needs_its_token_as_well(world: World) -> None:
    files = world.certipy.store.get_record("hub-internal")["files"]
    hub = tls.Pair(Path(files["key"]), Path(files["cert"]))
    url, authority = f"https://127.0.0.1:{world.api}/api/routes", str(world.authority("proxy-api-ca"))
    assert world.ask(url, hub, verify=authority).status_code == 403
    assert world.ask(url, hub, verify=authority, headers=TOKEN).ok


@pytest.mark.parametrize(
    ("authority", "names"), [("others-ca", HERE), ("public-ca", HERE), ("notebooks-ca", ["DNS:another.node"])]
)
def test_what_shows_a_wrong_certificate_gets_no_request(
    world: World, authority: str, names: list[str]
) -> None:
    (port,) = free_ports(1)
    false = world.pair(f"false-{authority}", authority, names)
    with answering(HANDLERS, port, tls.for_browsers(false)):
        world.route(f"localhost/{authority}", f"https://127.0.0.1:{port}")
        answer = world.ask(
            f"https://localhost:{world.port}/{authority}/x", None, verify=str(world.authority("public-ca"))
        )
    assert answer.status_code in {404, 503}
    assert "peer" not in answer.text


def test_no_server_on_a_node_takes_another_s_place(world: World) -> None:
    """Whoever got hold of one job's key, and listens where another server was."""
    mine, other = server_names.new(), server_names.new()
    (port,) = free_ports(1)
    pair = world.pair("mine", "notebooks-ca", [f"DNS:{server_names.certified(mine)}"])
    trusted = str(world.authority("public-ca"))
    with answering(HANDLERS, port, tls.demanding(pair, world.authority("proxy-client-ca"))):
        for name, server in (("mine", mine), ("other", other)):
            world.route(f"localhost/{name}", f"https://{server_names.at(server, '127.0.0.1')}:{port}")
        assert world.ask(f"https://localhost:{world.port}/mine/x", None, verify=trusted).json()
        answer = world.ask(f"https://localhost:{world.port}/other/x", None, verify=trusted)
        assert answer.status_code in {404, 503}
        assert "peer" not in answer.text
        line = f"wss://localhost:{world.port}"
        sure = {"ca_certs": trusted}
        assert create_connection(f"{line}/mine/line", sslopt=sure, timeout=10).recv() == "hello"
        with pytest.raises(WebSocketBadStatusException):
            create_connection(f"{line}/other/line", sslopt=sure, timeout=10)


def test_another_host_s_routes_are_not_this_one_s(world: World) -> None:
    world.route("rikke.localhost/user/rikke", f"https://127.0.0.1:{world.behind}")
    base, authority = f"https://localhost:{world.port}", str(world.authority("public-ca"))
    for host, ok in (
        ("rikke.localhost", True),
        ("RIKKE.localhost:443", True),
        ("anders.localhost", False),
        ("", False),
    ):
        answer = world.ask(f"{base}/user/rikke/x", None, verify=authority, headers={"Host": host})
        assert answer.ok is ok, host
    # A path that begins with a host's name does not lead to that host's routes.
    answer = world.ask(f"{base}/rikke.localhost/user/rikke/x", None, verify=authority, headers={"Host": "x"})
    assert answer.status_code == 404


def test_a_renewed_certificate_is_shown_without_a_restart(world: World) -> None:
    own = world.pair("renewed", "public-ca")
    context = tls.for_browsers(own)
    (port,) = free_ports(1)

    def shown() -> bytes:
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            asked = ssl.create_default_context(cafile=str(world.authority("public-ca")))
            with asked.wrap_socket(plain, server_hostname="localhost") as wrapped:
                return wrapped.getpeercert(binary_form=True) or b""

    with answering(HANDLERS, port, context):
        before = shown()
        keeping = threading.Thread(target=_keep, args=(context, own), daemon=True)
        keeping.start()
        world.certipy.create_signed_pair("renewed", "public-ca", alt_names=HERE, overwrite=True)
        eventually(lambda: shown() != before)
        own.certificate.write_text("half of i")
        threading.Event().wait(0.3)
        assert shown(), "what can't be used is not"


def _keep(context: ssl.SSLContext, own: tls.Pair) -> None:
    with contextlib.suppress(TimeoutError):
        asyncio.run(asyncio.wait_for(tls.keep_fresh(context, own, 0.1), 5))
