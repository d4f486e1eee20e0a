import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import IntegrityError

from sundbench.errors import DatabaseError
from sundbench.governance import database
from sundbench.governance.models import (
    Base,
    Decision,
    PermitRecord,
    PermitVersion,
    Person,
    PersonRole,
    Release,
    ReleaseState,
    Role,
    Vote,
)
from sundbench.site import Site


def test_an_empty_database_gets_its_tables(site):
    database.upgrade(site)
    database.upgrade(site)

    engine = create_engine(site.database_url)
    assert {*Base.metadata.tables} < {*inspect(engine).get_table_names()}
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_models_say(site):
    database.upgrade(site)

    engine = create_engine(site.database_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert differences == []


@pytest.fixture
def at_once(monkeypatch):
    """Upgrade by four threads, each of which has seen the old schema before any of them changes it."""
    look = database._is_behind

    def upgrade(site: Site, *, one_by_one: bool = False) -> None:
        all_saw, turn = threading.Barrier(4), threading.Lock()
        here = threading.local()

        def looking(connection: Connection, shown: str) -> bool:
            behind = look(connection, shown)
            if not hasattr(here, "saw"):
                here.saw = behind
                all_saw.wait(60)
                if one_by_one:
                    here.until_the_end.enter_context(turn)
            return behind

        def run(_: int) -> bool:
            with ExitStack() as here.until_the_end:
                database.upgrade(site)
            return here.saw

        monkeypatch.setattr(database, "_is_behind", looking)
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(run, range(4))) == [True] * 4

    return upgrade


@pytest.mark.parametrize("one_by_one", [False, True])
def test_upgrades_of_an_empty_database_at_once(site, at_once, one_by_one):
    at_once(site, one_by_one=one_by_one)

    assert _look(site)[0] == "0001"
    assert _beside(site) == []


def test_a_new_file_that_another_is_writing_to_is_waited_for(tmp_path, monkeypatch):
    file = tmp_path / "sundbench.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        waits = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                other.execute("commit")

        monkeypatch.setattr(database.time, "sleep", wait)
        database.upgrade(Site(tmp_path, f"sqlite:///{file}"))
        assert len(waits) == 2
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_database_of_a_newer_version_is_refused(site):
    with database.writing(site) as session:
        session.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(DatabaseError, match=r"newer version of Sundbench \(schema 9999\).*install"):
        database.upgrade(site)


OWN = database._MIGRATIONS


@pytest.fixture
def next_version(site, tmp_path, monkeypatch):
    """Make the schema of a version to come, with what its migration does; people are there already."""
    with database.writing(site) as session:
        session.add(Person(user="ann", name="Ann Lind", granted=[PersonRole(role=Role.STEWARD)]))

    def make(*steps: str) -> None:
        migrations = tmp_path / f"migrations-{len(steps)}"
        shutil.copytree(OWN, migrations)
        lines = "".join(f"    {step}\n" for step in steps)
        (migrations / "versions" / "v0002_next.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n"
            f'revision, down_revision = "0002", "0001"\n\n\ndef upgrade() -> None:\n{lines}'
        )
        monkeypatch.setattr(database, "_MIGRATIONS", migrations)
        database._script.cache_clear()

    yield make
    database._script.cache_clear()


_ADD = 'op.add_column("people", sa.Column("unit", sa.Text(), server_default="none"))'


def _look(site: Site) -> tuple[str, list[str], list[str]]:
    engine = create_engine(site.database_url)
    with engine.connect() as connection:
        revision = connection.execute(text("select version_num from alembic_version")).scalar_one()
        names = list(connection.execute(text("select name from people")).scalars())
        columns = [one["name"] for one in inspect(connection).get_columns("people")]
    engine.dispose()
    return revision, names, columns


def _beside(site: Site) -> list[Path]:
    """What copying has left beside an SQLite file; its own log and shared memory aren't that."""
    return [path for path in site.root.glob("sundbench.db.*") if not path.name.endswith(("-wal", "-shm"))]


def test_the_next_version_s_schema_keeps_what_is_there(site, next_version):
    next_version(_ADD)
    database.upgrade(site)

    assert _look(site) == ("0002", ["Ann Lind"], ["user", "name", "created", "unit"])
    if make_url(site.database_url).get_backend_name() == "sqlite":
        (kept,) = site.root.glob("sundbench.db.schema-*")
        before = Site(site.root, f"sqlite:///{kept}")
        assert _look(before) == ("0001", ["Ann Lind"], ["user", "name", "created"])


