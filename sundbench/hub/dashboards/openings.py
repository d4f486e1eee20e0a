"""Dashboards that are being opened: how many at once, for whom, and what if nobody waits any more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sundbench.errors import AuditError, SundbenchError
from sundbench.hub.dashboards.offers import Offer
from sundbench.hub.refusal import Refused

_log = logging.getLogger(__name__)

PATIENCE = 4.0
"""Seconds that one request waits; then its page asks again, so that no proxy holds many long requests."""
FORGOTTEN = 20.0
"""Seconds without being asked for after which a page counts as closed."""

_FULL = Refused(
    "full",
    da="Der bliver åbnet for mange dashboards lige nu. Prøv igen om et øjeblik.",
    en="Too many dashboards are being opened just now. Try again in a moment.",
    status=503,
)
_NO_AUDIT = Refused(
    "audit",
    da="Intet dashboard kan åbnes, for revisionsloggen kan ikke skrives lige nu. Prøv igen om lidt.",
    en="No dashboard can be opened, because the audit log can't be written just now. Try again in a while.",
    status=503,
)
_SLOW = Refused(
    "too-slow",
    da="Dashboardet blev ikke færdigt i tide. Prøv igen om lidt; driften kan se det i loggen.",
    en="The dashboard was not ready in time. Try again in a while; the operator finds it in the log.",
    status=503,
)
_BROKEN = Refused(
    "broken",
    da="Dashboardet kan ikke vises: der er en fejl i det, som driften kan se i loggen.",
    en="The dashboard can't be shown: there is a fault in it, which the operator finds in the log.",
    status=500,
)

_Key = tuple[str, str, str]


@dataclass
class _Opening:
    task: asyncio.Task[str]
    asked: float = field(default_factory=time.monotonic)


class Openings:
    """Opens dashboards, each drawing for one reader; a page is handed over once and not kept.

    Args:
        draw: makes the page.
        record: has the opening recorded for a user; where that fails, nothing is opened.
        at_once: how many may be drawn at the same time.
    """

    def __init__(
        self,
        draw: Callable[[Offer], Awaitable[str]],
        record: Callable[[str, Offer], Awaitable[None]],
        at_once: int,
    ) -> None:
        self._draw = draw
        self._record = record
        self._at_once = at_once
        self._open: dict[_Key, _Opening] = {}

    async def page(self, user: str, offer: Offer) -> str | None:
        """The page; None where it isn't ready yet: ask again.

        Raises:
            Refused: too many are being opened, it can't be recorded, it failed or took too long.
        """
        self._forget()
        key = (user, offer.about.id, offer.release)
        opening = self._open.get(key)
        if opening is None:
            if sum(not one.task.done() for one in self._open.values()) >= self._at_once:
                raise _FULL
            opening = self._open[key] = _Opening(asyncio.ensure_future(self._begin(user, offer)))
        opening.asked = time.monotonic()
        await asyncio.wait([opening.task], timeout=PATIENCE)
        opening.asked = time.monotonic()
        if not opening.task.done():
            return None
        if self._open.get(key) is opening:
            del self._open[key]
        if opening.task.cancelled():
            raise _SLOW
        return opening.task.result()

    async def sweep(self) -> None:
        """End the kernels of pages that were closed, for as long as the service runs."""
        while True:
            await asyncio.sleep(FORGOTTEN / 4)
            self._forget()

    async def close(self) -> None:
        """End them all."""
        tasks = [opening.task for opening in self._open.values()]
        self._open.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self) -> None:
        now = time.monotonic()
        for key, opening in list(self._open.items()):
            if now - opening.asked > FORGOTTEN:
                del self._open[key]
                if not opening.task.cancel() and not opening.task.cancelled():
                    opening.task.exception()  # nobody comes for it any more

    async def _make(self, user: str, offer: Offer) -> str:
        try:
            await self._record(user, offer)
        except AuditError as error:
            _log.error("%s: %s", offer.about.id, error)
            raise _NO_AUDIT from None
        try:
            return await self._draw(offer)
        except TimeoutError:
            _log.error("dashboard %s was given up: it took too long", offer.about.id)
            raise _SLOW from None
        except SundbenchError as error:
            _log.error("dashboard %s: %s", offer.about.id, error)
            raise _BROKEN from None
        except Exception:
            _log.exception("dashboard %s failed", offer.about.id)
            raise _BROKEN from None

    async def _begin(self, user: str, offer: Offer) -> str:
        """Make the page; of one that is cancelled nothing is said, whatever its kernel says of that."""
        try:
            return await self._make(user, offer)
        except Refused:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None
            raise
