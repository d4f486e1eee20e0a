"""Where the log ends: what a writer goes on from, and what it may cut off."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sundbench import aside
from sundbench.governance.audit.record import GENESIS, Record, digest
from sundbench.governance.audit.segments import Segment, segments
from sundbench.governance.audit.statements import Statement


@dataclass(frozen=True)
class Torn:
    """What a writer that died left of records that it acknowledged to nobody.

    Attributes:
        segment: in which segment, always the last.
        offset: where the whole records end, in bytes.
        content: what follows there.
    """

    segment: Segment
    offset: int
    content: bytes


@dataclass(frozen=True)
class Ending:
    """How the log ends.

    Attributes:
        log: its id; empty where its beginning can't be read.
        sequence, digest, time: of the last whole record.
        at_anchor: the digest of the line at the sequence that was asked for; None where it is retired, or
            isn't there.
        torn: what may be cut off.
        damage: what no rule mends; empty where there is none.
    """

    log: str
    sequence: int
    digest: str
    time: datetime
    at_anchor: str | None
    torn: Torn | None
    damage: str


def find_ending(folder: Path, retired: Sequence[Statement], anchor: int) -> Ending:
    """Read the log's last segment, and those before that a given record is in.

    Args:
        folder: the log's.
        retired: statements of the segments that were removed.
        anchor: the sequence whose line's digest to find.
    """
    last = retired[-1] if retired else None
    there = [segment for segment in segments(folder) if last is None or segment.number > last.segment]
    log = last.log if last else _id(there)
    start = (last.sequence, last.digest, last.until) if last else (0, GENESIS, datetime.now(UTC))
    at_anchor = start[1] if anchor == start[0] else None
    tail = _needed(there, anchor)
    sequence, previous, time = start
    if tail and tail[0] != there[0]:  # its first record says how the segment before must have ended
        first = next(tail[0].lines(), (b"", False))[0]
        try:
            record = Record.parse(first)
        except ValueError:
            return Ending(
                log, 0, GENESIS, time, None, None, f"{tail[0].path.name} does not begin with a record"
            )
        sequence, previous = record.sequence - 1, record.previous
        if anchor == sequence:
            at_anchor = previous
    torn, damage = None, "" if log else "its first record is not there"
    for segment in tail:
        offset = 0
        for line, whole in segment.lines():
            try:
                record = _next(line, whole, sequence, previous)
            except ValueError:
                torn = _torn(segment, offset) if segment == there[-1] else None
                if torn is None:
                    damage = f"record {sequence + 1} in {segment.path.name} is not as it was written"
                return Ending(log, sequence, previous, time, at_anchor, torn, damage)
            sequence, previous, time = record.sequence, digest(line), record.at
            offset += len(line) + 1
            if sequence == anchor:
                at_anchor = previous
    return Ending(log, sequence, previous, time, at_anchor, torn, damage)


def cut_torn(folder: Path, torn: Torn) -> dict[str, Any]:
    """Cut off what a killed writer left, after it was put aside.

    Returns:
        What the log is to say of it.
    """
    kept = folder / f"torn-{torn.segment.number:06d}-{torn.offset}.bin"
    aside.write(kept, torn.content, mode=0o600, sync=True)
    with torn.segment.path.open("r+b") as file:
        file.truncate(torn.offset)
        os.fsync(file.fileno())
    sha256 = hashlib.sha256(torn.content).hexdigest()
    return {"offset": torn.offset, "bytes": len(torn.content), "sha256": sha256, "kept": kept.name}


def _next(line: bytes, whole: bool, sequence: int, previous: str) -> Record:
    """The record that follows a given one.

    Raises:
        ValueError: the line holds another, or none.
    """
    record = Record.parse(line)
    if not whole or (record.sequence, record.previous) != (sequence + 1, previous):
        raise ValueError(f"record {sequence + 1} does not follow the one before")
    return record


def _torn(segment: Segment, offset: int) -> Torn | None:
    """The rest of a segment, if it is what a killed process or a lost power leaves, and nothing else.

    A killed process leaves one line without its end. Lost power can leave pages of zeros, and lines behind
    them, of the one batch that was being written. Anything else was somebody's doing.
    """
    with segment.path.open("rb") as file:
        file.seek(offset)
        content = file.read()
    first, ended, _ = content.partition(b"\n")
    if not ended or b"\0" in first:
        return Torn(segment, offset, content)
    return None


def _id(there: Sequence[Segment]) -> str:
    """The log's id: its first record's object."""
    if not there or there[0].number != 1:
        return ""
    line, whole = next(there[0].lines(), (b"", False))
    try:
        return Record.parse(line).object if whole else ""
    except ValueError:
        return ""


def _needed(there: Sequence[Segment], anchor: int) -> list[Segment]:
    """The last segments, as many as hold a record and the record of a given sequence."""
    needed: list[Segment] = []
    for segment in reversed(there):
        needed.insert(0, segment)
        line, whole = next(segment.lines(), (b"", False))
        try:
            if whole and Record.parse(line).sequence - 1 <= anchor:
                break
        except ValueError:
            break
    return needed
