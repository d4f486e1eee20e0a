"""The fence between nodes: members of a run reach each other; whoever else tries gets nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sundbench.release.cluster import fence, papers
from sundbench.release.cluster.fence import INCOMING, Fence

HOST = "127.0.0.1"
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Run:
    """A run's folder, and its members' sockets."""

    folder: Path
    sockets: Path

    def port(self, member: int) -> int:
        return int(json.loads((self.folder / "members" / str(member)).read_text())["port"])


@pytest.fixture
def make_run(short: Path) -> Callable[..., Run]:
    def make(name: str, until: timedelta = HOUR, members: int = 3) -> Run:
        papers.issue(short / name, name, members, datetime.now(UTC) + until)
        return Run(short / name, short / f"{name}-s")

    return make


@contextlib.asynccontextmanager
async def standing(run: Run, members: int = 3) -> AsyncIterator[None]:
    """The run's fence; each member's sandbox answers with its number and what it was sent."""
    async with contextlib.AsyncExitStack() as stack:
        for member in range(members):
            sockets = run.sockets / str(member)
            sockets.mkdir(parents=True)

            async def answer(r: asyncio.StreamReader, w: asyncio.StreamWriter, own: int = member) -> None:
                w.write(b"%d heard %s" % (own, await r.readline()))

            server = await asyncio.start_unix_server(answer, sockets / INCOMING)
            stack.callback(server.close)
            await stack.enter_async_context(Fence(run.folder, member, members, sockets).standing(HOST))
        yield


async def ask(run: Run, own: int, other: int) -> bytes:
    """What a sandbox hears at the socket that leads to another member."""
    reader, writer = await asyncio.open_unix_connection(run.sockets / str(own) / str(other))
    return await heard(reader, writer)


async def knock(port: int, context: ssl.SSLContext | None, name: str = papers.name(0)) -> bytes:
    """What whoever connects to a member's job hears."""
    try:
        reader, writer = await asyncio.open_connection(
            HOST, port, ssl=context, server_hostname=name if context else None
        )
    except (ssl.SSLError, ConnectionError):
        return b""
    return await heard(reader, writer)


async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    try:
        writer.write(b"hello\n")
        return await asyncio.wait_for(reader.readline(), 20)
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        writer.close()


def test_members_reach_each_other_by_name(make_run):
    run = make_run("a")

    async def all_ways() -> None:
        async with standing(run):
            for own in range(3):
                for other in {0, 1, 2} - {own}:
                    assert await ask(run, own, other) == b"%d heard hello\n" % other

    asyncio.run(all_ways())


def test_who_is_no_member_is_not_heard(make_run):
    ours, theirs = make_run("a"), make_run("b")

    async def attack() -> None:
        async with standing(ours), standing(theirs):
            port = ours.port(0)
            careless = papers.asking(theirs.folder, 1)
            careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
            without = ssl.create_default_context()
            without.check_hostname, without.verify_mode = False, ssl.CERT_NONE
            assert await knock(port, papers.asking(ours.folder, 1)) == b"0 heard hello\n"
            assert await knock(port, careless) == b"", "with another run's certificate"
            assert await knock(port, without) == b"", "with none"
            assert await knock(port, None) == b"", "without TLS"

    asyncio.run(attack())


def test_a_certificate_is_worth_nothing_when_its_run_is_over(make_run, short):
    before = make_run("a")

    async def over() -> int:
        async with standing(before):
            return before.port(0)

    port = asyncio.run(over())
    shutil.copytree(before.folder, short / "kept")
    shutil.rmtree(before.folder)
    shutil.rmtree(before.sockets)
    again = make_run("a")  # the same run's name, another authority

    async def replay() -> None:
        async with standing(again):
            old = papers.asking(short / "kept", 1)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            assert await knock(again.port(0), old) == b""
            with pytest.raises(ConnectionError):
                await asyncio.open_connection(HOST, port)  # where the run that is over was

    asyncio.run(replay())


def test_nor_when_its_time_is_over(make_run):
    late = make_run("a", until=-HOUR)

    async def knocks() -> None:
        async with standing(late):
            expired = papers.asking(late.folder, 1)
            expired.check_hostname, expired.verify_mode = False, ssl.CERT_NONE
            assert await knock(late.port(0), expired) == b""
            assert await ask(late, 1, 0) == b""

    asyncio.run(knocks())


def test_no_member_answers_in_anothers_place(make_run):
    run = make_run("a")

    async def misled() -> None:
        async with standing(run):
            members = run.folder / "members"
            (members / "1").write_text((members / "2").read_text())
            assert await ask(run, 0, 1) == b""
            assert await ask(run, 0, 2) == b"2 heard hello\n"

    asyncio.run(misled())


def test_a_flood_of_silent_strangers_keeps_no_member_out(make_run):
    run = make_run("a")

    async def flood() -> None:
        async with standing(run):
            where = (HOST, run.port(0))
            loop = asyncio.get_running_loop()
            silent = []
            for _ in range(4 * fence.STRANGERS):
                one = socket.socket()
                one.setblocking(False)
                await loop.sock_connect(one, where)
                silent.append(one)
            began = time.monotonic()
            assert await ask(run, 1, 0) == b"0 heard hello\n"
            assert time.monotonic() - began < fence.HANDSHAKE / 2
            for one in silent:
                one.close()

    asyncio.run(flood())


def test_a_slow_stranger_is_shown_out(make_run, monkeypatch):
    monkeypatch.setattr(fence, "HANDSHAKE", 0.5)
    run = make_run("a")

    async def dawdle() -> None:
        async with standing(run):
            reader, writer = await asyncio.open_connection(HOST, run.port(0))
            writer.write(b"\x16\x03\x01")  # TLS begins so, and goes on never
            assert await asyncio.wait_for(reader.read(), 10) == b""

    asyncio.run(dawdle())


@pytest.fixture
def open_folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="sbf-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def test_nobody_but_the_runs_account_reads_its_keys(open_folder):
    papers.issue(open_folder / "net", "a", 2, datetime.now(UTC) + HOUR)
    keys = list((open_folder / "net").rglob("*.pem"))
    assert len(keys) == 5
    assert not any(b"PRIVATE" in path.read_bytes() for path in (open_folder / "net").glob("*.pem"))
    if os.geteuid() != 0:
        return
    if (child := os.fork()) == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(any(os.access(path, os.R_OK) for path in keys))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_way_into_a_sandbox_is_its_account_s_alone(short):
    umask = os.umask(0)
    try:
        fence.listener(short).close()
    finally:
        os.umask(umask)
    assert (short / INCOMING).stat().st_mode & 0o777 == 0o600
