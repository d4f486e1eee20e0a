"""How other processes have something recorded: ask the writer, and wait until the record is on the disk.

The writer knows from the secret who asks; what a client says of itself doesn't count. Whoever can't have its
doing recorded gets an `AuditError` and must not do it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from sundbench.errors import AuditError

_Placed = TypeVar("_Placed", int, Awaitable[int])

MESSAGE_BYTES = 1 << 20
"""A longer message is refused: a cell of code has its place in it, a file has not."""


class WriterDownError(AuditError):
    """Nobody listens at the writer's socket."""

    def __init__(self) -> None:
        super().__init__(
            "the audit log's writer is down, so nothing may be done now: see `sundbench hub status`"
        )


class UnrecordableError(AuditError):
    """The writer takes no such message, neither now nor later."""


class _Questions(ABC, Generic[_Placed]):
    """What may be asked of the writer; `requests` reads it.

    Each returns the sequence number of the record, which is on the disk, or raises an `AuditError`: the
    writer is down or refuses. Then nothing is recorded, or nobody knows.
    """

    def record(self, action: str, object: str, /, **detail: object) -> _Placed:  # noqa: A002 - the log's own word
        """Have something recorded in the name that the secret stands for.

        Args:
            action: an `Action`, one of those that the secret may record.
            object: what it was done to: a kernel, a file, a server.
            detail: what else should be known; JSON values.
        """
        return self._place(_record(action, object, detail))

    def record_for(
        self,
        actor: str,
        action: str,
        object: str,  # noqa: A002
        /,
        *,
        permit: str | None = None,
        extract: str | None = None,
        detail: dict[str, object] | None = None,
    ) -> _Placed:
        """Have something recorded in another's name. Only with the hub's authority."""
        return self._place(_record(action, object, detail or {}) | _for(actor, permit, extract))

    def register(
        self,
        secret_digest: str,
        actor: str,
        permit: str | None,
        extract: str | None,
        actions: Iterable[str],
    ) -> _Placed:
        """Let the writer know a secret by its digest. Only with the hub's authority.

        Args:
            secret_digest: `places.digest` of the secret.
            actor: user name that will stand in the records.
            permit: the project that will stand in them.
            extract: the digest of the extract that will stand in them.
            actions: what may be recorded with it.
        """
        message: dict[str, object] = {"do": "register", "digest": secret_digest, "actions": sorted(actions)}
        return self._place(message | _for(actor, permit, extract))

    def forget(self, secret_digest: str) -> _Placed:
        """Let the writer forget a secret; one that it doesn't know is no error. With the hub's authority."""
        return self._place({"do": "forget", "digest": secret_digest})

    @abstractmethod
    def _place(self, message: dict[str, object]) -> _Placed:
        """Send a message, and give the sequence number of its record."""


class Client(_Questions[int]):
    """Asks the writer, and waits for its answer. May be shared between threads.

    Args:
        socket_path: the writer's socket (`places.socket_path`, or where a sandbox has it).
        secret: what was registered for this client, or the hub's authority (`places.authority`).
        timeout: seconds to wait for an answer.
    """

    def __init__(self, socket_path: Path, secret: str, *, timeout: float = 30) -> None:
        self._path = socket_path
        self._secret = secret
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._received = b""

    def state(self) -> dict[str, Any]:
        """How the log stands: ``log``, ``sequence``, ``anchored``, ``registered``, ``trouble``, ``pid``.

        Raises:
            AuditError: as everything that is asked.
        """
        return self._ask({"do": "state"})

    def retire(self, actor: str) -> list[str]:
        """Have segments removed whose time is over (`retention.retire`). Only with the hub's authority.

        Returns:
            The names of the statements that stand in their place.

        Raises:
            AuditError: as everything that is asked.
        """
        return [str(name) for name in self._ask({"do": "retire", "actor": actor})["retired"]]

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        with self._lock:
            self._disconnect()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(self, message: dict[str, object]) -> int:
        return int(self._ask(message)["sequence"])

    def _ask(self, message: dict[str, object]) -> dict[str, Any]:
        sent = encode(message | {"id": 0, "secret": self._secret})
        with self._lock:
            # A connection that was open before may have ended with a writer that was started again since.
            # What that writer got and didn't acknowledge may come twice into the log; never not at all.
            fresh = self._connection is None
            try:
                answer = self._exchange(sent)
            except (ConnectionError, EOFError) as error:
                self._disconnect()
                if fresh:
                    raise WriterDownError from error
                try:
                    answer = self._exchange(sent)
                except (OSError, EOFError) as again:
                    self._disconnect()
                    raise WriterDownError from again
            except TimeoutError as error:
                self._disconnect()
                raise AuditError(f"the audit log's writer gave no answer in {self._timeout:g} s") from error
            except OSError as error:
                self._disconnect()
                raise WriterDownError from error
        return answered(answer)

    def _exchange(self, sent: bytes) -> bytes:
        if self._connection is None:
            self._connection = _connected(self._path, self._timeout)
        self._connection.sendall(sent)
        while b"\n" not in self._received:
            got = self._connection.recv(65536)
            if not got:
                raise EOFError
            self._received += got
        line, self._received = self._received.split(b"\n", 1)
        return line

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._received = None, b""


class AsyncClient(_Questions[Awaitable[int]]):
    """The same for an event loop: many questions at once over one connection.

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
            try:  # once more, on a new connection: as in Client
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


def _record(action: str, thing: str, detail: dict[str, object]) -> dict[str, object]:
    return {"do": "record", "action": action, "object": thing, "detail": detail}


def _for(actor: str, permit: str | None, extract: str | None) -> dict[str, object]:
    return {"actor": actor, "permit": permit, "extract": extract}


def encode(message: dict[str, object]) -> bytes:
    """A message as it goes through the socket: one line of JSON.

    Raises:
        UnrecordableError: it is longer than `MESSAGE_BYTES`, or nothing that JSON knows.
    """
    try:
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise UnrecordableError("what JSON has no words for can't be recorded") from error
    if len(line) > MESSAGE_BYTES:
        raise UnrecordableError(
            f"{len(line):,} bytes are too much for one audit record (at most {MESSAGE_BYTES:,}): "
            "split the cell, or read the data from a file"
        )
    return line


def answered(line: bytes) -> dict[str, Any]:
    """The writer's answer.

    Raises:
        UnrecordableError: it refuses the message, whoever sends it whenever.
        AuditError: it can't now, or not from this sender.
    """
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise (UnrecordableError if reply.get("never") else AuditError)(str(reply["error"]))
    return reply


def _connected(path: Path, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection
