"""The databases from one version to the next, and from SQLite to PostgreSQL, with what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub import orm
from sqlalchemy import create_engine, inspect, text

from sundbench.errors import HubError
from sundbench.governance import database, people, permits
from sundbench.hub import schema
from sundbench.hub.backup import databases
from sundbench.hub.supervisor import loop, notes
from sundbench.hub.supervisor.table import Process
from sundbench.site import Site
from tests.hub.installation import make_site
from tests.postgresql import Cluster

_OLDER = "be8ecf03ddac"
"""JupyterHub 4's schema, three steps ago."""

_ADDED = (
    ("spawners", "display_name"),
    ("users", "user_info"),
    ("oauth_codes", "code_challenge"),
    ("oauth_codes", "code_challenge_method"),
)


def silent(_: str) -> None:
    pass


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An installation whose hub's database is in SQLite, with somebody logged in."""
    made = make_site(tmp_path / "home")
    session = orm.new_session_factory(hub_url(made))()
    session.add(orm.User(name="rikke", id=7))
    session.commit()
    session.get_bind().dispose()
    return made


def hub_url(site: Site) -> str:
    return f"sqlite:///{site.hub / 'jupyterhub.sqlite'}"


def older(url: str) -> None:
    """Make JupyterHub's database what an older version left."""
    engine = create_engine(databases.driver(url))
    with engine.begin() as connection:
        for table, column in _ADDED:
            connection.execute(text(f"alter table {table} drop column {column}"))
        connection.execute(text("update alembic_version set version_num = :older"), {"older": _OLDER})
    engine.dispose()


def revision(url: str) -> str:
    engine = create_engine(databases.driver(url))
    with engine.connect() as connection:
        found = str(connection.execute(text("select version_num from alembic_version")).scalar_one())
    engine.dispose()
    return found


def users(url: str) -> list[str]:
    engine = create_engine(databases.driver(url))
    with engine.connect() as connection:
        found = list(connection.execute(text("select name from users order by id")).scalars())
    engine.dispose()
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest, site: Site, postgresql: Cluster) -> Iterator[str]:
    """The URL of the hub's database, in both kinds."""
    if request.param == "sqlite":
        yield hub_url(site)
        return
    url = postgresql.create(f"hub_{os.urandom(4).hex()}")
    schema.move(site, None, url, silent)
    settings = site.hub / "settings.toml"
    settings.write_text(settings.read_text() + f'[database]\nhub = "{url.replace("+psycopg", "")}"\n')
    yield url


def test_an_older_hub_s_database_comes_to_this_version_s_schema(site: Site, hub: str):
    newest = revision(hub)
    older(hub)
    schema.upgrade(site, silent)
    assert revision(hub) == newest
    assert users(hub) == ["rikke"]
    schema.upgrade(site, silent)
    kept = list(site.hub.glob("jupyterhub.sqlite.2*"))
    assert len(kept) == (1 if databases.kind(hub) == "sqlite" else 0)
    assert all(revision(f"sqlite:///{file}") == _OLDER for file in kept), "as it was"


def test_it_stays_the_hub_s_own_file(site: Site):
    file = site.hub / "jupyterhub.sqlite"
    hub = (65534, 65534) if os.geteuid() == 0 else (os.getuid(), os.getgid())  # root may do it for the hub
    older(hub_url(site))
    os.chown(file, *hub)
    file.chmod(0o600)
    schema.upgrade(site, silent)
    there = file.stat()
    assert revision(hub_url(site)) != _OLDER
    assert (there.st_uid, there.st_gid, there.st_mode & 0o777) == (*hub, 0o600)


def test_one_that_is_interrupted_half_way_is_as_it_was(site: Site, hub: str):
    """The last step fails, behind two that succeeded."""
    older(hub)
    engine = create_engine(databases.driver(hub))
    with engine.begin() as connection:  # what the last step adds is there already
        connection.execute(text("alter table spawners add column display_name varchar(10)"))
    with pytest.raises(HubError, match="can't be upgraded, and is as it was"):
        schema.upgrade(site, silent)
    assert revision(hub) == _OLDER
    assert "user_info" not in {one["name"] for one in inspect(engine).get_columns("users")}
    engine.dispose()
    assert not list(site.hub.glob(".jupyterhub*"))


def test_an_installation_moves_to_postgresql(site: Site, postgresql: Cluster):
    governance, hub = postgresql.create("moved"), postgresql.create("moved_hub")
    schema.move(site, governance, hub, silent)

    moved = Site(site.root, governance)
    with database.reading(site) as old, database.reading(moved) as new:
        assert [one.user for one in people.everyone(new)] == [one.user for one in people.everyone(old)]
        assert [one.digest for one in permits.every(new)] == [one.digest for one in permits.every(old)]
    session = orm.new_session_factory(str(databases.driver(hub)))()
    session.add(orm.User(name="vera"))
    session.commit()
    session.get_bind().dispose()
    assert users(hub) == ["rikke", "vera"], "its numbers go on behind those that came over"
    with pytest.raises(HubError, match="has tables already"):
        schema.move(site, governance, None, silent)


def test_a_move_that_fails_leaves_nothing(site: Site, postgresql: Cluster):
    """A name that PostgreSQL has no room for, which SQLite never minded."""
    url = postgresql.create("not_moved")
    session = orm.new_session_factory(hub_url(site))()
    session.add(orm.User(name="x" * 300))
    session.commit()
    session.get_bind().dispose()
    with pytest.raises(HubError, match="can't be moved"):
        schema.move(site, None, url, silent)
    databases.require_ready("postgresql", url)


def test_neither_is_done_under_a_hub_that_runs(site: Site):
    own = Process.of(os.getpid())
    assert own is not None
    notes.write(site, notes.Notes(version="0", supervisor=own, since="", ready=True, url="", programs={}))
    with pytest.raises(HubError, match=r"the hub is up: sundbench hub stop --leave-servers"):
        schema.upgrade(site, silent)


def test_a_hub_that_starts_while_it_is_done_is_refused_and_the_other_way_round(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    upgrade = database.upgrade
    said = []

    def meanwhile(which: Site) -> None:
        with pytest.raises(HubError, match="its hub is up already"), loop.alone(site):
            pass
        with pytest.raises(HubError, match="the hub is up"):
            schema.upgrade(site, silent)
        upgrade(which)
        said.append("upgraded")

    monkeypatch.setattr(database, "upgrade", meanwhile)
    schema.upgrade(site, silent)
    assert said == ["upgraded"]
    with loop.alone(site), pytest.raises(HubError, match="the hub is up"):
        schema.upgrade(site, silent)


def test_root_leaves_the_hub_its_lock(site: Site):
    hub = (65534, 65534) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(site.hub, *hub)
    schema.upgrade(site, silent)
    lock = (site.hub / loop.LOCK).stat()
    assert (lock.st_uid, lock.st_gid, lock.st_mode & 0o777) == (*hub, 0o600)
