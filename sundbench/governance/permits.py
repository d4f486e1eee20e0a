"""The permits that were registered: first texts, amendments, closing; and whether one may be used today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sundbench.errors import PermitError
from sundbench.governance.models import PermitRecord, PermitState, PermitVersion, now
from sundbench.governance.permit import Permit, parse

_DENMARK = ZoneInfo("Europe/Copenhagen")


def today() -> date:
    """The day by which permits expire: Denmark's, wherever the machine's clock thinks it is."""
    return now().astimezone(_DENMARK).date()


def end_of(expires: date) -> datetime:
    """The moment at which a permit's last day is over."""
    return datetime.combine(expires + timedelta(days=1), time(), _DENMARK)


@dataclass(frozen=True)
class Registered:
    """A permit as it stands: its last version, and what became of it.

    Attributes:
        permit: what the last version says.
        version: 1 for the first text, 2 for the first amendment, ...
        digest: the digest under which that version was registered.
        text: its TOML.
        registered_by, registered_at: who and when.
        state: active or closed.
        closed_why: why it was closed.
    """

    permit: Permit
    version: int
    digest: str
    text: str
    registered_by: str
    registered_at: datetime
    state: PermitState
    closed_why: str | None

    def standing(self, today: date) -> str:
        """``active``, ``expired`` or ``closed`` on a day."""
        if self.state is PermitState.CLOSED:
            return "closed"
        return "expired" if today > self.permit.expires else "active"


def register(session: Session, permit: Permit, text: str, by: str) -> tuple[Registered, tuple[str, ...]]:
    """Register a permit, or an amendment of one that is there.

    Args:
        session: one that writes.
        permit: a permit that `permit.check` has passed.
        text: the TOML it was read from.
        by: user name of who registers it.

    Returns:
        The permit as it stands now, and what an amendment adds (``+ ...``) and drops (``- ...``): empty for a
        first registration, and for a text that says what the permit says already (nothing is written then).

    Raises:
        PermitError: the permit was closed, or another process registers it for the first time just now.
    """
    record = session.get(PermitRecord, permit.id, with_for_update=True)
    if record is None:
        record = PermitRecord(id=permit.id, state=PermitState.ACTIVE.value, versions=[])
        session.add(record)
    if record.state == PermitState.CLOSED:
        raise PermitError(
            f"permit {permit.id} was closed ({record.closed_why}): register the project under a new id"
        )
    changes: tuple[str, ...] = ()
    if record.versions:
        before = record.versions[-1]
        if before.digest == permit.digest:
            return _registered(record), ()
        changes = amendment(parse(before.text, f"permit {permit.id}"), permit)
    record.versions.append(
        PermitVersion(
            version=len(record.versions) + 1,
            digest=permit.digest,
            text=text,
            registered_by=by,
            registered_at=now(),
        )
    )
    try:
        session.flush()
    except IntegrityError:  # there was no row yet by which to wait for each other
        raise PermitError(
            f"permit {permit.id} was registered by another process just now: try again to amend it"
        ) from None
    return _registered(record), changes


def amendment(before: Permit, after: Permit) -> tuple[str, ...]:
    """What an amended permit adds and drops, one line each."""
    lines = []
    for name in sorted({*before.registers, *after.registers}):
        old = set(before.registers[name].columns) if name in before.registers else set()
        new = set(after.registers[name].columns) if name in after.registers else set()
        lines += [f"+ {name}.{column}" for column in sorted(new - old)]
        lines += [f"- {name}.{column}" for column in sorted(old - new)]
        if name in before.registers and name in after.registers:
            undated = after.registers[name].undated
            if before.registers[name].undated != undated:
                lines.append(f"{'+' if undated else '-'} {name}: rows without a date")
    old_members = {f"{member.user} ({member.role})" for member in before.members}
    new_members = {f"{member.user} ({member.role})" for member in after.members}
    lines += [f"+ member {member}" for member in sorted(new_members - old_members)]
    lines += [f"- member {member}" for member in sorted(old_members - new_members)]
    for field, old_value, new_value in (
        ("period", before.period, after.period),
        ("expires", before.expires, after.expires),
        ("disclosure", before.disclosure, after.disclosure),
    ):
        if old_value != new_value:
            lines += [f"- {field} {old_value}", f"+ {field} {new_value}"]
    for field in ("title", "purpose", "basis", "population", "note"):
        if getattr(before, field) != getattr(after, field):
            lines.append(f"~ {field}")
    return tuple(lines)


def current(session: Session, permit_id: str) -> Registered:
    """A permit as it stands, whatever its state.

    Raises:
        PermitError: no permit of that id; names the nearest.
    """
    record = session.get(PermitRecord, permit_id)
    if record is None:
        nearest = get_close_matches(permit_id, session.scalars(select(PermitRecord.id)).all(), 1)
        hint = f"did you mean {nearest[0]}?" if nearest else "`sundbench permit list` shows those there are"
        raise PermitError(f"unknown permit {permit_id}: {hint}")
    return _registered(record)


def usable(session: Session, permit_id: str, today: date) -> Registered:
    """A permit that may be used on a day.

    Raises:
        PermitError: unknown, closed or expired.
    """
    registered = current(session, permit_id)
    standing = registered.standing(today)
    if standing == "closed":
        raise PermitError(
            f"permit {permit_id} is closed ({registered.closed_why}): it gives nothing any more"
        )
    if standing == "expired":
        raise PermitError(
            f"permit {permit_id} expired on {registered.permit.expires}: "
            "register an amendment with a later date"
        )
    return registered


def every(session: Session) -> list[Registered]:
    """All permits that can be read, as they stand, by id; `unreadable` tells the others."""
    return [found for found in _all(session) if isinstance(found, Registered)]


def active(session: Session, today: date) -> list[str]:
    """The ids of the permits under which work may be done today."""
    return [one.permit.id for one in every(session) if one.standing(today) == "active"]


def unreadable(session: Session) -> dict[str, str]:
    """Permits whose stored text this version of Sundbench can't read, by id, with what is wrong with it."""
    return {found[0]: found[1] for found in _all(session) if not isinstance(found, Registered)}


def _all(session: Session) -> Iterator[Registered | tuple[str, str]]:
    for record in session.scalars(select(PermitRecord).order_by(PermitRecord.id)):
        try:
            yield _registered(record)
        except PermitError as error:
            yield record.id, str(error)


def versions(session: Session, permit_id: str) -> list[PermitVersion]:
    """Every registered text of a permit, oldest first; empty for an unknown one."""
    record = session.get(PermitRecord, permit_id)
    return list(record.versions) if record else []


def close(session: Session, permit_id: str, why: str, by: str) -> None:
    """Close a permit for good.

    Raises:
        PermitError: unknown, or closed already.
    """
    if current(session, permit_id).state is PermitState.CLOSED:
        raise PermitError(f"permit {permit_id} is closed already")
    record = session.get_one(PermitRecord, permit_id)
    record.state = PermitState.CLOSED.value
    record.closed_at, record.closed_by, record.closed_why = now(), by, why


def _registered(record: PermitRecord) -> Registered:
    last = record.versions[-1]
    return Registered(
        permit=parse(last.text, f"permit {record.id}"),
        version=last.version,
        digest=last.digest,
        text=last.text,
        registered_by=last.registered_by,
        registered_at=last.registered_at,
        state=PermitState(record.state),
        closed_why=record.closed_why,
    )
