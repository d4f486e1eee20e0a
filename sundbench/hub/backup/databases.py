"""Databases in and out of copies: SQLite by its own backup, PostgreSQL by pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sundbench.errors import HubError
from sundbench.hub.database import holds_password

Kind = Literal["sqlite", "postgresql"]


def parsed(url: str) -> URL:
    """A database's URL in its parts.

    Raises:
        HubError: it is none, or of another kind of database. It isn't repeated: a password may stand in it.
    """
    try:
        found = make_url(url)
        known = found.get_backend_name() in {"sqlite", "postgresql", "postgres"}
    except (ArgumentError, ValueError):  # ValueError: of a port
        known = False
    if not known:
        raise HubError("that is no URL of a database: use postgresql://user@host/name")
    return found


def require_no_password(url: str) -> None:
    """Refuse a URL with a password where everybody on the machine sees it: among a command's arguments.

    Raises:
        HubError: it has one, or is no URL of a database.
    """
    if holds_password(parsed(url)):
        raise HubError(
            "everybody on this machine can read a password in an argument: leave it out, and put it into a"
            " file: ...?passfile=/etc/sundbench/pgpass"
        )


def kind(url: str) -> Kind:
    """Which of the two a database is."""
    return "sqlite" if parsed(url).get_backend_name() == "sqlite" else "postgresql"


def file(url: str) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    found = parsed(url)
    return Path(found.database or "") if found.get_backend_name() == "sqlite" else None


def dump(url: str, into: Path) -> None:
    """Write a database's whole content, as it was at one moment; others go on reading and writing it.

    Raises:
        HubError: it can't be read.
    """
    there = file(url)
    if there is None:
        _run(url, "pg_dump", "--format=custom", f"--file={into}")
        return
    try:
        with (
            closing(sqlite3.connect(f"file:{there}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(into)) as copy,
        ):
            source.backup(copy)
    except sqlite3.Error as error:
        raise HubError(f"database {there}: can't be copied: {error}") from error


def load(dumped: Path, url: str) -> None:
    """Fill an empty database, `require_ready`, from a dump.

    Raises:
        HubError: the dump doesn't read.
    """
    if (there := file(url)) is not None:
        shutil.copyfile(dumped, there)
        there.chmod(0o600)
        return
    _run(url, "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname", dumped=dumped)


def require_ready(of: Kind, url: str) -> None:
    """See that a dump can go into a database.

    Raises:
        HubError: it is of the other kind, has tables, or can't be reached.
    """
    shown = parsed(url).render_as_string(hide_password=True)
    if kind(url) != of:
        raise HubError(f"database {shown}: the copy's is {of}: bring it back there, and move it afterwards")
    if (there := file(url)) is not None:
        if there.exists():
            raise HubError(f"database {there}: is there already: move it away first")
        return
    engine = create_engine(driver(url))
    try:
        tables = inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        raise HubError(f"database {shown}: can't be reached: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()
    if tables:
        raise HubError(f"database {shown}: has tables already: dropdb and createdb it first")


def clear(url: str) -> None:
    """Remove everything from a PostgreSQL database that is there to be tried on.

    Raises:
        HubError: it can't be reached, or belongs to another.
    """
    engine = create_engine(driver(url))
    try:
        with engine.begin() as connection:
            connection.execute(text("drop schema public cascade"))
            connection.execute(text("create schema public"))
    except SQLAlchemyError as error:
        shown = parsed(url).render_as_string(hide_password=True)
        raise HubError(f"database {shown}: can't be cleared: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()


def driver(url: str) -> URL:
    """The URL with the driver that Sundbench comes with."""
    found = parsed(url)
    return found.set(drivername="postgresql+psycopg") if kind(url) == "postgresql" else found


def _run(url: str, program: str, *arguments: str, dumped: Path | None = None) -> None:
    """Run one of PostgreSQL's programs; a password in the URL is kept from the list of processes."""
    found = parsed(url).set(drivername="postgresql")
    environment = dict(os.environ)
    if holds_password(found):
        environment["PGPASSWORD"] = str(found.password or found.query.get("password", ""))
        query = found.difference_update_query(["password"]).query
        # `set` would keep the password: its None is for what stays.
        found = URL.create(
            found.drivername, found.username, None, found.host, found.port, found.database, query
        )
    target = found.render_as_string(hide_password=False)
    command = [program, *arguments, target, *([str(dumped)] if dumped else [])]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise HubError(f"{program}: {error.strerror}: install Debian's postgresql-client") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise HubError(f"{program}: {said}")
