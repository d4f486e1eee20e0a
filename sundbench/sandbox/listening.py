"""Unix sockets at which a job serves what runs in its server's sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection, and closes it."""


@contextlib.asynccontextmanager
async def listening(
    socket: Path, serve: Serve, *, connections: int, longest: int = 2**16
) -> AsyncIterator[None]:
    """Serve connections.

    Args:
        socket: where; made anew, 0600.
        serve: one of them.
        connections: at once; more are closed unserved.
        longest: bytes of the longest line that can be read from one.
    """
    open_now = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        if open_now >= connections:
            writer.close()
            return
        open_now += 1
        try:
            await serve(reader, writer)
        finally:
            open_now -= 1

    socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(connected, socket, limit=longest)
    socket.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        socket.unlink(missing_ok=True)
