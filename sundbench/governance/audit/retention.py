"""How long records are kept, and how the oldest segments go: a signed statement keeps the chain whole."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from sundbench import aside
from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.heads import signer
from sundbench.governance.audit.log import Log
from sundbench.governance.audit.record import GENESIS, Entry, Record, digest
from sundbench.governance.audit.segments import Segment, segments
from sundbench.governance.audit.statements import Statement, statements
from sundbench.site import Site

KEPT_MONTHS = 13
"""Nothing younger is ever removed."""


def months_later(moment: datetime, months: int) -> datetime:
    """The same day and hour some months later, or the first of the month after where there is no such day."""
    year, month = divmod(moment.month - 1 + months, 12)
    try:
        return moment.replace(year=moment.year + year, month=month + 1)
    except ValueError:
        year, month = divmod(moment.month + months, 12)
        return moment.replace(year=moment.year + year, month=month + 1, day=1)


def retire(
    site: Site, log: Log, by: str, *, now: datetime | None = None, months: int = KEPT_MONTHS
) -> list[Statement]:
    """Remove the oldest segments of which every record is old enough; never the last one.

    Args:
        site: the installation.
        log: the log, open.
        by: who asks.
        now: the present, for tests.
        months: how long to keep records; never less than `KEPT_MONTHS`.

    Returns:
        What was removed, oldest first.

    Raises:
        AuditError: a segment isn't as it was written: then nothing is removed from there on.
    """
    if months < KEPT_MONTHS:
        raise AuditError(f"audit records are kept for {KEPT_MONTHS} months at least, not {months}")
    present = now or datetime.now(UTC)
    done = statements(log.folder, signer(site))
    removed: list[Statement] = []
    for segment in segments(log.folder)[:-1]:
        if done and segment.number <= done[-1].segment:
            segment.path.unlink()  # an earlier retirement died between the statement and this
            continue
        statement = _statement(log, segment, done[-1] if done else None, present, by)
        if months_later(statement.until, months) > present:
            break
        # In this order: whatever happens in between, the chain can be followed.
        aside.write(log.folder / statement.name, statement.signed(signer(site)), mode=0o600, sync=True)
        detail = {
            name: value
            for name, value in statement.content().items()
            if name in {"first", "sequence", "since", "until", "sha256"}
        }
        log.append([Entry(by, Action.AUDIT_RETIRE, segment.path.name, detail)])
        log.anchor()
        segment.path.unlink()
        done.append(statement)
        removed.append(statement)
    aside.sync_folder(log.folder)
    return removed


def _statement(log: Log, segment: Segment, before: Statement | None, present: datetime, by: str) -> Statement:
    """What a segment is, seen to follow the one before.

    Raises:
        AuditError: it doesn't, or isn't as it was written.
    """
    first = sequence = (before.sequence if before else 0) + 1
    previous = start = before.digest if before else GENESIS
    content = hashlib.sha256()
    since = until = present
    for line, whole in segment.lines():
        try:
            record = Record.parse(line)
        except ValueError:
            record = None
        if record is None or not whole or (record.sequence, record.previous) != (sequence, previous):
            raise AuditError(
                f"{segment.path.name}: record {sequence} is not as it was written, so it must stay: "
                "run `sundbench audit verify`"
            )
        since = record.at if sequence == first else since
        until = record.at if sequence == first else max(until, record.at)
        sequence, previous = sequence + 1, digest(line)
        content.update(line + b"\n")
    return Statement(
        log=log.id,
        segment=segment.number,
        first=first,
        sequence=sequence - 1,
        previous=start,
        digest=previous,
        since=since,
        until=until,
        sha256=content.hexdigest(),
        retired=present,
        by=by,
    )
