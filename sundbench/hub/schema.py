"""The hub's databases from one version to the next, and from SQLite to PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from jupyterhub import dbutil, orm
from sqlalchemy import Connection, MetaData, create_engine, func, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError

from sundbench.errors import HubError
from sundbench.governance import database as governance
from sundbench.governance.models import Base
from sundbench.hub import database
from sundbench.hub.backup import databases
from sundbench.hub.settings import read
from sundbench.hub.supervisor import notes
from sundbench.hub.supervisor.loop import LOCK
from sundbench.site import Site

Say = Callable[[str], object]


def upgrade(site: Site, say: Say) -> None:
    """Bring governance's database and JupyterHub's own to this version's schema, with the hub stopped.

    What is interrupted leaves the old state: PostgreSQL's in its transaction, SQLite's because JupyterHub's
    is upgraded in a copy that then takes its place. Old files of SQLite stay beside the new ones.

    Raises:
        HubError: the hub is up, or a database can't be upgraded.
        DatabaseError: governance's can't be.
    """
    with _stopped(site):
        _upgrade_both(site, say)


def _upgrade_both(site: Site, say: Say) -> None:
    governance.upgrade(site)
    say("governance's database has this version's schema")
    url = database.url(site, read(site).database)
    file = databases.file(url)
    if file is None:
        _upgrade(url)
    elif file.exists():
        upgraded = file.with_name(f".{file.name}.upgraded")  # one at a time: the hub is held stopped
        upgraded.unlink(missing_ok=True)
        try:
            databases.dump(url, upgraded)
            before = _revision(upgraded)
            _upgrade(f"sqlite:///{upgraded}")
            if _revision(upgraded) != before:
                kept = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
                shutil.copy2(file, kept)
                there = file.stat()  # root may do this: the hub's account must still write to it
                os.chown(upgraded, there.st_uid, there.st_gid)
                upgraded.chmod(stat.S_IMODE(there.st_mode))
                upgraded.replace(file)
                say(f"the hub's database was upgraded; as it was: {kept}")
        finally:
            upgraded.unlink(missing_ok=True)
    say("the hub's database has this version's schema")


def _revision(file: Path) -> str | None:
    with closing(sqlite3.connect(file)) as opened:
        try:
            found = opened.execute("select version_num from alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return str(found[0]) if found else None


def _upgrade(url: str) -> None:
    """Run JupyterHub's own steps, in this process: its command wants Alembic's on the PATH."""
    engine = create_engine(databases.driver(url))
    config = Config(dbutil.ALEMBIC_INI_TEMPLATE_PATH)
    config.set_main_option("script_location", dbutil.ALEMBIC_DIR.replace("%", "%%"))
    try:
        with suppress(orm.DatabaseSchemaMismatch):
            orm.check_db_revision(engine)
            return
        # In one transaction: by itself each step has its own, and what fails stays between two versions.
        with engine.begin() as connection:
            config.attributes["connection"] = _Begun(connection)
            command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError) as error:
        shown = make_url(url).render_as_string(hide_password=True)
        said = str(error).splitlines()[0]
        raise HubError(f"database {shown}: can't be upgraded, and is as it was: {said}") from error
    finally:
        engine.dispose()


@dataclass(frozen=True)
class _Begun:
    """A connection whose transaction is begun, where JupyterHub's steps look for an engine."""

    connection: Connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        yield self.connection


def move(site: Site, to_governance: str | None, to_hub: str | None, say: Say) -> None:
    """Copy an installation's databases to PostgreSQL, with the hub stopped; they stay as they are.

    Args:
        site: the installation.
        to_governance: URL of an empty database for people, permits and releases; None: not this one.
        to_hub: likewise for log-ins and servers.
        say: told in a line what was done.

    Raises:
        HubError: the hub is up, or a target isn't empty or can't be reached; then nothing is in it.
    """
    with _stopped(site):
        _move(site, to_governance, to_hub, say)


def _move(site: Site, to_governance: str | None, to_hub: str | None, say: Say) -> None:
    _upgrade_both(site, lambda _: None)
    targets = [
        (site.database_url, to_governance, Base.metadata, _governance_schema),
        (database.url(site, read(site).database), to_hub, orm.Base.metadata, _hub_schema),
    ]
    for _, target, _, _ in targets:
        if target is not None:
            databases.require_ready("postgresql", target)
    for source, target, metadata, prepare in targets:
        if target is not None:
            try:
                rows = _copy(source, target, metadata, prepare)
            except BaseException:
                with suppress(HubError):
                    databases.clear(target)
                raise
            shown = make_url(target).render_as_string(hide_password=True)
            say(f"{rows:,} rows of {len(metadata.tables)} tables are in {shown}")


@contextmanager
def _stopped(site: Site) -> Iterator[None]:
    """See that no hub writes meanwhile, and that none starts, nor another who does the same.

    Raises:
        HubError: it is up.
    """
    up = HubError("the hub is up: sundbench hub stop --leave-servers first; project servers go on")
    left = notes.read(site)
    if left is not None and left.alive:
        raise up
    if not site.hub.is_dir():  # governance's database may be all there is
        yield
        return
    try:
        lock = os.open(site.hub / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HubError(
            f"{site.hub / LOCK}: {error.strerror}: run as the account that the hub runs as"
        ) from error
    try:
        if os.geteuid() == 0:  # the hub's account locks it, too
            there = site.hub.stat()
            os.fchown(lock, there.st_uid, there.st_gid)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise up from None
    finally:
        os.close(lock)


def _governance_schema(url: str) -> None:
    governance.upgrade(Site(Path(), url))


def _hub_schema(url: str) -> None:
    made = orm.new_session_factory(databases.driver(url).render_as_string(hide_password=False))
    made.kw["bind"].dispose()


def _copy(source: str, target: str, metadata: MetaData, prepare: Callable[[str], None]) -> int:
    prepare(target)
    old, new = (create_engine(databases.driver(url)) for url in (source, target))
    total = 0
    try:
        with old.connect() as reading, new.begin() as writing:
            for table in metadata.sorted_tables:
                rows = [dict(row) for row in reading.execute(select(table)).mappings()]
                # What the schema's making left there, such as the roles that JupyterHub begins with.
                writing.execute(table.delete())
                if rows:
                    writing.execute(table.insert(), rows)
                total += len(rows)
            for table in metadata.sorted_tables:
                _count_on(writing, metadata, table.name)
                there = writing.execute(select(func.count()).select_from(table)).scalar_one()
                expected = reading.execute(select(func.count()).select_from(table)).scalar_one()
                if there != expected:
                    raise HubError(f"table {table.name}: {there} of {expected} rows came over")
    except SQLAlchemyError as error:
        raise HubError(f"the databases can't be moved: {str(error).splitlines()[0]}") from error
    finally:
        old.dispose()
        new.dispose()
    return total


def _count_on(writing: Connection, metadata: MetaData, name: str) -> None:
    """Let PostgreSQL's own numbers go on behind those that came over."""
    table = metadata.tables[name]
    column = table.autoincrement_column
    if column is None:
        return
    sequence = writing.execute(
        text("select pg_get_serial_sequence(:name, :column)"), {"name": f'"{name}"', "column": column.name}
    ).scalar_one()
    if sequence is not None:
        last = writing.execute(select(func.max(column))).scalar_one()
        writing.execute(
            text("select setval(:sequence, :next, false)"), {"sequence": sequence, "next": (last or 0) + 1}
        )
