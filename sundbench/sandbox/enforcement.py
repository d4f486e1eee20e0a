"""What holds the limits of sandboxes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strength = Literal["hard", "soft", "none"]


@dataclass(frozen=True)
class Holding:
    """How firmly one limit holds.

    Attributes:
        strength: hard: the kernel (of the operating system) holds it. soft: a process can pass it for a
            while, or in a way that is watched and not prevented. none: nothing holds it.
        mechanism: what holds it, in words.
    """

    strength: Strength
    mechanism: str

    def __str__(self) -> str:
        return f"{self.strength} ({self.mechanism})"


@dataclass(frozen=True)
class Enforcement:
    """How firmly each limit holds.

    Attributes:
        memory: of all processes.
        processes: how many.
        cpu: share of the processors, and time in all.
        file_size: of a single file.
        disk: what writable folders may hold.
    """

    memory: Holding
    processes: Holding
    cpu: Holding
    file_size: Holding
    disk: Holding


_NOTHING = Holding("none", "nothing")


def available() -> Enforcement:
    """What would hold the limits of a sandbox started now."""
    return Enforcement(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING)
