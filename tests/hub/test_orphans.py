"""Starts that were broken off with their hub are undone."""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

from sundbench.governance.audit import places
from sundbench.hub import folders
from sundbench.hub.assignment import FILE
from sundbench.hub.orphans import end_orphans
from tests.hub.installation import make_site
from tests.hub.test_assignment import an_assignment


class Journal:
    def __init__(self) -> None:
        self.noted: list[tuple[str, ...]] = []
        self.forgotten: list[str] = []

    def note(self, actor: str, action: str, what: str, *, why: str, **_: str | None) -> None:
        self.noted.append((actor, action, what, why))

    async def forget(self, digest: str) -> None:
        self.forgotten.append(digest)


def test_what_is_left_of_a_start_that_was_broken_off_goes(tmp_path: Path):
    site, journal = make_site(tmp_path), Journal()
    left = folders.sockets(site, "00000001")
    an_assignment(left).write(left / FILE)
    folders.sockets(site, "00000002")
    used = folders.sockets(site, "00000003")
    try:
        asyncio.run(end_orphans(SimpleNamespace(site=site, journal=journal), lambda: [(None, used.name)]))

        assert folders.all_sockets(site) == {used.name}
        why = "its start was broken off with the hub"
        assert journal.noted == [("anna", "server.stop", "anna:lung-cancer", why)]
        assert journal.forgotten == [places.digest("s3cret")]
    finally:
        shutil.rmtree(site.runtime)
