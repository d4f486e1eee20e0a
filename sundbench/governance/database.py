"""Governance's database: SQLite in the site's folder, or PostgreSQL by URL.

The schema is versioned by Alembic, and the library brings a database up to date by itself: whoever opens it
through `reading` or `writing` finds the tables that this version of Sundbench knows. A database that a newer
version has changed is refused, not guessed at.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import DatabaseError as DriverError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from sundbench.errors import DatabaseError
from sundbench.site import Site

_MIGRATIONS = Path(__file__).with_name("migrations")
_WRITERS_WAIT = 30.0
_READERS_WAIT = 5.0  # only for who has the whole file to itself; a page waits for it
_AGAIN = 0.02
_UPGRADE_LOCK = 0x53554E44  # "SUND": the advisory lock under which PostgreSQL databases are upgraded
_WRITES = "sundbench_writes"


@contextmanager
def reading(site: Site) -> Iterator[Session]:
    """Open a session that only reads; on SQLite readers don't wait for each other or for a writer.

    They wait at most 5 seconds for a program that has locked the whole file.

    Raises:
        DatabaseError: the database can't be reached, or a newer version of Sundbench has changed it.
    """
    with _engine(site, _READERS_WAIT) as engine, Session(engine) as session:
        yield session


@contextmanager
def writing(site: Site) -> Iterator[Session]:
    """Open a session that writes: all of the block is committed at its end, or nothing of it.

    Keep the block short: on SQLite one writes at a time, the others wait (at most 30 seconds).

    Raises:
        DatabaseError: as `reading`.
    """
    with (
        _engine(site) as engine,
        Session(engine.execution_options(**{_WRITES: True}), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def upgrade(site: Site) -> None:
    """Bring an empty or older database to this version's schema; do nothing to one that has it.

    Two processes may upgrade at once: the second waits, then finds nothing to do.

    Raises:
        DatabaseError: as `reading`.
    """
    with _engine(site):
        pass


@contextmanager
def _engine(site: Site, patience: float = _WRITERS_WAIT) -> Iterator[Engine]:
    url = _url(site)
    engine = create_engine(url, poolclass=NullPool)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", partial(_prepare_sqlite, patience))
        event.listen(engine, "begin", _begin_sqlite)
    shown = url.render_as_string(hide_password=True)
    try:
        if url.get_backend_name() == "sqlite" and url.database:
            _make_folder(Path(url.database).parent, shown)
        with engine.connect() as connection:
            behind = _is_behind(connection, shown)
        if behind:
            _upgrade(engine, shown)
        yield engine
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise DatabaseError(
            f"database {shown}: {reason}: check SUNDBENCH_DATABASE and the server, and try again"
        ) from error
    except DriverError as error:
        # Of SQLite's errors this is the one for a file of another kind; all others are bugs.
        if "file is not a database" not in str(error.orig):
            raise
        raise DatabaseError(
            f"database {shown}: the file is damaged or no database: restore it, or choose another"
        ) from error
    finally:
        engine.dispose()


def _make_folder(folder: Path, shown: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise DatabaseError(f"database {shown}: its folder is a file: choose another place") from error
    except OSError as error:
        raise DatabaseError(
            f"database {shown}: its folder can't be made: {error.strerror}: choose another place"
        ) from error


def _url(site: Site) -> URL:
    try:
        url = make_url(site.database_url)
        if url.drivername in {"postgresql", "postgres"}:  # psycopg 3, which Sundbench comes with
            url = url.set(drivername="postgresql+psycopg")
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:  # ValueError: of a port
        raise DatabaseError(
            "SUNDBENCH_DATABASE is no database URL: use sqlite:////path or postgresql://user@host/name"
        ) from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise DatabaseError(
            f"SUNDBENCH_DATABASE: {url.get_backend_name()} is not supported: use SQLite or PostgreSQL"
        )
    return url


def _prepare_sqlite(patience: float, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
    _write_ahead(cursor, time.monotonic() + patience)
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: DBAPICursor, until: float) -> None:
    """Have the file log ahead; SQLite itself doesn't wait for others who make a new one just now."""
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that starts by reading and then writes fails at once when another has written in
    # between, whatever the busy timeout: who will write takes the lock from the start.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@cache
def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))


def _is_behind(connection: Connection, shown: str) -> bool:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {step.revision for step in _script().walk_revisions()}:
        raise DatabaseError(
            f"database {shown} was changed by a newer version of Sundbench (schema {current}): "
            "install that version or use another database"
        )
    return current != _script().get_current_head()


def _upgrade(engine: Engine, shown: str) -> None:
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        if _is_behind(connection, shown):  # still: others may have upgraded it while this one waited
            _keep(connection)
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _keep(connection: Connection) -> None:
    """Copy an SQLite file that an older version has made, before its schema changes.

    `connection` holds the write lock, so one copies at a time, and what stands aside was left by one who was
    killed.
    """
    file = connection.engine.url.database
    revision = MigrationContext.configure(connection).get_current_revision()
    if connection.dialect.name != "sqlite" or not file or revision is None:
        return
    aside = Path(f"{file}.before-{revision}")
    for left in aside.parent.iterdir():
        if left.name.startswith(f"{Path(file).name}.before-"):  # SQLite's journal of it too
            left.unlink()
    aside.touch(mode=0o600, exist_ok=False)
    # SQLite copies over a connection of its own: that of the lock has a transaction open.
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(aside)) as copy:
        source.backup(copy)
    aside.rename(f"{file}.schema-{revision}")
