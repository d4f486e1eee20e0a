"""Servers that start at the same time are few; the others wait their turn, and are told where they stand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Ticket:
    """One start's place in the queue.

    Attributes:
        turn: done when its turn has come.
    """

    def __init__(self) -> None:
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class StartQueue:
    """First come, first served.

    JupyterHub's own limit rejects whoever comes too late; here they wait.

    Args:
        places: how many starts go on at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[Ticket] = deque()

    def ahead(self, ticket: Ticket) -> int:
        """How many wait before this one; 0 for the next in turn and for those who had their turn."""
        return self._waiting.index(ticket) if ticket in self._waiting else 0

    def waits(self, ticket: Ticket) -> bool:
        """Whether its turn is still to come."""
        return ticket in self._waiting

    @asynccontextmanager
    async def place(self, ticket: Ticket) -> AsyncIterator[None]:
        """Wait for a place, and hold it for as long as the block runs."""
        await self._enter(ticket)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, ticket: Ticket) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        self._waiting.append(ticket)
        try:
            await ticket.turn
        except asyncio.CancelledError:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif not ticket.turn.cancelled():  # its turn had come in the same moment: the next one's then
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            ticket = self._waiting.popleft()
            if not ticket.turn.done():
                ticket.turn.set_result(None)
                return
        self._free += 1
