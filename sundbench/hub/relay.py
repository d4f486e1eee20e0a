"""The audit writer's socket as one server sees it: a socket of its job's, passed on to the writer's.

A server's sandbox mounts a socket once. The writer makes a new one whenever it is started again, and its
folder is nobody's but the hub's; the job's stays as long as the server, and is the server's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path


@contextlib.asynccontextmanager
async def relaying(socket: Path, target: Path) -> AsyncIterator[None]:
    """Pass on connections. One that the target doesn't take is closed: its client sees that nobody listens.

    Args:
        socket: where the server connects; made here.
        target: the writer's socket, looked up anew for each connection.
    """
    server = await asyncio.start_unix_server(lambda r, w: _pass_on(r, w, target), socket)
    socket.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        socket.unlink(missing_ok=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Path) -> None:
    try:
        there, back = await asyncio.open_unix_connection(target)
    except OSError:
        writer.close()
        return
    ways = [asyncio.create_task(_pour(reader, back)), asyncio.create_task(_pour(there, writer))]
    try:
        # Whoever closes first ends both ways: a question without its answer is as good as none.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        writer.close()
        back.close()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
