import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from threading import Barrier, BrokenBarrierError, Event

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from sundbench.errors import PermitError
from sundbench.governance import database, people, permits
from sundbench.governance.models import PermitState, Role
from sundbench.governance.permit import parse

TEXT = """
id = "lung"
title = { da = "Lunge", en = "Lung" }
purpose = "To learn."
basis = "FSEID-1"
members = [{ user = "bo", role = "researcher" }]
period = { since = 2010-01-01, until = 2025-12-31 }
expires = 2030-12-31
population = { everyone = true }
registers.lmdb = { columns = ["eksd", "atc"] }
"""


def register(site, text: str = TEXT):
    with database.writing(site) as session:
        return permits.register(session, parse(text, "lung.toml"), text, "ann")


def test_a_first_registration(site):
    registered, changes = register(site)

    assert changes == ()
    assert registered.version == 1
    assert registered.text == TEXT
    assert registered.registered_by == "ann"
    with database.reading(site) as session:
        assert permits.current(session, "lung") == registered
        assert permits.every(session) == [registered]


def test_the_same_again_changes_nothing(site):
    register(site)

    registered, changes = register(site, TEXT + "# a comment\n")

    assert (registered.version, changes) == (1, ())
    assert registered.text == TEXT


def test_an_amendment_is_a_new_version_and_says_what_it_changes(site):
    register(site)
    amended = (
        TEXT.replace('"atc"]', '"vnr"], undated = true')
        .replace('"bo"', '"eva"')
        .replace("until = 2025-12-31", "until = 2026-12-31")
        .replace("To learn.", "To teach.")
        + 'registers.bef = { columns = ["koen"] }\n'
    )

    registered, changes = register(site, amended)

    assert registered.version == 2
    assert changes == (
        "+ bef.koen",
        "+ lmdb.vnr",
        "- lmdb.atc",
        "+ lmdb: rows without a date",
        "+ member eva (researcher)",
        "- member bo (researcher)",
        "- period 2010-01-01 to 2025-12-31",
        "+ period 2010-01-01 to 2026-12-31",
        "~ purpose",
    )
    with database.reading(site) as session:
        assert [version.text for version in permits.versions(session, "lung")] == [TEXT, amended]
        assert permits.current(session, "lung").permit == parse(amended, "")


def test_going_back_to_an_earlier_text_is_a_version_too(site):
    register(site)
    register(site, TEXT.replace('"atc"]', '"vnr"]'))

    registered, changes = register(site)

    assert registered.version == 3
    assert changes == ("+ lmdb.atc", "- lmdb.vnr")


def test_a_permit_registered_twice_at_once(site):
    database.upgrade(site)
    first_is_in, second_has_begun = Event(), Event()

    def first():
        with database.writing(site) as session:
            permits.register(session, parse(TEXT, "lung.toml"), TEXT, "ann")
            first_is_in.set()
            second_has_begun.wait(10)
            time.sleep(0.3)  # the second is at the insertion by now, or waits to begin

    def second() -> str:
        first_is_in.wait(10)
        second_has_begun.set()
        try:
            return f"version {register(site)[0].version}"
        except PermitError as error:
            return str(error)

    with ThreadPoolExecutor(2) as threads:
        done = threads.submit(first)
        said = threads.submit(second).result()
        done.result()

    again = "permit lung was registered by another process just now: try again to amend it"
    assert said in {"version 1", again}  # SQLite's writers wait before they look
    assert register(site)[0].version == 1


def test_an_active_permit_is_usable_to_its_last_day(site):
    register(site)

    with database.reading(site) as session:
        assert permits.usable(session, "lung", date(2030, 12, 31)).standing(date(2030, 12, 31)) == "active"
        with pytest.raises(PermitError, match=r"permit lung expired on 2030-12-31: register an amendment"):
            permits.usable(session, "lung", date(2031, 1, 1))


