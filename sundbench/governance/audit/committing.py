"""From the queue to the disk: what has come while the disk was busy is written and synced together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sundbench.errors import AuditError
from sundbench.governance.audit.log import SEGMENT_BYTES, BrokenLogError, Log
from sundbench.governance.audit.record import Entry
from sundbench.governance.audit.requests import Request
from sundbench.site import Site

_log = logging.getLogger("sundbench.audit")

_Made = TypeVar("_Made")

_BATCH_RECORDS = 2000
_BATCH_BYTES = 8 << 20
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


class Committer:
    """Writes the log, and anchors its heads.

    Args:
        site: the installation.
        rules: when to anchor.

    Attributes:
        log: the log.
        broken: nothing can be written to it any more.
    """

    def __init__(self, site: Site, rules: Rules) -> None:
        self._rules = rules
        self.log = Log(site, segment_bytes=rules.segment_bytes)
        self.broken = False
        self._queue: asyncio.Queue[tuple[Request, int, asyncio.Future[int]]] = asyncio.Queue()
        self._disk = ThreadPoolExecutor(1, "disk")
        self._anchoring = ThreadPoolExecutor(1, "anchors")
        self._anchor_now = asyncio.Event()
        self._trouble = ""
        self._anchored_at = time.monotonic()

    def put(self, request: Request, size: int) -> asyncio.Future[int]:
        """Have a request's record written; its sequence number, when it is on the disk."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((request, size, answer))
        return answer

    async def drained(self) -> None:
        """Wait until all that was put is written or refused."""
        await self._queue.join()

    async def on_disk(self, do: Callable[[], _Made]) -> _Made:
        """Have something done between two writes."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, do)

    async def append(self, entries: list[Entry]) -> list[int]:
        """Write records at once; their sequence numbers.

        Raises:
            AuditError: they can't be written.
        """
        return await self.on_disk(partial(self.log.append, entries))

    async def commit(self) -> None:
        """Write what waits, as much at once as has come, until the log breaks."""
        while not self.broken:
            batch = [await self._queue.get()]
            size = batch[0][1]
            while not self._queue.empty() and len(batch) < _BATCH_RECORDS and size < _BATCH_BYTES:
                batch.append(self._queue.get_nowait())
                size += batch[-1][1]
            try:
                placed = await self.written([request for request, _, _ in batch])
            except AuditError as error:
                _log.error("%s", error)
                for _, _, answer in batch:
                    answer.set_exception(AuditError(str(error)))
                if isinstance(error, BrokenLogError):
                    self.broken = True
            else:
                for (_, _, answer), sequence in zip(batch, placed, strict=True):
                    answer.set_result(sequence)
            await asyncio.sleep(0)  # answers go out before the next batch
            for _ in batch:
                self._queue.task_done()
            if self.log.sequence - self.log.anchored >= self._rules.anchor_records:
                self._anchor_now.set()

    async def written(self, batch: list[Request]) -> list[int]:
        """Write the records of requests at once.

        Returns:
            Their sequence numbers.

        Raises:
            AuditError: they can't be written, or heads have reached no anchor for long.
        """
        if time.monotonic() - self._anchored_at > _UNANCHORED_SECONDS + self._rules.anchor_seconds:
            raise AuditError(self._trouble or "the audit log's anchors can't be reached: see to that folder")
        return await self.append([request.entry for request in batch if request.entry is not None])

    async def anchor(self) -> None:
        """Anchor heads by the rules, until the log breaks."""
        loop = asyncio.get_running_loop()
        while not self.broken:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rules.anchor_seconds):
                    await self._anchor_now.wait()
            self._anchor_now.clear()
            try:
                await loop.run_in_executor(self._anchoring, self.log.anchor)
                self._trouble, self._anchored_at = "", time.monotonic()
            except AuditError as error:
                if not self._trouble:
                    _log.error("%s", error)
                self._trouble = str(error)
                await asyncio.sleep(1)

    def state(self) -> dict[str, object]:
        """How the log stands (`client.Client.state`), but for what is registered."""
        return {
            "log": self.log.id,
            "sequence": self.log.sequence,
            "anchored": self.log.anchored,
            "trouble": self._trouble,
            "pid": os.getpid(),
        }