class _Locked(sqlite3.Connection):
    """A connection that copies its file only where nobody else could write to it."""

    def backup(self, target: sqlite3.Connection) -> None:
        ((_, _, file),) = self.execute("pragma database_list").fetchall()
        with (
            closing(_connect(file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="database is locked"),
        ):
            other.execute("begin immediate")
        super().backup(target)


_connect = sqlite3.connect


@pytest.mark.parametrize("one_by_one", [False, True])
def test_upgrades_of_an_older_database_at_once(site, next_version, at_once, one_by_one, monkeypatch):
    next_version(_ADD)
    monkeypatch.setattr(sqlite3, "connect", lambda file: _connect(file, factory=_Locked))
    at_once(site, one_by_one=one_by_one)

    assert _look(site) == ("0002", ["Ann Lind"], ["user", "name", "created", "unit"])
    if make_url(site.database_url).get_backend_name() == "sqlite":
        (kept,) = _beside(site)
        assert kept.name == "sundbench.db.schema-0001"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert _look(Site(site.root, f"sqlite:///{kept}"))[0] == "0001"


_KILLED = """
import os, pathlib, signal, sqlite3, sys
from sundbench.governance import database
from sundbench.site import Site

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Dying(sqlite3.Connection):
    def backup(self, target):
        super().backup(target, pages=1, progress=die)

def upgrade(*words):
    own(*words)
    die()

connect, own = sqlite3.connect, database.command.upgrade
database.sqlite3.connect = lambda file: connect(file, factory=Dying)
database.command.upgrade = upgrade
database._MIGRATIONS = pathlib.Path(sys.argv[2])
database.upgrade(Site(pathlib.Path(sys.argv[1]), sys.argv[3]))
"""


def test_an_upgrade_killed_half_way_is_made_anew(site, next_version):
    """In the midst of the copy on SQLite, which copies; before the commit on PostgreSQL."""
    next_version(_ADD)
    sqlite = make_url(site.database_url).get_backend_name() == "sqlite"
    words = [str(site.root), str(database._MIGRATIONS), site.database_url]
    done = subprocess.run([sys.executable, "-c", _KILLED, *words], check=False)
    assert done.returncode == -signal.SIGKILL
    assert ("sundbench.db.before-0001" in [left.name for left in _beside(site)]) == sqlite
    assert _look(site)[0] == "0001"

    database.upgrade(site)

    assert _look(site)[0] == "0002"
    assert [left.name for left in _beside(site)] == (["sundbench.db.schema-0001"] if sqlite else [])
    for kept in _beside(site):
        before = Site(site.root, f"sqlite:///{kept}")
        assert _look(before) == ("0001", ["Ann Lind"], ["user", "name", "created"])


def test_a_migration_that_fails_half_way_leaves_the_old_schema(site, next_version):
    next_version(_ADD, 'raise RuntimeError("the power failed")')
    with pytest.raises(RuntimeError, match="the power failed"):
        database.upgrade(site)

    assert _look(site) == ("0001", ["Ann Lind"], ["user", "name", "created"])
    next_version(_ADD)
    database.upgrade(site)
    assert _look(site)[0] == "0002"


def test_what_is_written_is_read_with_its_time_zone(site):
    with database.writing(site) as session:
        session.add(Person(user="ann", name="Ann Lind", granted=[PersonRole(role=Role.STEWARD)]))

    with database.reading(site) as session:
        ann = session.get_one(Person, "ann")
        assert ann.roles == {Role.STEWARD}
        assert ann.created.utcoffset() is not None


def test_a_block_that_fails_writes_nothing(site):
    def fail() -> None:
        with database.writing(site) as session:
            session.add(Person(user="ann", name="Ann Lind"))
            session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()

    with database.reading(site) as session:
        assert session.get(Person, "ann") is None


def test_writers_at_once_wait_for_each_other(site):
    database.upgrade(site)

    def add(number: int) -> None:
        with database.writing(site) as session:
            session.get(Person, "nobody")  # a read before the write, as real work does
            session.add(Person(user=f"user{number}", name="N. N."))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(12)))
    with database.reading(site) as session:
        assert session.query(Person).count() == 12


@pytest.fixture
def release(site):
    """A release in review."""
    with database.writing(site) as session:
        version = PermitVersion(version=1, digest="d" * 64, text="", registered_by="ann")
        session.add(PermitRecord(id="lung", versions=[version]))
        session.flush()
        release = Release(
            id="r1",
            run="run1",
            permit_id="lung",
            author="bo",
            state=ReleaseState.IN_REVIEW,
            outputs_digest="0" * 64,
        )
        release.votes.append(Vote(reviewer="eva", decision=Decision.APPROVE, comment="fine"))
        session.add(release)
    return site


def test_a_reviewer_has_one_vote(release):
    with pytest.raises(IntegrityError), database.writing(release) as session:
        session.add(Vote(release_id="r1", reviewer="eva", decision=Decision.RETURN))


def test_states_and_decisions_are_those_there_are(release):
    with pytest.raises(IntegrityError), database.writing(release) as session:
        session.get_one(Release, "r1").state = "smuggled"
    with pytest.raises(IntegrityError), database.writing(release) as session:
        session.add(Vote(release_id="r1", reviewer="per", decision="maybe"))


def test_a_release_needs_a_permit_that_exists(site):
    with pytest.raises(IntegrityError), database.writing(site) as session:
        session.add(Release(id="r1", run="run1", permit_id="none", author="bo", outputs_digest=""))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://bo:hunter2@localhost:1/none", "postgresql.*check SUNDBENCH_DATABASE"),
        ("mysql+pymysql://localhost/x", "use SQLite or PostgreSQL"),
        ("no url", "is no database URL"),
        ("sqlite:////dev/null/x.db", "folder is a file"),
        ("sqlite:////proc/none/x.db", "folder can't be made: No such file or directory"),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_line(tmp_path, url, message):
    site = Site(tmp_path, url)

    with pytest.raises(DatabaseError, match=message) as caught:
        database.upgrade(site)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "sundbench.db").write_text("notes, " * 1000)

    with pytest.raises(DatabaseError, match="damaged or no database: restore it") as caught:
        database.upgrade(Site(tmp_path, f"sqlite:///{tmp_path / 'sundbench.db'}"))
    assert "\n" not in str(caught.value)
