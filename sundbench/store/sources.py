"""A delivery's files as bytes: digests, an independent count of lines, and whether fields are plain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sundbench.registers.formats import count_lines

_PIECE = 4 * 1024 * 1024
_BLANK = b" \t\v\f"
_EDGES = b',;|\t\r\n"'


@dataclass(frozen=True)
class Source:
    """What a pass over a file's bytes tells.

    Attributes:
        path: the file.
        sha256: its digest.
        size: its bytes.
        lines: how often its bytes end a line, an unended last line included.
        text: whether its bytes are the CSV file itself, not compressed or of another format.
        quotes: whether there is a double quote in it.
        padded: whether a blank may stand beside a field's edge.
    """

    path: Path
    sha256: str
    size: int
    lines: int
    text: bool
    quotes: bool
    padded: bool

    @property
    def plain(self) -> bool:
        """Whether every field is its own bytes: nothing to trim, nothing to unquote."""
        return self.text and not self.quotes and not self.padded

    def check(self, read: int) -> None:
        """Hold the rows that were read against the file's own lines, where a line is a row.

        Raises:
            RuntimeError: rows were lost or made up: a bug, in Sundbench or in DuckDB.
        """
        if not self.text or self.quotes or read == self.lines - 1:
            return
        lines = count_lines(self.path)
        if read != lines:
            raise RuntimeError(f"{self.path.name}: {read} rows were read of {lines}")


def digest_source(path: Path) -> Source:
    """Read a file once: its SHA-256, its lines, and whether its fields are plain."""
    digest = hashlib.sha256()
    text = path.suffix.lower() == ".csv"
    lines, quotes, padded, last = 0, False, False, b"\n"
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            if text:
                lines += piece.count(b"\n")
                quotes = quotes or b'"' in piece
                padded = padded or _padded(piece, last)
            last = piece[-1:]
    return Source(
        path,
        digest.hexdigest(),
        path.stat().st_size,
        lines + (last != b"\n"),
        text=text,
        quotes=quotes,
        padded=padded or last in {b" ", b"\t"},
    )


def _padded(piece: bytes, before: bytes) -> bool:
    """Whether a blank of any kind stands beside what may be a field's edge."""
    blanks = [bytes([blank]) for blank in _BLANK if blank in piece]
    if before.strip(_BLANK) == b"" or piece[:1].strip(_BLANK) == b"":
        return True
    edges = [bytes([edge]) for edge in _EDGES]
    return any(blank + edge in piece or edge + blank in piece for blank in blanks for edge in edges)
