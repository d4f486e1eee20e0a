"""What an operator meets sooner or later, on the whole platform: data that go away, a hub that forgets."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sundbench.hub.supervisor import table
from tests.hub.installation import Platform, Visitor, add_data, amend, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("sandboxes"),
]


def test_an_extract_that_goes_away_is_said_plainly(platform: Platform):
    site = platform.site
    amend(site, "leaving", ("rikke:researcher",))
    add_data(site, "leaving")
    rikke = platform.visitor("rikke")
    rikke.start("leaving")
    try:
        (site.extracts / "leaving").rename(site.extracts / "elsewhere")

        answer = rikke.server("POST", "leaving", "api/kernels", {"name": "register-data"})

        assert answer.status_code == 503
        assert "removed or replaced since this server started" in answer.json()["message"]
        assert str(site.root) not in answer.text
        assert rikke.kernel("leaving", "synthetic-data").run("1 + 1") == "2"
    finally:
        rikke.stop("leaving")


def test_a_hub_that_lost_its_database_ends_what_it_no_longer_knows_and_records_it(platform: Platform):
    site = platform.site
    amend(site, "forgotten", ("rikke:researcher",))
    add_data(site, "forgotten")
    rikke = platform.visitor("rikke")
    rikke.start("forgotten")

    platform.kill("hub")
    (site.hub / "jupyterhub.sqlite").unlink()
    platform.start_hub()

    eventually(lambda: not table.jobs(site))
    (stop,) = eventually(lambda: platform.records(action="server.stop", actor="hub"))
    assert stop["detail"]["why"] == "no hub knew of it any more"
    again = platform.visitor("rikke")
    assert again.start("forgotten").ok
    again.stop("forgotten")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program has the whole database to itself, as some copying and repairing does."""
    holding = sqlite3.connect(file, isolation_level=None, timeout=30)
    try:
        holding.execute("PRAGMA locking_mode = EXCLUSIVE")
        holding.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        holding.rollback()
        holding.close()


def test_with_governance_s_database_locked_all_are_told_and_work_goes_on(stand_in_platform: Platform):
    platform = stand_in_platform
    rikke = platform.visitor("rikke")
    rikke.start("lung-cancer")
    try:
        with locked(platform.site.root / "sundbench.db"):
            began = time.monotonic()
            page = rikke.get("hub/home")
            refused = Visitor(platform.url).log_in("anders", platform.passwords["anders"])
            started = rikke.start("lung-cancer", wait=False)
            for answer in (page, refused, started):
                assert answer.status_code == 503
                assert "Who may do what can" in answer.text
            assert time.monotonic() - began < 30, (
                "a page waits for some seconds, not for as long as programs do"
            )
            assert rikke.get("user/rikke/lung-cancer/api").ok
            eventually(lambda: "rights are as they were" in platform.log())
        assert eventually(lambda: rikke.state("lung-cancer") == "running")
        assert platform.visitor("anders").get("hub/home").ok
    finally:
        rikke.stop("lung-cancer")


def test_without_governance_s_database_nobody_is_let_in_and_all_are_told(stand_in_platform: Platform):
    """A lost, damaged or full disk under it: nobody's rights are guessed."""
    visitor, file = stand_in_platform.visitor("rikke"), stand_in_platform.site.root / "sundbench.db"
    before = file.read_bytes()
    try:
        file.write_bytes(b"no database" * 500)
        page = visitor.get("hub/home")
        refused = Visitor(stand_in_platform.url).log_in("anders", stand_in_platform.passwords["anders"])
        for answer in (page, refused):
            assert answer.status_code == 503
            assert "Who may do what can&#39;t be looked up" in answer.text.replace("&#x27;", "&#39;")
    finally:
        file.write_bytes(before)
    assert visitor.get("hub/home").ok
