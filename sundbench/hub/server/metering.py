"""How much a kernel may send to the browser: so many bytes for each request that the browser has made."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum

_REMEMBERED = 512


class Passage(Enum):
    """What becomes of a message."""

    GOES = "goes"
    CUT = "cut"
    """The first that doesn't go: whoever reads should be told."""
    GONE = "gone"


class Requests:
    """The requests that went to one kernel, from whichever page; the oldest are forgotten."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self.count = 0

    def add(self, request: str) -> None:
        """Remember a request."""
        self.count += 1
        self._ids[request] = None
        self._ids.move_to_end(request)
        while len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)

    def __contains__(self, request: str) -> bool:
        return request in self._ids


@dataclass
class Meter:
    """What goes through one connection.

    A kernel writes itself what its messages answer to. So the allowance is for requests that were really
    made; everything else shares one allowance, which begins anew with each request.

    Attributes:
        most: bytes for one request.
        requests: those made to the kernel.
    """

    most: int
    requests: Requests
    _spent: dict[str, int] = field(default_factory=dict)
    _seen: int = -1

    def passage(self, request: str, size: int) -> Passage:
        """Count a message.

        Args:
            request: the id that the message says it answers to.
            size: its bytes.
        """
        if self._seen != self.requests.count:
            self._seen = self.requests.count
            self._spent = {known: spent for known, spent in self._spent.items() if known in self.requests}
        key = request if request in self.requests else ""
        before = self._spent.get(key, 0)
        self._spent[key] = before + size
        if self._spent[key] <= self.most:
            return Passage.GOES
        return Passage.CUT if before <= self.most else Passage.GONE
