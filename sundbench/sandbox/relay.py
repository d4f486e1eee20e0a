"""Sockets of a job that are passed on: a server's sandbox has no network, and reaches what stands here.

The audit writer's: a sandbox mounts a socket once. The writer makes a new one whenever it is started again,
and its folder is nobody's but the hub's; the job's stays as long as the server. All servers share the writer
and its disk, and what it can't record nobody may do: so a server has few connections to it, and what it sends
beyond an ample allowance is passed on slowly.

The hub's, and the address at which the proxy finds the server: a server that had the host's network could
take another's port, and receive its visitors with their cookies.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from sundbench.sandbox.listening import listening
from sundbench.sandbox.pace import Pace

CONNECTIONS = 8
"""At once, of one server. Its own client has one."""
BURST, RATE = 16 * 2**20, 64 * 2**10
"""Bytes that a server may send at once, and those that it gains each second: some 200 short cells."""


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reach = Callable[[], Awaitable[_Streams]]
"""Opens a connection to where something is passed on to."""


@contextlib.asynccontextmanager
async def relaying(
    socket: Path, reach: Path | Reach, *, connections: int = CONNECTIONS, pace: Pace | None = None
) -> AsyncIterator[None]:
    """Pass on connections. One that the target doesn't take is closed: its client sees that nobody listens.

    Args:
        socket: where the server connects; made here.
        reach: the target, or its socket's path, looked up anew for each connection.
        connections: at once.
        pace: of the bytes to the target.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pass_on(reader, writer, at(reach) if isinstance(reach, Path) else reach, pace)

    async with listening(socket, connected, connections=connections):
        yield


def at(socket: Path) -> Reach:
    """Reach a Unix socket."""
    return lambda: asyncio.open_unix_connection(socket)


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reach: Reach, pace: Pace | None = None
) -> None:
    """Pass on one connection, both ways, until either side closes it."""
    try:
        there, back = await reach()
    except OSError:
        writer.close()
        return
    ways = [asyncio.create_task(_pour(reader, back, pace)), asyncio.create_task(_pour(there, writer))]
    try:
        # Whoever closes first ends both ways: a question without its answer is as good as none.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        writer.close()
        back.close()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter, pace: Pace | None = None) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(65536):
            if pace is not None:
                await pace.take(len(piece))
            target.write(piece)
            await target.drain()
