"""The broker's socket: one line in, one line out, and a look at the kernels every second."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sundbench.hub.broker.broker import Broker
from sundbench.hub.broker.protocol import LONGEST
from sundbench.sandbox.listening import listening
from sundbench.sandbox.pace import Pace

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

    Requests are answered one after the other, in a thread: a start, or the audit log's writer, may keep one
    waiting, and the loop has connections to pass on meanwhile, those to the audit log among them.

    Args:
        broker: who answers.
        socket: where; made anew, 0600.
    """
    pace = Pace(BURST, RATE)
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broker")
    ask = partial(asyncio.get_running_loop().run_in_executor, worker)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                await pace.take()
                writer.write(json.dumps(await ask(broker.answer, line)).encode() + b"\n")
                await writer.drain()
        except ValueError:  # longer than a request may be
            await ask(broker.refused, "a request of more than 4 KiB")
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await ask(broker.tidy)
            except Exception:  # a bug in one look must not leave the kernels without any
                log.exception("the kernels could not be looked after")

    async with listening(socket, converse, connections=CONNECTIONS, longest=LONGEST):
        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            await ask(broker.close)
            worker.shutdown(wait=False)
