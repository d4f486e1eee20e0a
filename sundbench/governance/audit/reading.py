"""Reading the log: whose records, of which project, of what kind, since when."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TextIO

from sundbench.errors import AuditError
from sundbench.governance.audit.record import Record
from sundbench.governance.audit.segments import segments
from sundbench.site import Site


@dataclass(frozen=True)
class Filter:
    """Which records are wanted; what is None wants all.

    Attributes:
        user: the actor.
        project: the permit's id.
        action: an `Action`, or its beginning: ``kernel`` wants all that begin with ``kernel.``.
        since: from this moment on.
        until: before this moment.
    """

    user: str | None = None
    project: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def wants(self, record: Record) -> bool:
        """Whether a record is wanted."""
        return (
            (self.user is None or record.actor == self.user)
            and (self.project is None or record.permit == self.project)
            and (self.action is None or f"{record.action}.".startswith(f"{self.action}."))
            and (self.since is None or record.at >= self.since)
            and (self.until is None or record.at < self.until)
        )


def read(site: Site, wanted: Filter) -> Iterator[Record]:
    """The records that are wanted, oldest first. They are not verified.

    Raises:
        AuditError: a line is no record.
    """
    for segment in segments(site.audit):
        for line, whole in segment.lines():
            if not whole:
                return
            try:
                record = Record.parse(line)
            except ValueError:
                raise AuditError(
                    f"{segment.path.name} holds a line that is no record: run `sundbench audit verify`"
                ) from None
            if wanted.wants(record):
                yield record


def write_jsonl(records: Iterable[Record], file: TextIO) -> int:
    """Write records as they stand in the log, one line each.

    Returns:
        How many.
    """
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007 - it is the result
        file.write(record.line().decode("ascii") + "\n")
    return count


def write_csv(records: Iterable[Record], file: TextIO) -> int:
    """Write records as a table, the detail as JSON.

    A cell that a spreadsheet would take for a formula gets an apostrophe in front.

    Returns:
        How many.
    """
    table = csv.writer(file, lineterminator="\n")
    table.writerow(field.name for field in fields(Record))
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007
        row = asdict(record) | {"detail": json.dumps(record.detail, ensure_ascii=False)}
        table.writerow(_cell(value) for value in row.values())
    return count


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
