"""The writer's side of its clients' connections: a slow, silent or hostile one holds up nobody but itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from functools import partial

from sundbench.errors import AuditError
from sundbench.governance.audit import requests
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.committing import Committer
from sundbench.governance.audit.log import BrokenLogError
from sundbench.governance.audit.places import authority
from sundbench.governance.audit.record import Entry
from sundbench.governance.audit.registrations import Registrations
from sundbench.governance.audit.requests import RefusedError, Request
from sundbench.governance.audit.retention import retire
from sundbench.site import Site

_CONNECTIONS = 512
_OUTSTANDING_BYTES = 2 << 20  # of one connection: more isn't read before the disk has caught up
_UNREAD_ANSWERS = 1 << 20  # a client that doesn't read its answers is hung up on
LINE_SECONDS = 10  # within which a line that has begun must end
_REFUSALS_A_SECOND = 5  # are recorded one by one; nobody fills the disk with them


class Conversations:
    """Reads what clients ask, has it written, and answers.

    Args:
        site: the installation.
        committer: writes the log.
        stopping: set when the log is broken.
    """

    def __init__(self, site: Site, committer: Committer, stopping: asyncio.Event) -> None:
        self._site = site
        self._committer = committer
        self._stopping = stopping
        self._known = Registrations(site.audit)
        self._authority = authority(site)
        self._connections: set[asyncio.Task[None]] = set()
        self._refusals = (0.0, 0, 0)  # since when, how many were recorded, how many were not

    def cancel(self) -> None:
        """Hang up on every client."""
        for task in self._connections:
            task.cancel()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with a client until it goes away."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio made one
        if len(self._connections) >= _CONNECTIONS:
            _answer(writer, 0, error="the audit log's writer has too many clients")
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # it went away
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outstanding = 0
        room = asyncio.Event()

        def done(number: int, size: int, answer: asyncio.Future[int]) -> None:
            nonlocal outstanding
            outstanding -= size
            room.set()
            if answer.cancelled():
                return
            error = answer.exception()
            if error is None:
                _answer(writer, number, sequence=answer.result())
            else:
                _answer(writer, number, error=str(error))

        while True:
            line = await self._line(reader)
            if line is None:
                await self._refuse(
                    RefusedError("a message that is too long, or takes too long to come"), writer, 0
                )
                return
            try:
                request = requests.read(line, self._known, self._authority)
            except RefusedError as refused:
                await self._refuse(refused, writer, requests.number_of(line))
                if not refused.actor:
                    return
                continue
            if request.entry is None or request.change is not None:
                await self._own(request, writer)
                continue
            size = len(line)
            outstanding += size
            self._committer.put(request, size).add_done_callback(partial(done, request.number, size))
            while outstanding > _OUTSTANDING_BYTES:
                room.clear()
                await room.wait()

    async def _line(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next line; None for one that is too long or too slow.

        Raises:
            EOFError: the client went away.
        """
        first = await reader.readexactly(1)  # however long it is silent
        try:
            async with asyncio.timeout(LINE_SECONDS):
                return first + await reader.readuntil(b"\n")
        except (TimeoutError, asyncio.LimitOverrunError):
            return None

    async def _own(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """What the hub alone may ask for: to know or forget a secret, to retire segments, the log's state."""
        try:
            if request.change is not None:
                placed = await self._committer.written([request])
                digest, registration = request.change
                if registration is None:
                    await self._committer.on_disk(partial(self._known.remove, digest))
                else:
                    await self._committer.on_disk(partial(self._known.add, digest, registration))
                _answer(writer, request.number, sequence=placed[0])
            elif request.retire is not None:
                gone = await self._committer.on_disk(
                    partial(retire, self._site, self._committer.log, request.retire)
                )
                _answer(writer, request.number, retired=[statement.name for statement in gone])
            else:
                _answer(writer, request.number, **self._committer.state(), registered=len(self._known))
        except AuditError as error:
            _answer(writer, request.number, error=str(error))
            if isinstance(error, BrokenLogError):
                self._committer.broken = True
                self._stopping.set()

    async def _refuse(self, refused: RefusedError, writer: asyncio.StreamWriter, number: int) -> None:
        """Tell the client, and the log: but not a flood of them."""
        since, recorded, unrecorded = self._refusals
        if time.monotonic() - since >= 1:
            since, recorded = time.monotonic(), 0
        if recorded < _REFUSALS_A_SECOND:
            detail = {"why": refused.why} | ({"and_before_it": unrecorded} if unrecorded else {})
            entry = Entry(
                refused.actor or "unknown",
                Action.AUDIT_REFUSED,
                "message",
                detail,
                refused.permit,
                refused.extract,
            )
            with contextlib.suppress(AuditError):  # it is refused, be it recorded or not
                await self._committer.append([entry])
            recorded, unrecorded = recorded + 1, 0
        else:
            unrecorded += 1
        self._refusals = since, recorded, unrecorded
        _answer(writer, number, error=str(refused), never=refused.never)


def _answer(writer: asyncio.StreamWriter, number: int, **answer: object) -> None:
    if writer.transport.get_write_buffer_size() > _UNREAD_ANSWERS:
        writer.transport.abort()
    elif not writer.is_closing():
        writer.write(json.dumps({"id": number, **answer}).encode() + b"\n")
