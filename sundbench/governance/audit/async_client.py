"""How a process with an event loop has something recorded: many questions at once, over one connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from sundbench.errors import AuditError
from sundbench.governance.audit.messages import MESSAGE_BYTES, Questions, WriterDownError, answered, encode


class AsyncClient(Questions[Awaitable[int]]):
    """Asks the writer as `client.Client` does, and may ask again before it has answered.

    Args:
        socket_path: the writer's socket.
        secret: what was registered for this client, or the hub's authority.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, socket_path: Path, secret: str, *, timeout: float = 30) -> None:
        self._path = socket_path
        self._secret = secret
        self._timeout = timeout
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._opening: asyncio.Lock | None = None

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        self._disconnect()

    async def _place(self, message: dict[str, object]) -> int:
        self._number += 1
        number = self._number
        sent = encode(message | {"id": number, "secret": self._secret})
        fresh = self._writer is None
        try:
            answer = await asyncio.wait_for(self._exchange(number, sent), self._timeout)
        except TimeoutError as error:
            raise AuditError(f"the audit log's writer gave no answer in {self._timeout:g} s") from error
        except (OSError, EOFError) as error:
            if fresh:
                raise WriterDownError from error
            try:  # once more, on a new connection: as in `client.Client`
                answer = await asyncio.wait_for(self._exchange(number, sent), self._timeout)
            except (OSError, EOFError) as again:
                raise WriterDownError from again
        finally:
            self._waiting.pop(number, None)
        return int(answer["sequence"])

    async def _exchange(self, number: int, sent: bytes) -> dict[str, Any]:
        writer = await self._open()
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        writer.write(sent)
        await writer.drain()
        return await future

    async def _open(self) -> asyncio.StreamWriter:
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if self._writer is None:
                reader, self._writer = await asyncio.open_unix_connection(self._path, limit=MESSAGE_BYTES)
                self._reading = asyncio.create_task(self._read(reader))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                reply = json.loads(line)
                future = self._waiting.get(reply.get("id", -1))
                if future is not None and not future.done():
                    try:
                        future.set_result(answered(line))
                    except AuditError as error:
                        future.set_exception(error)
        except (OSError, ValueError):
            pass
        finally:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = self._reading = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(EOFError())
