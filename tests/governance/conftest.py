"""Sites over both databases that Sundbench runs on: SQLite, and a real PostgreSQL server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from sundbench.site import Site

_numbers = count(1)


def _postgresql_programs() -> Path:
    """The folder of initdb and pg_ctl: Debian keeps it off the PATH."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        message = "no PostgreSQL server is installed: the same tests ran on SQLite only"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folders[-1]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A private PostgreSQL cluster on a Unix socket; yields its URL without the database's name."""
    programs = _postgresql_programs()
    # Not below pytest's own folder: a socket's path is short, and root's folders are closed to `postgres`.
    folder = Path(tempfile.mkdtemp(prefix="sb-pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, user=user, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "-U", "sundbench", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://sundbench@/{{name}}?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A site with an empty database."""
    root = tmp_path / "home"
    if request.param == "sqlite":
        return Site(root, f"sqlite:///{root / 'sundbench.db'}")
    server = request.getfixturevalue("postgresql")
    name = f"site{next(_numbers)}"
    engine = create_engine(server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine.dispose()
    return Site(root, server.format(name=name))
