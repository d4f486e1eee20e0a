"""How much of its space a workspace uses, and what is said when that is much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sundbench.sandbox import usage


@dataclass(frozen=True)
class Space:
    """A workspace's size against its quota.

    Attributes:
        used: bytes on the disk.
        quota: bytes that it may use.
        warn_at: share of the quota from which on it is near.
    """

    used: int
    quota: int
    warn_at: float

    @property
    def near(self) -> bool:
        """Whether members should be told."""
        return self.used >= self.quota * self.warn_at

    def holds(self, more: int) -> bool:
        """Whether so many bytes more find room; what makes a workspace smaller always does."""
        return more <= 0 or self.used + more <= self.quota


def space(workspace: Path, quota: int, warn_at: float) -> Space:
    """Measure a workspace."""
    return Space(usage.disk(workspace), quota, warn_at)
