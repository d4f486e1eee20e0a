"""The log's files: segments `audit-000001.jsonl`, each beginning where the one before ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"audit-(\d{6,})\.jsonl")


@dataclass(frozen=True, order=True)
class Segment:
    """One file of the log.

    Attributes:
        number: 1, 2, ... without gaps.
        path: the file.
    """

    number: int
    path: Path

    @classmethod
    def of(cls, folder: Path, number: int) -> Segment:
        """The segment of a number, be it there or not."""
        return cls(number, folder / f"audit-{number:06d}.jsonl")

    def lines(self) -> Iterator[tuple[bytes, bool]]:
        """Its lines without their newlines, and whether they had one: the last may be torn."""
        with self.path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n"), line.endswith(b"\n")


def segments(folder: Path) -> list[Segment]:
    """The segments of a log's folder, oldest first. What isn't named as one is left out."""
    if not folder.is_dir():
        return []
    found = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    return sorted(Segment(int(match[1]), path) for match, path in found)
