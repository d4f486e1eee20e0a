"""Those who work with Sundbench, and what each may do: on the whole site, or in one permit."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sundbench.errors import PermitError
from sundbench.governance import permits
from sundbench.governance.models import Person, PersonRole, Role

_USER = re.compile(r"[a-z][a-z0-9._-]{0,63}")


def current_user() -> str:
    """Who runs this process: ``SUNDBENCH_USER`` where it is set, else the login name."""
    return os.environ.get("SUNDBENCH_USER") or getpass.getuser()


def add(session: Session, user: str, name: str, roles: Iterable[Role] = ()) -> Person:
    """Add a person, or change the name and roles of one who is there.

    Args:
        session: one that writes.
        user: user name: a lower case letter, then letters, digits, ``.``, ``_`` or ``-``.
        name: full name.
        roles: the roles on the whole site from now on.

    Raises:
        PermitError: not a user name, or another process adds the person just now.
    """
    if not _USER.fullmatch(user):
        raise PermitError(f"{user!r} is no user name: use lower case letters, digits, dots and hyphens")
    person = session.get(Person, user)
    if person is None:
        person = Person(user=user, name=name)
        session.add(person)
    person.name = name
    wanted = set(roles)
    person.granted = [
        *(grant for grant in person.granted if Role(grant.role) in wanted),
        *(PersonRole(role=role.value) for role in sorted(wanted - person.roles)),
    ]
    try:
        session.flush()
    except IntegrityError:  # there was no row yet by which to wait for each other
        raise PermitError(f"{user} was added by another process just now: try again") from None
    return person


def everyone(session: Session) -> list[Person]:
    """All people, by user name."""
    return list(session.scalars(select(Person).order_by(Person.user)))


def roles(session: Session, user: str, permit_id: str | None = None) -> frozenset[Role]:
    """What a user may do: on the whole site and, where a permit is named, as its member.

    Raises:
        PermitError: no permit of that id.
    """
    person = session.get(Person, user)
    held = set(person.roles) if person else set()
    if permit_id is not None:
        held |= {Role(role) for role in permits.current(session, permit_id).permit.roles(user)}
    return frozenset(held)


def require_once_held(session: Session, user: str, *wanted: Role) -> None:
    """Refuse a user who has none of some roles on the whole site, as soon as anybody has one of them.

    An installation begins with nobody registered: until the first person gets such a role, whoever runs it
    may do that role's work.

    Raises:
        PermitError: somebody has one of the roles, and this user has none.
    """
    named = [role.value for role in wanted]
    held = set(session.scalars(select(PersonRole.user).where(PersonRole.role.in_(named))))
    if held and user not in held:
        raise PermitError(f"{user} is no {' or '.join(named)}: ask {' or '.join(sorted(held)[:3])}")


def require(session: Session, user: str, role: Role, permit_id: str | None = None) -> None:
    """Refuse a user who lacks a role.

    Raises:
        PermitError: says which role is needed, and where.
    """
    if role not in roles(session, user, permit_id):
        where = f" in permit {permit_id}" if permit_id else ""
        raise PermitError(f"{user} is no {role.value}{where}: ask the steward for that role")
