"""The log's files: segments `audit-000001.jsonl`, each beginning where the one before ends."""

from __future__ import annotations

import os
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


def sync_folder(folder: Path) -> None:
    """Have a folder's list of files on the disk: a file that was made or renamed is there after a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place, on the disk, whole or not at all; its owner's alone."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
