"""The audit writer's socket as one server sees it: a socket of its job's, passed on to the writer's.

A server's sandbox mounts a socket once. The writer makes a new one whenever it is started again, and its
folder is nobody's but the hub's; the job's stays as long as the server, and is the server's own.

All servers share the writer and its disk, and what it can't record nobody may do. So a server has few
connections to it, and what it sends beyond an ample allowance is passed on slowly.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from sundbench.hub.pace import Pace

CONNECTIONS = 8
"""At once, of one server. Its own client has one."""
BURST, RATE = 16 * 2**20, 64 * 2**10
"""Bytes that a server may send at once, and those that it gains each second: some 200 short cells."""


@contextlib.asynccontextmanager
async def relaying(socket: Path, target: Path) -> AsyncIterator[None]:
    """Pass on connections. One that the target doesn't take is closed: its client sees that nobody listens.

    Args:
        socket: where the server connects; made here.
        target: the writer's socket, looked up anew for each connection.
    """
    pace = Pace(BURST, RATE)
    open_now = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        if open_now >= CONNECTIONS:
            writer.close()
            return
        open_now += 1
        try:
            await _pass_on(reader, writer, target, pace)
        finally:
            open_now -= 1

    server = await asyncio.start_unix_server(connected, socket)
    socket.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        socket.unlink(missing_ok=True)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Path, pace: Pace
) -> None:
    try:
        there, back = await asyncio.open_unix_connection(target)
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
