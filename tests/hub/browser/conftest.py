"""The whole platform with a real Chromium before it; one installation for every walk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from tests.hub.browser.visit import OUTSIDE, AtTheProvider, Outside, Passwords, Visit
from tests.hub.dashboards.conftest import put_release
from tests.hub.front import HOST
from tests.hub.installation import Platform, add_data, at_work, make_platform, permit_text

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

REGISTERS = """
bef = { columns = ["referencetid", "koen", "foed_dato"] }
lmdb = { columns = ["eksd", "atc", "volume"] }
dod = { columns = ["doddato"] }
"""
"""What the project's permit gives: enough for the welcome notebook's figures."""


@pytest.fixture(scope="session")
def town() -> Iterator[Platform]:
    """Hub, writer, dashboards, sandboxes; two projects with data, and one released report."""
    made = make_platform(Path(tempfile.mkdtemp(prefix="sb-walk-")), [])
    settle(made)
    with at_work(made):
        yield made


def settle(made: Platform) -> None:
    """Give a platform that is not started what the walks find there."""
    settings = made.site.hub / "settings.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("enabled = false", "enabled = true"), encoding="utf-8"
    )
    members = ("rikke:researcher", "anders:analyst", "vera:reviewer")
    text = permit_text("lung-cancer", members).partition("[registers]")[0] + "[registers]" + REGISTERS
    with database.writing(made.site) as session:
        permits.register(session, parse(text, "lung-cancer"), text, "sofie")
    for permit in ("lung-cancer", "diabetes"):
        add_data(made.site, permit, persons=400)
    put_release(made.site)


@pytest.fixture(scope="session")
def door() -> Passwords:
    """How people log in."""
    return Passwords()


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """The one host of the world outside that answers: it counts who calls."""
    listening = Outside()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def chromium(outside: Outside) -> Iterator[Browser]:
    """A browser for which the world outside this machine is `outside`; its own calls home find nobody."""
    site = f"MAP {HOST} 127.0.0.1, MAP *.{HOST} 127.0.0.1"
    names = f"MAP {OUTSIDE} 127.0.0.1:{outside.port}, {site}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            timeout=90_000,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
                f"--host-resolver-rules={names}",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(
    town: Platform, door: Passwords | AtTheProvider, chromium: Browser, outside: Outside
) -> Iterator[Callable[..., Visit]]:
    """Somebody at a browser; afterwards its console has to be silent, and nobody may have been called."""
    folder = os.environ.get("SUNDBENCH_SCREENSHOTS")
    visits: list[Visit] = []

    def come(user: str, *, phone: bool = False) -> Visit:
        visits.append(Visit(town, door, chromium, user, Path(folder) if folder else None, phone=phone))
        return visits[-1]

    try:
        yield come
        for one in visits:
            one.had_a_quiet_walk()
        assert outside.callers == 0
    finally:
        for one in visits:
            one.close()
