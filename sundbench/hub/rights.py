"""What each person may do in the hub, as governance's database has it at this moment.

JupyterHub knows roles (bundles of scopes) and groups (people who hold a role). The roles here are fixed; who
is in which group follows from governance: `groups` is asked at every log-in, at every refresh and by the
watch (`sundbench.hub.permits_watch`), so that the hub never has an opinion of its own.

Nobody holds JupyterHub's own role ``admin``: it could open every researcher's server and mint tokens for
them. Nor does anybody hold ``self``, with which one mints tokens for oneself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sundbench.governance import database, permits
from sundbench.governance.models import Person, Role
from sundbench.governance.permits import Registered
from sundbench.hub.refusal import Refused
from sundbench.site import Site

WORKS = frozenset({Role.RESEARCHER.value, Role.ANALYST.value})
"""The roles in a permit that a server may be started with."""

MEMBERS = "project-members"
POLICYMAKERS = "policymakers"
ADMINISTRATORS = "administrators"
DASHBOARDS = "dashboards"
"""The name of the service that shows released results; it is given to the hub by a profile."""


def roles(services: Iterable[str] = ()) -> list[dict[str, Any]]:
    """JupyterHub's ``load_roles``: every scope that any person of the site can hold.

    Args:
        services: the names of the hub's services; the role of policymakers names only one that is there.
    """
    reads = [f"access:services!service={DASHBOARDS}"] if DASHBOARDS in set(services) else []
    return [
        {"name": "user", "description": "To be known to the hub", "scopes": ["read:users!user"]},
        {
            "name": "project-member",
            "description": "To start, open and stop one's own servers",
            # Without users:activity a server can't say that it is in use, and is culled.
            "scopes": ["servers!user", "access:servers!user", "users:activity!user"],
            "groups": [MEMBERS],
        },
        {
            "name": "policymaker",
            "description": "To read dashboards",
            "scopes": ["read:users!user", *reads],
            "groups": [POLICYMAKERS],
        },
        {
            "name": "administrator",
            "description": "To see who works, and to stop a server; not to open one",
            "scopes": [
                *("admin-ui", "list:users", "read:users", "read:servers", "delete:servers", "read:hub"),
                "read:metrics",
            ],
            "groups": [ADMINISTRATORS],
        },
        {"name": "admin", "users": [], "services": []},
    ]


@dataclass(frozen=True)
class Project:
    """A permit, as one of its members meets it.

    Attributes:
        id: the permit's, and the server's name.
        title: by language, ``da`` and ``en``.
        roles: what the user is in it.
        standing: ``active``, ``expired`` or ``closed``.
        expires: the last day on which it may be used.
        works: whether the user may start a server for it today.
    """

    id: str
    title: Mapping[str, str]
    roles: tuple[str, ...]
    standing: str
    expires: date
    works: bool


@dataclass(frozen=True)
class Standing:
    """Who may do what, read at one moment in one transaction.

    Attributes:
        people: roles on the whole site, by user.
        permits: every permit.
        today: the day by which permits were judged.
    """

    people: Mapping[str, frozenset[Role]]
    permits: tuple[Registered, ...]
    today: date

    def knows(self, user: str) -> bool:
        """Whether governance knows the user at all."""
        return user in self.people or any(one.permit.roles(user) for one in self.permits)

    def projects(self, user: str) -> tuple[Project, ...]:
        """The user's permits: those in use first, then by name."""
        found = [self._project(one, user) for one in self.permits if one.permit.roles(user)]
        return tuple(sorted(found, key=lambda project: (project.standing != "active", project.id)))

    def may_work(self, user: str, permit: str) -> bool:
        """Whether the user may have a server for the permit today."""
        return any(project.works for project in self.projects(user) if project.id == permit)

    def scope(self, permit: str) -> str | None:
        """What data a permit gives, as `Permit.scope` digests it; None where there is no such permit."""
        found = self._registered(permit)
        return found.permit.scope if found else None

    def digest(self, permit: str) -> str | None:
        """The digest under which a permit's text was registered last; None where there is no such permit."""
        found = self._registered(permit)
        return found.digest if found else None

    def over(self, permit: str) -> str | None:
        """Why nothing may be done under a permit any more; None while it holds."""
        found = self._registered(permit)
        standing = found.standing(self.today) if found else "unknown"
        return None if standing == "active" else f"permit {standing}"

    def _registered(self, permit: str) -> Registered | None:
        return next((one for one in self.permits if one.permit.id == permit), None)

    def groups(self, user: str) -> frozenset[str]:
        """The hub's groups that the user belongs to."""
        held = self.people.get(user, frozenset())
        working = [project.id for project in self.projects(user) if project.works]
        reads = Role.POLICYMAKER in held or any(
            Role.POLICYMAKER.value in project.roles and project.standing == "active"
            for project in self.projects(user)
        )
        return frozenset(
            [f"permit-{permit}" for permit in working]
            + [MEMBERS] * bool(working)
            + [POLICYMAKERS] * reads
            + [ADMINISTRATORS] * (Role.ADMIN in held)
        )

    def _project(self, registered: Registered, user: str) -> Project:
        permit = registered.permit
        standing = registered.standing(self.today)
        held = permit.roles(user)
        return Project(
            id=permit.id,
            title={"da": permit.title.da, "en": permit.title.en},
            roles=tuple(sorted(held)),
            standing=standing,
            expires=permit.expires,
            works=standing == "active" and bool(held & WORKS),
        )


def standing(site: Site) -> Standing:
    """Read who may do what.

    Raises:
        DatabaseError: governance's database can't be read.
    """
    with database.reading(site) as session:
        return _read(session)


def _read(session: Session) -> Standing:
    return Standing(
        people={person.user: person.roles for person in session.scalars(select(Person))},
        permits=tuple(permits.every(session)),
        today=permits.today(),
    )


def require_work(site: Site, user: str, permit: str) -> Registered:
    """The permit, if the user may have a server for it today.

    Raises:
        Refused: no permit was named, no such permit, not a member, a member who doesn't analyse, expired or
            closed. A permit that the user is no member of is refused in the same words as one that isn't
            there.
    """
    if not permit:
        raise Refused(
            "default-server",
            da="En server hører til et projekt. Vælg et af dine projekter.",
            en="A server belongs to a project. Choose one of your projects.",
        )
    now = standing(site)
    project = next((one for one in now.projects(user) if one.id == permit), None)
    if project is None:
        raise Refused(
            "not-a-member",
            da="Projektet findes ikke, eller du er ikke medlem af det. Spørg projektets ansvarlige.",
            en="There is no such project, or you are not a member of it. Ask the project's steward.",
        )
    if project.standing == "closed":
        raise Refused(
            "closed",
            da="Projektets tilladelse er lukket: der kan ikke arbejdes i det mere.",
            en="The project's permit is closed: no more work can be done in it.",
        )
    if project.standing == "expired":
        raise Refused(
            "expired",
            da=f"Projektets tilladelse udløb {project.expires:%d.%m.%Y}. Spørg projektets ansvarlige.",
            en=f"The project's permit expired on {project.expires}. Ask the project's steward to extend it.",
        )
    if not project.works:
        raise Refused(
            "no-analyst",
            da="Du er hverken forsker eller analytiker i projektet: du kan ikke starte en server i det.",
            en="You are neither researcher nor analyst in the project: you can't start a server in it.",
        )
    return next(one for one in now.permits if one.permit.id == permit)
