"""How often one address, or one person, may try to log in.

`sundbench.hub.passwords.Attempts` makes one name wait after a wrong password. What stands here keeps one
address from trying many names, and from making the hub ask others (the identity provider) on and on.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field

from sundbench.sandbox.pace import Pace

_KEPT = 10_000


@dataclass
class Limit:
    """An allowance for each of many: tries that failed, or were all that came.

    Attributes:
        burst: tries that may be made at once.
        rate: how many more each second.
    """

    burst: float
    rate: float
    _paces: OrderedDict[str, Pace] = field(default_factory=OrderedDict)

    def take(self, who: str) -> float:
        """Ask for a try.

        Returns:
            Seconds to wait; 0 where it may be made now.
        """
        pace = self._paces.pop(who, None) or Pace(self.burst, self.rate)
        self._paces[who] = pace
        if len(self._paces) > _KEPT:  # the one that was seen longest ago has been refilled, or was made up
            self._paces.popitem(last=False)
        return 0.0 if pace.take_if_there() else 1 / self.rate

    def give_back(self, who: str) -> None:
        """A try that succeeded doesn't count: behind one address there may be a whole hospital."""
        if (pace := self._paces.get(who)) is not None:
            pace.debt(-1)


@dataclass(frozen=True)
class LogInLimits:
    """Those of one hub.

    Attributes:
        addresses: tries that failed, by where they came from.
        accounts: log-ins of one account of the identity provider's, all of them.
    """

    addresses: Limit = field(default_factory=lambda: Limit(burst=60, rate=0.2))
    accounts: Limit = field(default_factory=lambda: Limit(burst=10, rate=0.1))


def place(address: str) -> str:
    """Whom an address counts for: itself, or the network that IPv6 gives to one house (64 bits)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address
