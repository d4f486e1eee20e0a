"""One thing that a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing to know.

    Attributes:
        level: error, warning or note.
        what: what is so.
        do: what to do; empty for what need not be mended.
    """

    level: Level
    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.do}" if self.do else self.what
