"""One record of the audit log: a line of JSON that holds the digest of the line before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What stands for the line before the first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recorded, before it has its place in the log.

    Attributes:
        actor: user name, or the program that did it.
        action: an `Action`.
        object: what it was done to.
        detail: what else should be known; JSON values.
        permit: the project.
        extract: digest of the project's extract.
    """

    actor: str
    action: str
    object: str
    detail: dict[str, Any] = field(default_factory=dict)
    permit: str | None = None
    extract: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log.

    Attributes:
        sequence: 1, 2, ... without gaps.
        time: when it was written, ISO 8601 in UTC with microseconds.
        actor, permit, extract: in whose name, for which project, over which extract (its digest).
        action: an `Action`.
        object: what it was done to.
        detail: what else should be known.
        previous: SHA-256 of the line before, without its newline.
    """

    sequence: int
    time: str
    actor: str
    permit: str | None
    extract: str | None
    action: str
    object: str
    detail: dict[str, Any]
    previous: str

    @property
    def at(self) -> datetime:
        """The moment, in UTC."""
        return datetime.fromisoformat(self.time)

    def line(self) -> bytes:
        """The line without its newline. Plain ASCII: no letter in it can fool a terminal.

        Raises:
            ValueError: the detail is nothing that JSON knows.
        """
        return json.dumps(asdict(self), separators=(",", ":"), allow_nan=False).encode("ascii")

    @classmethod
    def place(cls, entry: Entry, sequence: int, moment: datetime, previous: str) -> Record:
        """Give an entry its place."""
        return cls(
            sequence=sequence,
            time=stamp(moment),
            actor=entry.actor,
            permit=entry.permit,
            extract=entry.extract,
            action=entry.action,
            object=entry.object,
            detail=entry.detail,
            previous=previous,
        )

    @classmethod
    def parse(cls, line: bytes) -> Record:
        """Read a line, without its newline.

        Raises:
            ValueError: it is not spelled as `line` spells it.
        """
        try:
            record = cls(**json.loads(line))
            datetime.fromisoformat(record.time)
            spelled = record.line() if _typed(record) else b""
        except (TypeError, RecursionError, AttributeError) as error:
            raise ValueError("not a record") from error
        if spelled != line:
            raise ValueError("not a record as the writer spells it")
        return record


def _typed(record: Record) -> bool:
    texts = (record.time, record.actor, record.action, record.object, record.previous)
    return (
        type(record.sequence) is int
        and all(isinstance(text, str) for text in texts)
        and all(value is None or isinstance(value, str) for value in (record.permit, record.extract))
        and isinstance(record.detail, dict)
    )


def digest(line: bytes) -> str:
    """SHA-256 of a line without its newline, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


def stamp(moment: datetime) -> str:
    """A moment as records spell it: always with microseconds, so that stamps sort as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
