"""The writer as a process: whom it believes, what it survives, how fast it is."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable

import pytest

from sundbench.errors import AuditError
from sundbench.governance.audit.async_client import AsyncClient
from sundbench.governance.audit.client import Client
from sundbench.governance.audit.messages import MESSAGE_BYTES, WriterDownError
from sundbench.governance.audit.places import authority, digest, socket_path
from sundbench.governance.audit.reading import Filter, read
from sundbench.governance.audit.record import Record
from sundbench.governance.audit.recording import recording
from sundbench.governance.audit.verify import verify
from sundbench.site import Site
from tests.governance.audit.conftest import SECRET, Running

Start = Callable[..., Running]


def records(site: Site, action: str | None = None) -> list[Record]:
    return list(read(site, Filter(action=action)))


def test_who_records_is_known_from_the_secret(running: Running) -> None:
    client = running.register()
    sequence = client.record("execute", "kernel-1", code="print(1)")
    (record,) = records(running.site, "execute")
    assert (record.sequence, record.actor, record.permit, record.extract) == (
        sequence,
        "anna",
        "lung",
        "e" * 64,
    )
    assert record.detail == {"code": "print(1)"}


@pytest.mark.parametrize("claim", [{"actor": "hans"}, {"permit": "other"}, {"extract": None}])
def test_a_client_that_claims_to_be_another_is_refused_and_recorded(
    running: Running, claim: dict[str, object]
) -> None:
    client = running.register()
    with pytest.raises(AuditError, match="can't be claimed"):
        client._ask({"do": "record", "action": "execute", "object": "k", "detail": {}, **claim})
    (refused,) = records(running.site, "audit.refused")
    assert (refused.actor, refused.permit) == ("anna", "lung")
    assert records(running.site, "execute") == []


def test_a_detail_called_actor_is_a_detail(running: Running) -> None:
    running.register().record("execute", "kernel-1", actor="hans")
    (record,) = records(running.site, "execute")
    assert (record.actor, record.detail) == ("anna", {"actor": "hans"})


def test_unknown_and_forgotten_secrets_are_refused(running: Running) -> None:
    client = running.register()
    client.record("execute", "k")
    running.hub.forget(digest(SECRET))
    for refused in (client, running.client("another secret"), running.client("\ud800")):
        with pytest.raises(AuditError, match="unknown secret"):
            refused.record("execute", "k")
    assert len(records(running.site, "execute")) == 1
    assert {record.actor for record in records(running.site, "audit.refused")} == {"unknown"}


@pytest.mark.parametrize("action", ["login", "audit.begin", "secret.register", "nothing.known"])
def test_a_secret_records_only_what_it_was_registered_for(running: Running, action: str) -> None:
    client = running.register()
    with pytest.raises(AuditError, match="is not among what this secret may record"):
        client.record(action, "x")


def test_only_the_hub_registers_forgets_and_asks(running: Running) -> None:
    client = running.register()
    for question in (
        lambda: client.register(digest("x"), "hans", "lung", None, ["execute"]),
        lambda: client.forget(digest(SECRET)),
        client.state,
        lambda: client.retire("anna"),
    ):
        with pytest.raises(AuditError, match="only the hub may do that"):
            question()
    with pytest.raises(AuditError, match="can't be claimed"):
        client.record_for("hans", "execute", "x")


def test_the_hub_has_what_is_old_retired_and_nothing_younger(running: Running) -> None:
    running.register()
    assert running.hub.retire("anna") == []
    assert len(records(running.site, "secret.register")) == 1


def test_the_hub_records_for_others_but_never_as_the_log_itself(running: Running) -> None:
    running.hub.record_for("hans", "login.refused", "hub", detail={"why": "password"})
    assert records(running.site, "login.refused")[0].actor == "hans"
    with pytest.raises(AuditError, match="no action that may be recorded"):
        running.hub.record_for("hans", "audit.retire", "audit-000001.jsonl")
    with pytest.raises(AuditError, match="not the log's own"):
        running.hub.register(digest("x"), "hans", None, None, ["audit.begin"])


def test_the_log_tells_of_registrations_without_the_secret(running: Running) -> None:
    running.register()
    (record,) = records(running.site, "secret.register")
    assert (record.permit, record.detail["for"]) == ("lung", "anna")
    for path in running.site.audit.iterdir():
        assert SECRET.encode() not in path.read_bytes()


def test_the_authority_is_for_its_owner_alone(site: Site) -> None:
    assert authority(site) == authority(site)
    path = site.hub / "audit-authority"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(AuditError, match="its owner alone"):
        authority(site)


@pytest.mark.parametrize(
    "message",
    [
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id":1,"secret":7}',
        b'{"id":1,"secret":"SECRET","do":["record"]}',
        b'{"id":1,"secret":"SECRET","do":"record","action":["execute"],"object":"k"}',
        b'{"id":1,"secret":"SECRET","do":"record","action":"execute","object":7}',
        b'{"id":1,"secret":"SECRET","do":"record","action":"execute","object":"k","detail":[1]}',
        b'{"id":1,"secret":"SECRET","do":"record","action":"execute","object":"k","detail":{"x":1e999}}',
        b'{"id":1,"secret":"AUTHORITY","do":"register","digest":"x","actor":"a","actions":[]}',
        b'{"id":1,"secret":"AUTHORITY","do":"record","actor":"","action":"login","object":"x"}',
        b'{"id":1,"secret":"AUTHORITY","do":"record","actor":"a","action":{},"object":"x"}',
    ],
)
def test_nonsense_is_refused_and_harms_nothing(running: Running, message: bytes) -> None:
    client = running.register()
    authority_now = authority(running.site).encode()
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(10)
    raw.connect(str(socket_path(running.site)))
    raw.sendall(message.replace(b"SECRET", SECRET.encode()).replace(b"AUTHORITY", authority_now) + b"\n")
    assert "refuses" in json.loads(raw.recv(65536))["error"]
    raw.close()
    assert client.record("execute", "still here") > 0
    assert running.process.poll() is None


def test_an_oversized_message_is_refused_before_it_is_held(running: Running) -> None:
    client = running.register()
    with pytest.raises(AuditError, match="too much for one audit record"):
        client.record("execute", "k", code="x" * MESSAGE_BYTES)
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(10)
    raw.connect(str(socket_path(running.site)))
    answer = b""
    with contextlib.suppress(OSError):
        for _ in range(100):
            raw.sendall(b"x" * 100_000)
    with contextlib.suppress(ConnectionResetError):
        answer = raw.recv(65536)
    raw.close()
    assert b"too long" in answer or answer == b""
    assert client.record("execute", "k", code="x" * (MESSAGE_BYTES - 1000)) > 0
    assert verify(running.site).problems == []


def test_slow_and_silent_clients_hold_up_nobody(running: Running) -> None:
    client = running.register()
    idle = []
    for sent in (b"", b"{", b'{"id":1,'):
        for _ in range(20):
            raw = socket.socket(socket.AF_UNIX)
            raw.connect(str(socket_path(running.site)))
            raw.sendall(sent)
            idle.append(raw)
    # One who asks and never reads the answers.
    deaf = socket.socket(socket.AF_UNIX)
    deaf.settimeout(0.5)
    deaf.connect(str(socket_path(running.site)))
    message = {"id": 1, "secret": SECRET, "do": "record", "action": "execute", "object": "deaf"}
    with contextlib.suppress(OSError):
        for _ in range(50):
            deaf.sendall((json.dumps(message) + "\n").encode() * 100)
    began = time.monotonic()
    client.record("execute", "k")
    assert time.monotonic() - began < 2
    for raw in (*idle, deaf):
        raw.close()


def test_thousands_a_second_each_on_the_disk_before_it_is_acknowledged(running: Running) -> None:
    running.register()
    began = time.monotonic()

    async def server() -> list[int]:
        client = AsyncClient(socket_path(running.site), SECRET)
        placed = await asyncio.gather(*(client.record("execute", "k", code=str(n)) for n in range(1500)))
        await client.close()
        return placed

    async def servers() -> list[list[int]]:
        return await asyncio.gather(*(server() for _ in range(4)))

    placed = asyncio.run(servers())
    seconds = time.monotonic() - began
    assert len({sequence for one in placed for sequence in one}) == 6000
    assert all(one == sorted(one) for one in placed)  # in the order of the calls
    assert 6000 / seconds > 500  # thousands on an idle disk; this one may be busy
    found = verify(running.site)
    assert (found.problems, found.records) == ([], len(records(running.site)))


def test_threads_share_a_client(running: Running) -> None:
    client = running.register()
    placed: list[int] = []
    threads = [
        threading.Thread(target=lambda: placed.extend(client.record("execute", "k") for _ in range(20)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(placed)) == 100


def test_a_second_writer_ends_at_once(running: Running, start: Start) -> None:
    second = start()
    assert second.process.wait(10) == 1
    assert second.process.stderr is not None
    assert "another process writes it" in second.process.stderr.read()
    assert running.hub.state()["sequence"] > 0


def test_with_the_writer_down_nothing_may_be_done(running: Running) -> None:
    client = running.register()
    assert running.stop() == 0
    assert not socket_path(running.site).exists()
    with pytest.raises(WriterDownError, match="nothing may be done now"):
        client.record("execute", "k")
    with pytest.raises(WriterDownError):
        running.client().record("execute", "k")
    assert [record.action for record in records(running.site)][-1] == "audit.stop"
    assert verify(running.site).notes == []  # all is anchored


def test_killed_in_the_middle_it_loses_nothing_that_it_acknowledged(start: Start, site: Site) -> None:
    running = start()
    client = running.register()
    acknowledged: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        try:
            while True:
                acknowledged.append(client.record("execute", "k", code="x" * 20_000))
        except AuditError:
            ended.set()

    for again in range(3):
        ended.clear()
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.2)
        running.kill()
        assert ended.wait(20)
        thread.join()
        if again == 1:  # as if the kill had hit between two halves of a write
            last = max(site.audit.glob("audit-*.jsonl"))
            with last.open("ab") as file:
                file.write(b'{"sequence":')
        running = start()  # servers that were registered go on
        client = running.client()
    assert client.record("execute", "afterwards") > acknowledged[-1]
    running.stop()
    assert verify(site).problems == []
    assert set(acknowledged) <= {record.sequence for record in records(site, "execute")}
    assert "audit.repair" in {record.action for record in records(site)}


def test_a_client_goes_on_when_the_writer_was_started_again(start: Start, site: Site) -> None:
    first = start()
    client = first.register()
    client.record("execute", "before")
    first.stop()
    start()
    client.record("execute", "after")

    async def asynchronous() -> None:
        another = AsyncClient(socket_path(site), SECRET)
        await another.record("execute", "once more")
        await another.close()

    asyncio.run(asynchronous())
    assert [record.object for record in records(site, "execute")] == ["before", "after", "once more"]


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(running: Running) -> None:
    client = running.register()
    size = (running.site.audit / "audit-000001.jsonl").stat().st_size
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (size + 1000, unlimited))
    with pytest.raises(AuditError, match="disk is full"):
        client.record("execute", "k", code="x" * 5000)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    client.record("execute", "k", code="y" * 5000)
    assert [record.detail["code"][0] for record in records(running.site, "execute")] == ["y"]
    assert verify(running.site).problems == []


def test_a_log_that_is_changed_under_it_ends_the_writer(running: Running) -> None:
    client = running.register()
    with (running.site.audit / "audit-000001.jsonl").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(AuditError, match="changed by another process"):
        client.record("execute", "k")
    assert running.process.wait(10) == 1


def test_records_are_anchored_soon_and_when_many_wait(start: Start, site: Site) -> None:
    running = start("--anchor-seconds", "0.2")
    running.register().record("execute", "k")
    until = time.monotonic() + 60
    while running.hub.state()["anchored"] < running.hub.state()["sequence"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    running.stop()
    running = start("--anchor-seconds", "1000", "--anchor-records", "10")
    for _ in range(12):
        running.client().record("execute", "k")
    until = time.monotonic() + 60
    while running.hub.state()["anchored"] < running.hub.state()["sequence"] - 10:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_others_get_at_the_socket_only_through_a_sandbox(running: Running) -> None:
    assert stat.S_IMODE(running.site.runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket_path(running.site).parent.stat().st_mode) == 0o755
    assert running.stop() == 0
    running.site.runtime.chmod(0o755)
    assert main_says(running.site) == 1


def main_says(site: Site) -> int:
    from sundbench.governance.audit.writer import main

    return main(["--home", str(site.root)])


def test_commands_record_through_the_writer_or_in_its_place(start: Start, site: Site) -> None:
    with recording(site, "bo") as recorder:
        recorder.record("permit.create", "lung", permit="lung", version=1)
    running = start()
    with recording(site, "bo") as recorder:
        recorder.record("permit.close", "lung", permit="lung", why="done")
    running.kill()
    with recording(site, "bo") as recorder:  # its socket is still there, and nobody listens
        recorder.record("people.change", "anna")
    told = [record for record in records(site) if record.actor == "bo"]
    assert [record.action for record in told] == ["permit.create", "permit.close", "people.change"]
    assert told[0].detail == {"version": 1, "account": os.getuid()}
    assert verify(site).problems == []


def test_commands_wait_for_each_other(site: Site) -> None:
    def command(number: int) -> None:
        with recording(site, f"user{number}") as recorder:
            recorder.record("people.change", "anna")

    threads = [threading.Thread(target=command, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records(site, "people.change")) == 5
    assert verify(site).problems == []


def test_the_writer_stops_on_ctrl_c_too(running: Running) -> None:
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(10) == 0


def test_a_socket_nobody_made(site: Site) -> None:
    with pytest.raises(WriterDownError):
        Client(socket_path(site), "x").state()


@pytest.mark.skipif(os.geteuid() != 0, reason="it is about root")
def test_root_never_writes_a_log_that_is_anothers(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Its files would be root's, and the writer could not go on."""
    monkeypatch.setattr("sundbench.governance.audit.recording._PATIENCE", 0.1)
    site.hub.mkdir(parents=True, exist_ok=True)
    os.chown(site.hub, 65534, 65534)
    with pytest.raises(WriterDownError), recording(site, "bo") as recorder:
        recorder.record("permit.create", "lung")
    assert not site.audit.exists()
    assert "sundbench-65534-" in str(site.runtime), "where the hub's own writer would be"
