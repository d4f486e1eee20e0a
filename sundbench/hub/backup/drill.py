"""The drill: the newest copy is brought back aside, all in it is looked at, and it is removed again."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from sundbench.errors import HubError, SundbenchError
from sundbench.governance import database as governance
from sundbench.governance import people, permits
from sundbench.governance.audit.verify import verify
from sundbench.hub.backup import databases
from sundbench.hub.backup.copies import ANCHORS, GOVERNANCE, HOME, HUB, Listing, damaged, newest, read
from sundbench.hub.backup.restoring import put
from sundbench.hub.settings import read as settings
from sundbench.hub.workspaces.git import git
from sundbench.progress import Report, silent
from sundbench.site import Site
from sundbench.store.vault import Vault

_NEVER_CHANGES = (f"{HOME}/freezes/", f"{HOME}/extracts/")


@dataclass(frozen=True)
class Step:
    """One thing that was tried.

    Attributes:
        what: part of the installation.
        well: whether it came back.
        said: what was found, or what is wrong.
    """

    what: str
    well: bool
    said: str


def drill(
    site: Site, folder: Path, scratch_database: str | None = None, report: Report = silent
) -> list[Step]:
    """Bring the newest copy back beside it, and look at everything in it. The installation isn't touched.

    Args:
        site: the installation; tells how PostgreSQL is reached, and the vault's key where it is given.
        folder: where copies are kept, or one copy.
        scratch_database: URL of a PostgreSQL database that holds nothing else: all in it is removed. Without
            it, the one called ``drill`` where governance's is.
        report: told of files.

    Returns:
        What was tried, in order.

    Raises:
        HubError: there is no copy, or its list doesn't read.
    """
    copy = newest(folder)
    listing = read(copy)
    with tempfile.TemporaryDirectory(prefix=".drill-", dir=copy.parent) as aside:
        back = Site(Path(aside) / HOME, "", site.vault_key_file, Path(aside) / ANCHORS)
        scratch = scratch_database or str(
            databases.parsed(site.database_url).set(database="drill").render_as_string(hide_password=False)
        )
        trial = _Trial(copy, listing, back, scratch)
        looks: list[tuple[str, Callable[[], str]]] = [
            ("copy", trial.age),
            ("files", lambda: trial.files(report)),
            ("settings", trial.settings),
            ("people and projects", trial.governance),
            ("the hub's database", trial.hub),
            ("audit log", trial.audit),
            ("workspaces", trial.workspaces),
            ("vault", trial.vault),
        ]
        return [_tried(what, look) for what, look in looks]


def _tried(what: str, look: Callable[[], str]) -> Step:
    try:
        return Step(what, well=True, said=look())
    except (SundbenchError, SQLAlchemyError, OSError) as error:
        return Step(what, well=False, said=str(error).partition("\n")[0])


@dataclass(frozen=True)
class _Trial:
    copy: Path
    listing: Listing
    back: Site
    scratch: str

    def age(self) -> str:
        made = datetime.strptime(self.copy.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        hours = (datetime.now(UTC) - made).total_seconds() / 3600
        said = f"{self.copy.name}, {hours:.0f} hours old, made by version {self.listing.version}"
        if hours > 36:
            raise HubError(f"{said}: see why none was made last night")
        return said

    def files(self, report: Report) -> str:
        wrong = list(damaged(self.copy, self.listing))
        # What never changes was hashed, and is only bytes: no room is taken for it twice.
        small = [one for one in self.listing.files if not one.path.startswith(_NEVER_CHANGES)]
        listing = self.listing.model_copy(update={"files": small})
        put(listing, self.copy, {HOME: self.back.root, ANCHORS: self.back.anchors}, report)
        if wrong:
            raise HubError(f"{len(wrong)} missing or damaged, the first {wrong[0]}: take another copy")
        files = [one for one in self.listing.files if one.kind == "file"]
        return f"{len(files):,} files, {sum(one.size for one in files) / 2**20:,.0f} MiB, each as it was"

    def settings(self) -> str:
        return f"profile {settings(self.back).site.profile}"

    def governance(self) -> str:
        with self._loaded(GOVERNANCE) as url, governance.reading(Site(self.back.root, url)) as session:
            return f"{len(people.everyone(session))} people, {len(permits.every(session))} projects"

    def hub(self) -> str:
        with self._loaded(HUB) as url:
            engine = create_engine(databases.driver(url))
            try:
                with engine.connect() as connection:
                    users = connection.execute(text("select count(*) from users")).scalar_one()
                    servers = connection.execute(
                        text("select count(*) from spawners where server_id is not null")
                    ).scalar_one()
            finally:
                engine.dispose()
            return f"{users} people have logged in, {servers} servers ran"

    def audit(self) -> str:
        found = verify(self.back)
        if found.problems:
            raise HubError(f"{found.problems[0].where}: {found.problems[0].what}")
        return f"{found.records:,} records, {found.anchors:,} anchors, whole; head {found.head[:24]}"

    def workspaces(self) -> str:
        kept = sorted(self.back.histories.glob("*/*.git")) if self.back.histories.is_dir() else []
        for repository in kept:
            git(repository, "fsck", "--no-progress")
        return f"{len(kept)} with their versions"

    def vault(self) -> str:
        if self.back.vault_key_file is None:
            return "not opened: no key was given, which is in no copy"
        with Vault.open(self.back) as opened:
            return f"{opened.persons:,} persons, opened with the key"

    @contextmanager
    def _loaded(self, which: str) -> Iterator[str]:
        """A database as it came back; gone afterwards."""
        kind = self.listing.databases[which]
        dumped = self.copy / f"{which}.{kind}"
        if kind == "sqlite":
            file = self.back.root.parent / dumped.name
            shutil.copyfile(dumped, file)
            with closing(sqlite3.connect(file)) as opened:
                if (said := opened.execute("pragma integrity_check").fetchone()[0]) != "ok":
                    raise HubError(f"{dumped}: {said}")
            yield f"sqlite:///{file}"
            return
        databases.clear(self.scratch)
        databases.load(dumped, self.scratch)
        try:
            yield self.scratch
        finally:
            databases.clear(self.scratch)
