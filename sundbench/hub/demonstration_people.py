"""The demonstration's people, and their passwords of this installation."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sundbench import aside
from sundbench.governance import database, people
from sundbench.governance.models import Role
from sundbench.hub import passwords
from sundbench.hub.runtime import private
from sundbench.site import Site

_CHANGED = "(changed)"


@dataclass(frozen=True)
class Somebody:
    """One of the demonstration's people; what they may do in projects stands in the permits.

    Attributes:
        name: full name.
        can: what to try as them.
        roles: on the whole site.
    """

    name: str
    can: str
    roles: tuple[Role, ...] = ()


PEOPLE = {
    "anna": Somebody("Anna Holm", "researcher in lung-cancer"),
    "mikkel": Somebody("Mikkel Sørensen", "researcher in lung-cancer and blood-thinners"),
    "freja": Somebody("Freja Kjær", "researcher in blood-thinners"),
    "sofie": Somebody("Sofie Bech", "analyst in lung-cancer"),
    "rikke": Somebody("Rikke Friis", "reviewer of outputs", (Role.REVIEWER,)),
    "jens": Somebody("Jens Lund", "reviewer of outputs", (Role.REVIEWER,)),
    "karen": Somebody("Karen Østergaard", "steward of data and permits", (Role.STEWARD,)),
    "henrik": Somebody("Henrik Dahl", "policymaker: reads dashboards", (Role.POLICYMAKER,)),
    "ida": Somebody("Ida Winther", "administrator of the hub", (Role.ADMIN,)),
}


@dataclass(frozen=True)
class Account:
    """Who can log in.

    Attributes:
        user, password: what to type; the password reads ``(changed)`` where it is no longer the drawn one.
        name: full name.
        can: what to try as them.
    """

    user: str
    password: str
    name: str
    can: str


def add_people(site: Site) -> list[Account]:
    """Add those who are missing, with a password; everybody who can log in."""
    with database.writing(site) as session:
        there = {person.user for person in people.everyone(session)}
        for user, somebody in PEOPLE.items():
            if user not in there:
                people.add(session, user, somebody.name, somebody.roles)
    file = private(site.hub) / "demonstration.json"
    drawn: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    new = {user: passwords.generate() for user in PEOPLE if user not in drawn}
    if new:
        # Written first: a password that was set and not written down would be lost.
        aside.write(file, json.dumps(drawn | new, indent=1), mode=0o600)
    for user in PEOPLE.keys() - passwords.users(site):
        passwords.put(site, user, (drawn | new)[user])
    accounts = []
    for user, somebody in PEOPLE.items():
        known = (drawn | new)[user]
        shown = known if passwords.check(site, user, known) else _CHANGED
        accounts.append(Account(user, shown, somebody.name, somebody.can))
    return accounts
