"""How fast a server may ask those outside its sandbox, who serve others too and have disks to fill."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """An allowance that fills up again.

    Args:
        burst: what may be taken at once.
        rate: what is added each second, up to ``burst``.
    """

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = burst
        self._at = time.monotonic()

    async def take(self, amount: float = 1) -> None:
        """Take some, and wait as long as more was taken than there was. Who comes later waits longer."""
        wait = self.debt(amount)
        if wait > 0:
            await asyncio.sleep(wait)

    def take_if_there(self, amount: float = 1) -> bool:
        """Take some if there is enough."""
        if self.debt(0) > 0 or self._left < amount:
            return False
        self._left -= amount
        return True

    def debt(self, amount: float) -> float:
        """Take some, and say for how many seconds to wait."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        return -self._left / self._rate if self._left < 0 else 0
