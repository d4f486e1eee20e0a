"""A PostgreSQL server of one's own, on a Unix socket; tests may stop it and start it again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text


def programs() -> Path | None:
    """The folder of initdb and pg_ctl: Debian keeps it off the PATH."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@dataclass(frozen=True)
class Cluster:
    """One server.

    Attributes:
        folder: its data, socket and log.
        programs: where initdb and the like are.
    """

    folder: Path
    programs: Path

    @property
    def account(self) -> str | None:
        """Whose processes run it: the server refuses to run as root."""
        return "postgres" if os.geteuid() == 0 else None

    def url(self, database: str) -> str:
        """Where a database is."""
        return f"postgresql+psycopg://sundbench@/{database}?host={self.folder}"

    def run(self, program: str, *arguments: str, **more: object) -> None:
        """Run one of PostgreSQL's programs, as the server's account."""
        command = [str(self.programs / program), *arguments]
        subprocess.run(command, user=self.account, check=True, cwd=self.folder, **more)  # type: ignore[call-overload]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        self._control("-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once, with connections open."""
        self._control("-m", "immediate", "stop")

    def create(self, database: str) -> str:
        """Make an empty database, and give its URL."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"create database {database}"))
        engine.dispose()
        return self.url(database)

    def _control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), *arguments, stdout=subprocess.DEVNULL)


@contextmanager
def running(programs: Path) -> Iterator[Cluster]:
    """Make a server, start it, and remove it afterwards."""
    # Not below pytest's own folder: a socket's path is short, and root's folders are closed to `postgres`.
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="sb-pg-")), programs)
    if cluster.account:
        shutil.chown(cluster.folder, cluster.account)
    try:
        making = ("-U", "sundbench", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        data = str(cluster.folder / "data")
        cluster.run("initdb", "-D", data, *making, stdout=subprocess.DEVNULL)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(cluster.folder)
