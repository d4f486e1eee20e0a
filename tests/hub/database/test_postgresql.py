"""The hub, and governance, on a real PostgreSQL."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.hub.installation import (
    STAND_IN_ARGUMENTS,
    Platform,
    Visitor,
    amend,
    at_work,
    eventually,
    make_platform,
)
from tests.postgresql import Cluster


@pytest.fixture(scope="module")
def kept(postgresql: Cluster) -> Iterator[Platform]:
    """A hub whose own database and governance's are PostgreSQL's."""
    root = Path(tempfile.mkdtemp(prefix="sb-kept-"))
    section = f'[database]\nhub = "{postgresql.create("hub").replace("+psycopg", "")}"\n'
    made = make_platform(root, STAND_IN_ARGUMENTS, section, postgresql.create("governance"))
    with at_work(made):
        yield made


def test_people_and_servers_are_in_it_and_outlive_the_hub(kept: Platform, postgresql: Cluster):
    assert not (kept.site.hub / "jupyterhub.sqlite").exists()
    rikke = kept.visitor("rikke")
    rikke.start("lung-cancer")
    kept.kill("hub")
    kept.start_hub()
    assert rikke.state("lung-cancer") == "running"
    rikke.stop("lung-cancer")
    engine = create_engine(postgresql.url("hub"))
    with engine.connect() as connection:
        assert "rikke" in connection.execute(text("select name from users")).scalars().all()
    engine.dispose()


def test_it_is_gone_for_a_while(kept: Platform, postgresql: Cluster):
    rikke, anders = kept.visitor("rikke"), kept.visitor("anders")
    rikke.start("lung-cancer")
    postgresql.stop()
    try:
        for _ in range(3):
            answer = rikke.get("hub/home")
            assert answer.status_code == 503
            assert 'role="alert"' in answer.text
            assert "Nothing is lost" in answer.text
            assert "Traceback" not in answer.text
        assert rikke.api("GET", "user").status_code == 503
        assert anders.start("lung-cancer", wait=False).status_code == 503
        assert Visitor(kept.url).get("hub/login").status_code in {200, 503}
        time.sleep(8)  # the watch looks, the hub polls its servers: neither ends anything
    finally:
        postgresql.start()

    eventually(lambda: rikke.get("hub/home").ok)
    assert rikke.state("lung-cancer") == "running"
    assert "/hub/login" not in rikke.get("hub/home").url, "nobody was logged out"
    assert rikke.get("user/rikke/lung-cancer/").ok
    anders.start("lung-cancer")
    anders.stop("lung-cancer")
    assert rikke.stop("lung-cancer").ok
    eventually(lambda: rikke.state("lung-cancer") == "stopped")


def test_what_changes_after_that_still_reaches_the_hub(kept: Platform):
    rikke = kept.visitor("rikke")
    rikke.start("lung-cancer")
    amend(kept.site, "lung-cancer", ("anders:analyst",))
    eventually(
        lambda: (
            kept.records(action="server.stop", object="rikke:lung-cancer")[-1]["detail"]["why"]
            == "no member of the project any more"
        ),
        30,
    )
    amend(kept.site, "lung-cancer", ("rikke:researcher", "anders:analyst"))


def test_both_databases_are_lost_and_brought_back(kept: Platform, postgresql: Cluster):
    """The drill of docs/operators.md: dump, lose, restore. People stay logged in, servers are found again."""
    rikke = kept.visitor("rikke")
    rikke.start("lung-cancer")
    dumps = {name: str(postgresql.folder / f"{name}.dump") for name in ("governance", "hub")}
    there = ("-h", str(postgresql.folder), "-U", "sundbench")
    for name, file in dumps.items():
        postgresql.run("pg_dump", *there, "-Fc", "-f", file, name)
    kept.kill("hub")
    for name, file in dumps.items():
        postgresql.run("dropdb", *there, "--force", name)
        postgresql.run("createdb", *there, name)
        postgresql.run("pg_restore", *there, "--exit-on-error", "-d", name, file)
    kept.start_hub()

    assert rikke.state("lung-cancer") == "running"
    assert rikke.get("user/rikke/lung-cancer/").ok
    assert rikke.stop("lung-cancer").ok
    eventually(lambda: rikke.state("lung-cancer") == "stopped")
    assert not [one for one in kept.records(action="server.stop") if "no hub knew" in one["detail"]["why"]]
