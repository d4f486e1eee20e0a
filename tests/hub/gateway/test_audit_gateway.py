"""Jobs on other machines record; whoever else tries, and whatever else they try, doesn't."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from certipy import Certipy

from sundbench.governance.audit import places
from sundbench.governance.audit.actions import SERVER, Action
from sundbench.governance.audit.client import Client
from sundbench.governance.audit.messages import MESSAGE_BYTES
from sundbench.hub import audit_gateway
from sundbench.hub.proxy import tls
from sundbench.site import Site
from tests.hub.installation import eventually, free_ports

HERE = ["IP:127.0.0.1", "DNS:localhost"]


@dataclass
class World:
    """A writer, the gateway before it, and the authorities of a hub."""

    site: Site
    certipy: Certipy
    port: int
    environment: dict[str, str]
    writer: subprocess.Popen[bytes]

    def pair(self, name: str, authority: str = "notebooks-ca") -> tls.Pair:
        files = self.certipy.create_signed_pair(name, authority, alt_names=HERE, overwrite=True)["files"]
        return tls.Pair(Path(files["key"]), Path(files["cert"]))

    def context(self, own: tls.Pair | None) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=self.certipy.store.get_record("hub-ca")["files"]["cert"])
        if own is not None:
            made.load_cert_chain(own.certificate, own.key)
        return made

    def connect(self, own: tls.Pair | None) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        return self.context(own).wrap_socket(plain, server_hostname="localhost")

    def start_writer(self) -> None:
        command = [sys.executable, "-m", "sundbench.governance.audit.writer"]
        self.writer = subprocess.Popen(command, env=self.environment)

        def answers() -> bool:
            with suppress(Exception), self.authority() as asked:
                return bool(asked.state())
            return False

        eventually(answers)

    def authority(self) -> Client:
        return Client(places.socket_path(self.site), places.authority(self.site))

    def job(self, user: str) -> tuple[tls.Pair, str]:
        """A server that was started: its certificate, and the secret of its start."""
        secret = f"secret of {user}, long enough to be one"
        with self.authority() as asked:
            asked.register(places.digest(secret), user, "lung-cancer", None, SERVER)
        return self.pair(f"server-{user}"), secret

    def said(self, own: tls.Pair | None, *lines: bytes, seconds: float = 15) -> bytes:
        """Send lines, and read until the other side hangs up or has answered."""
        with self.connect(own) as line:
            line.settimeout(seconds)
            for one in lines:
                line.sendall(one)
            with suppress(TimeoutError):
                return line.recv(65536)
        return b""

    def records(self, **fields: str) -> list[dict[str, Any]]:
        lines = [
            one
            for file in sorted(self.site.audit.glob("audit-*.jsonl"))
            for one in file.read_text().splitlines()
        ]
        found = [json.loads(one) for one in lines]
        return [one for one in found if all(one.get(name) == value for name, value in fields.items())]


def message(secret: str, **more: object) -> bytes:
    usual = {"id": 1, "secret": secret, "do": "record", "action": Action.EXECUTE, "object": "k", "detail": {}}
    return json.dumps({**usual, **more}).encode() + b"\n"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    root = Path(tempfile.mkdtemp(prefix="sb-gate-"))
    site = Site(root, "sqlite://")
    (port,) = free_ports(1)
    site.hub.mkdir(mode=0o700)
    (site.hub / "settings.toml").write_text(f"[slurm]\naudit_port = {port}\n")
    folder = audit_gateway.certificates(site)
    folder.mkdir(mode=0o700)
    environment = {"SUNDBENCH_HOME": str(root), "PATH": "/usr/bin:/bin"}
    gateway = subprocess.Popen([sys.executable, "-m", "sundbench.hub.audit_gateway"], env=environment)
    certipy = Certipy(store_dir=str(folder))
    for name in ("others-ca", "notebooks-ca", "hub-ca"):
        certipy.create_ca(name)
    certipy.create_signed_pair("hub-internal", "hub-ca", alt_names=HERE)  # the gateway has waited for it
    made = World(site, certipy, port, environment, gateway)
    try:
        made.start_writer()

        def listens() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False

        eventually(listens)
        yield made
    finally:
        for process in (gateway, made.writer):
            process.terminate()
            process.wait(15)
        shutil.rmtree(root)


def test_a_job_records_in_its_own_name(world: World) -> None:
    own, secret = world.job("rikke")
    answer = json.loads(world.said(own, message(secret, detail={"code": "1 + 1"})))
    (record,) = world.records(action="execute", actor="rikke")
    assert answer["sequence"] == record["sequence"]
    assert (record["permit"], record["detail"]) == ("lung-cancer", {"code": "1 + 1"})


def test_nobody_without_a_job_s_certificate(world: World) -> None:
    _, secret = world.job("rikke")
    before = len(world.records())
    hub = world.certipy.store.get_record("hub-internal")["files"]
    for own in (None, world.pair("x", "others-ca"), tls.Pair(Path(hub["key"]), Path(hub["cert"]))):
        with suppress(ssl.SSLError, ConnectionError):
            assert world.said(own, message(secret)) == b""
    with socket.create_connection(("127.0.0.1", world.port), 5) as plain, suppress(ConnectionError):
        plain.sendall(message(secret))
        assert b"sequence" not in plain.recv(1000)
    assert len(world.records(action="execute")) <= before
    assert not [one for one in world.records()[before:] if one["action"] == "execute"]


def test_a_stolen_certificate_records_nothing_without_the_secret_of_a_start(world: World) -> None:
    own, _ = world.job("anders")
    before = len(world.records(action="execute"))
    for guess in ("", "x", "secret of anders"):
        assert b"sequence" not in world.said(own, message(guess))
    assert len(world.records(action="execute")) == before
    assert eventually(lambda: world.records(action="audit.refused"))


def test_a_secret_says_who_it_is_whoever_s_certificate_is_shown(world: World) -> None:
    _, secret = world.job("rikke")
    other, _ = world.job("anders")
    world.said(other, message(secret, object="by-another"))
    (record,) = world.records(object="by-another")
    assert record["actor"] == "rikke"


def test_what_only_the_hub_may_ask_does_not_come_this_way(world: World) -> None:
    own, secret = world.job("rikke")
    before = len(world.records())
    hub = places.authority(world.site)
    asked: list[dict[str, object]] = [
        {"do": "state"},
        {"do": "register", "digest": "0" * 64, "actor": "x", "actions": ["execute"]},
        {"do": "forget", "digest": places.digest(secret)},
        {"do": "retire", "actor": "x"},
        {"do": "record", "actor": "palle"},
        {"do": "record", "permit": "diabetes"},
        {"do": None},
    ]
    for one in asked:
        assert world.said(own, message(hub, **one)) == b"", one
    assert len(world.records()) == before


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_garbage_is_hung_up_on(world: World, garbage: bytes) -> None:
    own, _ = world.job("rikke")
    assert world.said(own, garbage) == b""


def test_a_line_without_end(world: World) -> None:
    own, secret = world.job("rikke")
    with world.connect(own) as line, pytest.raises(OSError):  # noqa: PT012 - which piece fails is not known
        line.settimeout(10)
        for _ in range(3 * MESSAGE_BYTES // 65536):
            line.sendall(b"x" * 65536)
        assert line.recv(10) == b""
        raise ConnectionError
    assert b"sequence" in world.said(own, message(secret)), "others go on"


def test_one_that_dawdles_holds_up_nobody(world: World) -> None:
    own, secret = world.job("rikke")
    since = time.monotonic()
    with world.connect(own) as silent, world.connect(own) as slow:
        slow.sendall(b'{"do": "record"')
        assert b"sequence" in world.said(own, message(secret))
        for line in (silent, slow):
            line.settimeout(20)
            assert line.recv(10) == b""
        assert 9 < time.monotonic() - since < 15


def test_one_job_does_not_take_all_connections(world: World) -> None:
    greedy, _ = world.job("anders")
    modest, secret = world.job("rikke")
    held = [world.connect(greedy) for _ in range(audit_gateway.CONNECTIONS)]
    try:
        time.sleep(0.3)
        assert world.said(greedy, message("x")) == b""
        assert b"sequence" in world.said(modest, message(secret))
    finally:
        for line in held:
            line.close()


def test_the_writer_is_down_and_comes_back(world: World) -> None:
    own, secret = world.job("rikke")
    world.writer.terminate()
    world.writer.wait(15)
    assert world.said(own, message(secret)) == b"", "no answer: so nothing may be done"
    world.start_writer()
    assert b"sequence" in world.said(own, message(secret, object="back"))


def test_many_at_once(world: World) -> None:
    jobs = [world.job(f"user{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as together:
        answers = list(together.map(lambda job: world.said(job[0], message(job[1])), jobs * 3))
    assert all(b"sequence" in one for one in answers)