def test_a_closed_permit_is_closed_for_good(site):
    register(site)
    with database.writing(site) as session:
        permits.close(session, "lung", "it has ended", "ann")

    with database.reading(site) as session:
        closed = permits.current(session, "lung")
        assert (closed.state, closed.closed_why) == (PermitState.CLOSED, "it has ended")
        with pytest.raises(PermitError, match=r"permit lung is closed \(it has ended\)"):
            permits.usable(session, "lung", date(2020, 1, 1))
    with pytest.raises(PermitError, match="register the project under a new id"):
        register(site)
    with pytest.raises(PermitError, match="closed already"), database.writing(site) as session:
        permits.close(session, "lung", "again", "ann")


def test_an_unknown_permit_is_named_with_the_nearest(site):
    register(site)

    with database.reading(site) as session:
        with pytest.raises(PermitError, match="unknown permit lugn: did you mean lung"):
            permits.current(session, "lugn")
        with pytest.raises(PermitError, match="unknown permit xyz: `sundbench permit list`"):
            permits.current(session, "xyz")
        assert permits.versions(session, "xyz") == []


def test_people_and_their_roles(site):
    register(site)
    with database.writing(site) as session:
        people.add(session, "ann", "Ann Lind", [Role.STEWARD])
        people.add(session, "bo", "Bo Berg")
    with database.writing(site) as session:
        people.add(session, "ann", "Ann Lund", [Role.STEWARD, Role.REVIEWER])

    with database.reading(site) as session:
        assert [(person.user, person.name) for person in people.everyone(session)] == [
            ("ann", "Ann Lund"),
            ("bo", "Bo Berg"),
        ]
        assert people.roles(session, "ann") == {Role.STEWARD, Role.REVIEWER}
        assert people.roles(session, "bo") == set()
        assert people.roles(session, "bo", "lung") == {Role.RESEARCHER}
        people.require(session, "bo", Role.RESEARCHER, "lung")
        with pytest.raises(PermitError, match="bo is no reviewer in permit lung"):
            people.require(session, "bo", Role.REVIEWER, "lung")
        with pytest.raises(PermitError, match="nobody is no steward: ask"):
            people.require(session, "nobody", Role.STEWARD)


def test_a_person_added_twice_at_once(site, monkeypatch):
    database.upgrade(site)
    both_looked, get = Barrier(2), Session.get

    def looking(*args: object) -> object:
        found = get(*args)
        with suppress(BrokenBarrierError):  # SQLite's writers wait before they look
            both_looked.wait(0.5)
        return found

    def add(name: str) -> str:
        try:
            with database.writing(site) as session:
                people.add(session, "ann", name, [Role.STEWARD])
        except PermitError as error:
            return str(error)
        return "added"

    monkeypatch.setattr(Session, "get", looking)
    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(add, ["Ann Lind", "Ann Lund"]))

    again = "ann was added by another process just now: try again"
    on_sqlite = make_url(site.database_url).get_backend_name() == "sqlite"
    assert said == ["added", "added" if on_sqlite else again]
    with database.reading(site) as session:
        assert [one.roles for one in people.everyone(session)] == [{Role.STEWARD}]


def test_roles_can_be_taken_away(site):
    with database.writing(site) as session:
        people.add(session, "ann", "Ann Lind", [Role.STEWARD, Role.ADMIN])
    with database.writing(site) as session:
        people.add(session, "ann", "Ann Lind", [Role.STEWARD])

    with database.reading(site) as session:
        assert people.roles(session, "ann") == {Role.STEWARD}


def test_a_user_name_that_is_none(site):
    with pytest.raises(PermitError, match="is no user name"), database.writing(site) as session:
        people.add(session, "Ann Lind", "Ann Lind")


def test_who_runs_this(monkeypatch):
    monkeypatch.setenv("SUNDBENCH_USER", "eva")
    assert people.current_user() == "eva"
    monkeypatch.delenv("SUNDBENCH_USER")
    assert people.current_user()
