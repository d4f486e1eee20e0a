"""Passwords where there is no identity provider: scrypt hashes in ``<home>/hub/passwords.json``.

A protected site logs people in through its provider instead (``sundbench.hub.oidc``). Who fails must wait.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from sundbench.errors import HubError
from sundbench.hub import json_file
from sundbench.site import Site

SHORTEST = 12
_N, _R, _P = 2**14, 8, 5  # OWASP's cheat sheet on password storage: 16 MiB and about 0.2 s a try
_MEMORY = 64 * 2**20
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another


class _Hash(TypedDict):
    n: int
    r: int
    p: int
    salt: str
    hash: str


def path(site: Site) -> Path:
    """Where the hashes are."""
    return site.hub / "passwords.json"


def generate() -> str:
    """Draw a password: four groups of four letters and digits, 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def require_long_enough(password: str) -> None:
    """Refuse what is no password.

    Raises:
        HubError: it is too short.
    """
    if len(password) < SHORTEST:
        raise HubError(f"a password needs at least {SHORTEST} characters: choose a longer one")


def put(site: Site, user: str, password: str) -> None:
    """Set a user's password.

    Raises:
        HubError: it is too short, or the file of hashes is damaged.
    """
    require_long_enough(password)
    salt = secrets.token_bytes(16)
    made: _Hash = {"n": _N, "r": _R, "p": _P, "salt": salt.hex(), "hash": ""}
    made["hash"] = _scrypt(password, made).hex()
    with json_file.alone(path(site)):
        json_file.write(path(site), {**_read(site), user: made})


def remove(site: Site, user: str) -> None:
    """Take a user's password away: nobody can log in under that name any more."""
    with json_file.alone(path(site)):
        json_file.write(path(site), {name: made for name, made in _read(site).items() if name != user})


def users(site: Site) -> frozenset[str]:
    """Those who have a password."""
    return frozenset(_read(site))


def check(site: Site, user: str, password: str) -> bool:
    """Say whether a password is a user's; it takes as long where there is no such user.

    Raises:
        HubError: the file of hashes is damaged.
    """
    made = _read(site).get(user)
    nobody: _Hash = {"n": _N, "r": _R, "p": _P, "salt": "00" * 16, "hash": "00" * 64}
    right = hmac.compare_digest(_scrypt(password, made or nobody), bytes.fromhex((made or nobody)["hash"]))
    return right and made is not None


@dataclass
class Attempts:
    """Who failed to log in lately, and how long each must wait: 1 second, then 2, 4, ... at most 30.

    Kept in memory: a start of the hub forgets it. A wait holds whatever the password, so that a guesser
    learns nothing from it. Who has logged in before with this browser has a count of their own there
    (OWASP's "device cookies"), so that whoever fails under their name elsewhere doesn't lock them out.

    Attributes:
        clock: seconds that only rise.
    """

    clock: Callable[[], float] = time.monotonic
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)

    def wait(self, who: str) -> float:
        """Seconds until the next try is looked at; 0 where none has failed."""
        count, since = self._failed.get(who, (0, 0.0))
        return max(0.0, since + _delay(count) - self.clock()) if count else 0.0

    def take(self, who: str) -> float:
        """Ask for a try, which counts as failed until it has succeeded: many at once are no more than one.

        Args:
            who: a user's name, or a user's name and browser.

        Returns:
            Seconds to wait; 0 where the try may be looked at now.
        """
        if (wait := self.wait(who)) > 0:
            return wait
        self.failed(who)
        return 0.0

    def failed(self, who: str) -> None:
        """Note a failure."""
        now = self.clock()
        # What is long ago no longer counts, and made-up names don't fill the memory.
        self._failed = {name: (n, since) for name, (n, since) in self._failed.items() if now - since < 900}
        self._failed[who] = (self._failed.get(who, (0, 0.0))[0] + 1, now)

    def succeeded(self, who: str) -> None:
        """Forget a user's failures."""
        self._failed.pop(who, None)


def _delay(failures: int) -> float:
    return float(min(30, 2 ** min(failures - 1, 5)))


def _scrypt(password: str, made: _Hash) -> bytes:
    salt = bytes.fromhex(made["salt"])
    return hashlib.scrypt(
        password.encode(), salt=salt, n=made["n"], r=made["r"], p=made["p"], maxmem=_MEMORY, dklen=64
    )


def _read(site: Site) -> dict[str, _Hash]:
    return json_file.read(path(site), "restore it, or remove it and set passwords anew")
