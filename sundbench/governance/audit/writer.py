"""The one process that writes the audit log: `python -m sundbench.governance.audit.writer --home HOME`.

Clients connect to its socket and send lines of JSON. What has arrived while the disk was busy is written and
synced together: each waits for about one sync, and thousands a second fit. Nothing is answered before it is
on the disk. A client that is slow, silent or talks nonsense holds up nobody but itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sundbench.errors import AuditError
from sundbench.governance.audit import requests
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.log import SEGMENT_BYTES, BrokenLogError, Log
from sundbench.governance.audit.messages import MESSAGE_BYTES
from sundbench.governance.audit.places import authority, prepare_socket
from sundbench.governance.audit.record import Entry
from sundbench.governance.audit.registrations import Registrations
from sundbench.governance.audit.requests import RefusedError, Request
from sundbench.governance.audit.retention import retire
from sundbench.site import Site

_log = logging.getLogger("sundbench.audit")

_BATCH_RECORDS = 2000
_BATCH_BYTES = 8 << 20
_CONNECTIONS = 512
_OUTSTANDING_BYTES = 2 << 20  # of one connection: more isn't read before the disk has caught up
_UNREAD_ANSWERS = 1 << 20  # a client that doesn't read its answers is hung up on
_LINE_SECONDS = 10  # within which a line that has begun must end
_REFUSALS_A_SECOND = 5  # are recorded one by one; nobody fills the disk with them
_UNANCHORED_SECONDS = 600  # a log whose heads reach no anchor for longer takes no more records


@dataclass(frozen=True)
class Rules:
    """When heads are anchored, and when a segment is full.

    Attributes:
        anchor_seconds: a record is anchored at the latest so long after it was written.
        anchor_records: or when so many wait for it.
        segment_bytes: when to begin a new segment.
    """

    anchor_seconds: float = 10
    anchor_records: int = 1000
    segment_bytes: int = SEGMENT_BYTES


class Writer:
    """Serves the log to its clients.

    Args:
        site: the installation.
        rules: when to anchor.
    """

    def __init__(self, site: Site, rules: Rules = Rules()) -> None:
        self._site = site
        self._rules = rules
        self._log = Log(site, segment_bytes=rules.segment_bytes)
        self._known = Registrations(site.audit)
        self._authority = authority(site)
        self._queue: asyncio.Queue[tuple[Request, int, asyncio.Future[int]]] = asyncio.Queue()
        self._disk = ThreadPoolExecutor(1, "disk")
        self._anchoring = ThreadPoolExecutor(1, "anchors")
        self._connections: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._anchor_now = asyncio.Event()
        self._trouble = ""
        self._anchored_at = time.monotonic()
        self._refusals = (0.0, 0, 0)  # since when, how many were recorded, how many were not
        self._code = 0

    async def serve(self) -> int:
        """Serve until SIGTERM or SIGINT, or until the log breaks.

        Returns:
            The exit code.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._append([Entry("audit writer", Action.AUDIT_START, str(os.getpid()))])
        path = prepare_socket(self._site)
        server = await asyncio.start_unix_server(self._connected, path, limit=MESSAGE_BYTES)
        # The folder above is its owner's alone. Sandboxes run as other accounts, and have this one mounted.
        path.chmod(0o666)
        committing = asyncio.create_task(self._commit())
        anchoring = asyncio.create_task(self._anchor())
        _log.info("audit writer %s: log %s at record %s", os.getpid(), self._log.id, self._log.sequence)
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait({stopping, committing, anchoring}, return_when=asyncio.FIRST_COMPLETED)
        server.close()
        path.unlink(missing_ok=True)
        if stopping in done:  # what has come is still written and answered
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.join(), _LINE_SECONDS)
        for task in (committing, anchoring, stopping, *self._connections):
            task.cancel()
        for ended in await asyncio.gather(committing, anchoring, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        await self._finish()
        return self._code

    async def _finish(self) -> None:
        try:
            if not self._code:
                await self._append([Entry("audit writer", Action.AUDIT_STOP, str(os.getpid()))])
            self._log.close()
        except AuditError as error:
            _log.error("%s", error)
            self._code = 1

    async def _append(self, entries: list[Entry]) -> list[int]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._disk, self._log.append, entries)

    # Records: from the queue to the disk, as many at once as have come.

    async def _commit(self) -> None:
        while not self._code:
            batch = [await self._queue.get()]
            size = batch[0][1]
            while not self._queue.empty() and len(batch) < _BATCH_RECORDS and size < _BATCH_BYTES:
                batch.append(self._queue.get_nowait())
                size += batch[-1][1]
            try:
                placed = await self._written([request for request, _, _ in batch])
            except AuditError as error:
                _log.error("%s", error)
                for _, _, answer in batch:
                    answer.set_exception(AuditError(str(error)))
                if isinstance(error, BrokenLogError):
                    self._code = 1
            else:
                for (_, _, answer), sequence in zip(batch, placed, strict=True):
                    answer.set_result(sequence)
            await asyncio.sleep(0)  # answers go out before the next batch
            for _ in batch:
                self._queue.task_done()
            if self._log.sequence - self._log.anchored >= self._rules.anchor_records:
                self._anchor_now.set()

    async def _written(self, batch: list[Request]) -> list[int]:
        if time.monotonic() - self._anchored_at > _UNANCHORED_SECONDS + self._rules.anchor_seconds:
            raise AuditError(self._trouble or "the audit log's anchors can't be reached: see to that folder")
        return await self._append([request.entry for request in batch if request.entry is not None])

    async def _anchor(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._code:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rules.anchor_seconds):
                    await self._anchor_now.wait()
            self._anchor_now.clear()
            try:
                await loop.run_in_executor(self._anchoring, self._log.anchor)
                self._trouble, self._anchored_at = "", time.monotonic()
            except AuditError as error:
                if not self._trouble:
                    _log.error("%s", error)
                self._trouble = str(error)
                await asyncio.sleep(1)

    # Clients.

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            size = len(line)
            outstanding += size
            answer.add_done_callback(partial(done, request.number, size))
            self._queue.put_nowait((request, size, answer))
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
            async with asyncio.timeout(_LINE_SECONDS):
                return first + await reader.readuntil(b"\n")
        except (TimeoutError, asyncio.LimitOverrunError):
            return None

    async def _own(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """What the hub alone may ask for: to know or forget a secret, to retire segments, the log's state."""
        loop = asyncio.get_running_loop()
        try:
            if request.change is not None:
                placed = await self._written([request])
                digest, registration = request.change
                if registration is None:
                    await loop.run_in_executor(self._disk, self._known.remove, digest)
                else:
                    await loop.run_in_executor(self._disk, self._known.add, digest, registration)
                _answer(writer, request.number, sequence=placed[0])
            elif request.retire is not None:
                by = request.retire
                gone = await loop.run_in_executor(self._disk, lambda: retire(self._site, self._log, by))
                _answer(writer, request.number, retired=[statement.name for statement in gone])
            else:
                _answer(writer, request.number, **self._state())
        except AuditError as error:
            _answer(writer, request.number, error=str(error))
            if isinstance(error, BrokenLogError):
                self._code = 1
                self._stopping.set()

    def _state(self) -> dict[str, object]:
        return {
            "log": self._log.id,
            "sequence": self._log.sequence,
            "anchored": self._log.anchored,
            "registered": len(self._known),
            "trouble": self._trouble,
            "pid": os.getpid(),
        }

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
                await self._append([entry])
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


def main(arguments: list[str] | None = None) -> int:
    """Run the writer.

    Returns:
        0 after SIGTERM, 1 when the log can't be written.
    """
    rules = Rules()
    parser = argparse.ArgumentParser(prog="python -m sundbench.governance.audit.writer", description=__doc__)
    parser.add_argument("--home", type=Path, help="the installation's folder (default: SUNDBENCH_HOME)")
    parser.add_argument("--anchor-seconds", type=float, default=rules.anchor_seconds)
    parser.add_argument("--anchor-records", type=int, default=rules.anchor_records)
    parser.add_argument("--segment-bytes", type=int, default=rules.segment_bytes)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    site = Site.from_environment(given.home)

    async def serve() -> int:
        return await Writer(
            site, Rules(given.anchor_seconds, given.anchor_records, given.segment_bytes)
        ).serve()

    try:
        return asyncio.run(serve())
    except AuditError as error:
        _log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
