"""The network of a run over several nodes: its members reach one another, and nobody else.

A member is a sandbox without a network: the run's kernel with Dask's scheduler is number 0, workers are 1, 2
and so on. In each of them the others have addresses of its own loopback (``inside/ways.py``), from which a
connection comes out at a Unix socket, one for each other member. The member's job, outside the sandbox, takes
it there and passes it on to the other's job, over TLS with the certificates of this run alone (papers.py),
which passes it to a Unix socket of its own sandbox. A sandbox holds no key, and what is not a member has no
socket in it.

Where a member's job listens stands in a file of the run's folder, which the permit's account alone may open.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from sundbench.release.cluster import papers
from sundbench.sandbox.relay import at, pass_on, relaying

INCOMING = "in"
"""The socket at which a sandbox takes what comes for it; the others are called by their member's number."""
STRANGERS = 64
"""Connections that haven't shown a certificate yet, at once. One more, and the one that came first goes."""
HANDSHAKE = 10.0
"""Seconds that a stranger has."""
CONNECTIONS = 256
"""Of members, at once, each way. Dask has some ten with each."""
_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
"""A node that says nothing more is given up within half a minute: seconds, and milliseconds for the last."""


class Fence:
    """One member's side of the fence, in its job.

    Args:
        folder: the run's, with its certificates (papers.py); members say in ``members/`` where they are.
        member: which one.
        members: how many there are.
        sockets: where the sandbox's Unix sockets are made: a short path on the node itself.
    """

    def __init__(self, folder: Path, member: int, members: int, sockets: Path) -> None:
        self._folder = folder
        self._member = member
        self._others = [other for other in range(members) if other != member]
        self._sockets = sockets
        self._asking = papers.asking(folder, member)
        self._answering = papers.answering(folder, member)
        self._strangers: OrderedDict[asyncio.Task[None], None] = OrderedDict()
        self._guests: set[asyncio.Task[None]] = set()  # the loop alone doesn't keep tasks alive

    @contextlib.asynccontextmanager
    async def standing(self, host: str) -> AsyncIterator[None]:
        """Pass on connections, both ways.

        Args:
            host: the address at which other nodes reach this one.
        """
        listener = socket.create_server((host, 0), backlog=128)
        listener.setblocking(False)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(listener.close)
            for other in self._others:
                await stack.enter_async_context(
                    relaying(
                        self._sockets / str(other),
                        lambda other=other: self._reach(other),  # type: ignore[misc]
                        connections=CONNECTIONS,
                    )
                )
            receiving = asyncio.create_task(self._receive(listener))
            stack.callback(self._end, receiving)
            self._say_where(host, listener.getsockname()[1])
            yield

    def _end(self, receiving: asyncio.Task[None]) -> None:
        for task in (receiving, *self._strangers, *self._guests):
            task.cancel()

    async def _reach(self, other: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            where = json.loads((self._folder / "members" / str(other)).read_text())
        except ValueError as error:
            raise OSError(f"member {other} doesn't say where it is") from error
        reader, writer = await asyncio.open_connection(
            where["host"],
            where["port"],
            ssl=self._asking,
            server_hostname=papers.name(other),
            ssl_handshake_timeout=HANDSHAKE,
        )
        _keep_alive(writer.get_extra_info("socket"))
        return reader, writer

    async def _receive(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # too many open files, or it went away while it waited
                await asyncio.sleep(0.05)
                continue
            if len(self._strangers) >= STRANGERS:
                longest, _ = self._strangers.popitem(last=False)
                longest.cancel()
            task = asyncio.create_task(self._let_in(connection))
            self._strangers[task] = None
            task.add_done_callback(lambda done: self._strangers.pop(done, None))

    async def _let_in(self, connection: socket.socket) -> None:
        """Take one connection, if it shows a certificate of this run in time."""
        _keep_alive(connection)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._answering, ssl_handshake_timeout=HANDSHAKE
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        if len(self._guests) >= CONNECTIONS:
            writer.close()
            return
        guest = asyncio.create_task(pass_on(reader, writer, at(self._sockets / INCOMING)))
        self._guests.add(guest)
        guest.add_done_callback(self._guests.discard)

    def _say_where(self, host: str, port: int) -> None:
        folder = self._folder / "members"
        folder.mkdir(mode=0o700, exist_ok=True)
        aside = folder / f".{self._member}"
        aside.write_text(json.dumps({"host": host, "port": port}))
        aside.replace(folder / str(self._member))


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _ALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def listener(sockets: Path) -> socket.socket:
    """The socket at which a member's sandbox takes what comes for it, to be handed in."""
    path = sockets / INCOMING
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(os.fspath(path))
    path.chmod(0o600)
    return made


@contextlib.contextmanager
def fenced(folder: Path, member: int, members: int, sockets: Path, host: str) -> Iterator[None]:
    """A fence that stands while the block runs, in a thread of its own; the arguments are ``Fence``'s.

    Raises:
        OSError: nothing can listen at the node's address.
    """
    loop = asyncio.new_event_loop()
    fence = Fence(folder, member, members, sockets)
    stands: list[BaseException | None] = []
    ready, over = threading.Event(), asyncio.Event()

    async def stand() -> None:
        try:
            async with fence.standing(host):
                stands.append(None)
                ready.set()
                await over.wait()
        except OSError as error:
            stands.append(error)
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(stand()), name="fence", daemon=True)
    thread.start()
    ready.wait()
    if stands[0] is not None:
        raise stands[0]
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
