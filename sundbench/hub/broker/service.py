"""The broker's socket: one line in, one line out, and a look at the kernels every second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from sundbench.hub.broker.broker import Broker
from sundbench.hub.broker.protocol import LONGEST
from sundbench.hub.pace import Pace

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for kernels that have ended by themselves."""
CONNECTIONS = 32
"""At once; one kernel asks through one at a time."""
BURST, RATE = 500, 50
"""Requests at once, and each second: four kernels that end are asked after 40 times a second."""


@contextlib.asynccontextmanager
async def serving(broker: Broker, socket: Path) -> AsyncIterator[None]:
    """Answer requests on a Unix socket; all kernels end with it.

    Requests are answered one after the other.

    Args:
        broker: who answers.
        socket: where; made anew, 0600.
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
            await _converse(broker, reader, writer, pace)
        finally:
            open_now -= 1

    socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(connected, socket, limit=LONGEST)
    socket.chmod(0o600)
    looking = asyncio.create_task(_look(broker))
    try:
        yield
    finally:
        looking.cancel()
        server.close()
        socket.unlink(missing_ok=True)
        broker.close()


async def _converse(
    broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pace: Pace
) -> None:
    try:
        while line := await reader.readline():
            await pace.take()
            writer.write(json.dumps(broker.answer(line)).encode() + b"\n")
            await writer.drain()
    except ValueError:  # longer than a request may be
        broker.refused("a request of more than 4 KiB")
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _look(broker: Broker) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        try:
            broker.tidy()
        except Exception:  # a bug in one look must not leave the kernels without any
            log.exception("the kernels could not be looked after")
