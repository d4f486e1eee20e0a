"""A delivery's files as evidence: their digests, and an independent count of their lines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sundbench.registers.formats import count_lines
from sundbench.store.intake import FileRead

_PIECE = 8 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """What a pass over a file's bytes tells.

    Attributes:
        path: the file.
        sha256: its digest.
        size: its bytes.
        lines: how often its bytes end a line, an unended last line included.
        plain: whether each line is one row: uncompressed, without quotes.
    """

    path: Path
    sha256: str
    size: int
    lines: int
    plain: bool

    def check(self, read: FileRead) -> None:
        """Hold the rows that were read against the file's own lines.

        Raises:
            RuntimeError: rows were lost or made up: a bug, in Sundbench or in DuckDB.
        """
        if read.file.format != "csv" or not self.plain or read.read == self.lines - 1:
            return
        if read.read != count_lines(self.path):
            raise RuntimeError(f"{read.file.name}: {read.read} rows were read of {count_lines(self.path)}")


def digest_source(path: Path) -> Source:
    """Read a file once: its SHA-256, and its lines."""
    digest = hashlib.sha256()
    lines, quotes, last = 0, False, b"\n"
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            lines += piece.count(b"\n")
            quotes = quotes or b'"' in piece
            last = piece[-1:]
    plain = not quotes and path.suffix.lower() == ".csv"
    return Source(path, digest.hexdigest(), path.stat().st_size, lines + (last != b"\n"), plain)
