"""What the hub itself has recorded in the audit log: in whose name, and what happens when the writer is down.

What grants something is recorded before it is done, and is not done when it can't be (`record`). What ends or
refuses something happens in any case, and is recorded as soon as the writer is back (`note`).
"""

# ruff: noqa: ANN401 - a record's detail is whatever JSON holds
from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sundbench.errors import AuditError
from sundbench.governance.audit import places
from sundbench.governance.audit.actions import SERVER, Action
from sundbench.governance.audit.async_client import AsyncClient
from sundbench.governance.audit.messages import UnrecordableError
from sundbench.governance.audit.record import Entry
from sundbench.hub.metrics import AUDIT_OWED
from sundbench.site import Site

_log = logging.getLogger(__name__)

NOBODY = "anonymous"
"""The actor where nobody had logged in."""
_KEPT = 10_000


@dataclass
class Allowance:
    """How many refusals are recorded one by one; what is beyond is counted, so that nobody fills the disk.

    Attributes:
        a_minute: records an actor and minute.
    """

    a_minute: int = 60
    _counted: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def take(self, actor: str) -> int | None:
        """Ask for one more.

        Returns:
            How many before it were left out, to be recorded with it; None where this one is left out too.
        """
        minute = int(time.monotonic() // 60)
        since, taken, left_out = self._counted.get(actor, (minute, 0, 0))
        if since != minute:
            since, taken = minute, 0
        if taken >= self.a_minute:
            self._counted[actor] = (since, taken, left_out + 1)
            return None
        if len(self._counted) > _KEPT:  # names that were made up; nobody who works here is lost
            self._counted.clear()
        self._counted[actor] = (since, taken + 1, 0)
        return left_out


class Journal:
    """The hub's way into the audit log.

    Args:
        site: the installation.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._open: AsyncClient | None = None
        self._owed: deque[Entry] = deque(maxlen=_KEPT)
        self._refusals = Allowance()
        self._running: set[asyncio.Task[None]] = set()
        self._flushing = False

    async def register(self, secret: str, user: str, permit: str, extract: str | None) -> None:
        """Let a server record in its user's name.

        Raises:
            AuditError: the writer is down; the server must not start.
        """
        await self.renew(places.digest(secret), user, permit, extract)

    async def renew(self, digest: str, user: str, permit: str, extract: str | None) -> None:
        """As `register`, of a secret of which only the digest is known.

        Raises:
            AuditError: the writer is down.
        """
        await self._client.register(digest, user, permit, extract, SERVER)

    async def forget(self, digest: str) -> None:
        """Let a server record no more.

        Raises:
            AuditError: the writer is down.
        """
        await self._client.forget(digest)

    async def record(
        self,
        actor: str,
        action: Action,
        what: str,
        *,
        permit: str | None = None,
        extract: str | None = None,
        **detail: Any,
    ) -> None:
        """Record what is about to be granted.

        Raises:
            AuditError: it can't be recorded, and must not be granted.
        """
        await self._send(Entry(actor, action, what, detail, permit, extract))

    def note(
        self,
        actor: str,
        action: Action,
        what: str,
        *,
        permit: str | None = None,
        extract: str | None = None,
        **detail: Any,
    ) -> None:
        """Record what happened in any case: at once, or when the writer is back."""
        self._owed.append(Entry(actor, action, what, detail, permit, extract))
        task = asyncio.ensure_future(self.settle())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def refused(self, actor: str, action: Action, what: str, **detail: Any) -> None:
        """Record a refusal; of very many by one actor, how many."""
        left_out = self._refusals.take(actor)
        if left_out is not None:
            more: dict[str, Any] = {"left_out_before": left_out} if left_out else {}
            self.note(actor, action, what, **(detail | more))

    async def settle(self) -> None:
        """Record what is owed, in order; what can't be recorded stays owed."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while self._owed:
                entry = self._owed.popleft()
                try:
                    await self._settled(entry)
                except BaseException:
                    self._owed.appendleft(entry)
                    raise
        except AuditError as error:
            _log.error("%d audit records wait for the writer: %s", len(self._owed), error)
        finally:
            self._flushing = False
            AUDIT_OWED.set(len(self._owed))

    async def _settled(self, entry: Entry) -> None:
        try:
            await self._send(entry)
        except UnrecordableError as error:
            # What is owed behind it must not wait for ever. That something happened stays on record.
            _log.error("the writer won't have %s: %s", entry, error)
            why = {"why": str(error)[:200]}
            await self._send(Entry("hub", entry.action, "a record that the writer refused", why))

    async def _send(self, entry: Entry) -> None:
        await self._client.record_for(
            entry.actor,
            entry.action,
            entry.object,
            permit=entry.permit,
            extract=entry.extract,
            detail=entry.detail,
        )

    @property
    def _client(self) -> AsyncClient:
        if self._open is None:
            self._open = AsyncClient(places.socket_path(self._site), places.authority(self._site))
        return self._open
