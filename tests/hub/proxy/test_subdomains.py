"""TLS towards browsers, and a host for each person: what is taken from one opens nothing at another."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect, sync_playwright

from sundbench.hub.settings import read
from sundbench.hub.supervisor.programs import hub_answers
from tests.hub.front import HOST, encrypted
from tests.hub.installation import Platform, Visitor, add_data, at_work, make_platform

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandboxes")]


@pytest.fixture(scope="module")
def city() -> Iterator[Platform]:
    """A hub with TLS and subdomains, and real servers."""
    made = make_platform(Path(tempfile.mkdtemp(prefix="sb-city-")), [])
    for permit in ("lung-cancer", "diabetes"):
        add_data(made.site, permit)
    with encrypted(made), at_work(made):
        yield made


@pytest.fixture(scope="module")
def both(city: Platform) -> tuple[Visitor, Visitor]:
    """Rikke in lung-cancer and Anders in diabetes, their servers up."""
    rikke, anders = city.visitor("rikke"), city.visitor("anders")
    rikke.start("lung-cancer")
    anders.start("diabetes")
    return rikke, anders


def lab(platform: Platform, user: str, project: str) -> str:
    """Where a person's server is."""
    return platform.url.replace("https://", f"https://{user}.") + f"user/{user}/{project}/"


def test_another_person_s_host_and_the_hub_s_take_nothing_of_it(
    city: Platform, both: tuple[Visitor, Visitor]
):
    assert hub_answers(read(city.site)), "the supervisor finds it as well"
    rikke, anders = both
    own, other = lab(city, "rikke", "lung-cancer"), lab(city, "anders", "diabetes")
    assert rikke.session.get(f"{own}lab", timeout=60).url.startswith(own)
    assert rikke.session.get(f"{own}api/status", timeout=60).ok
    assert anders.session.get(f"{other}api/status", timeout=60).status_code in {200, 403}
    assert anders.session.get(f"{other}lab", timeout=60).url.startswith(other)

    hub_s = [one for one in rikke.session.cookies if one.name == "jupyterhub-hub-login"]
    assert [(one.domain, one.domain_specified, one.secure) for one in hub_s] == [(HOST, False, True)]
    theirs = [one for one in rikke.session.cookies if one.path.startswith("/user/rikke/")]
    assert {one.domain for one in theirs} == {f"rikke.{HOST}"}

    # Whoever has all that her browser sends to her server gets no further with it.
    taken = dict(
        pair.split("=", 1)
        for pair in rikke.session.prepare_request(requests.Request("GET", own)).headers["Cookie"].split("; ")
    )
    assert "jupyterhub-hub-login" not in taken
    places = (f"{city.url}hub/home", f"{city.url}hub/api/user", f"{other}api/status", f"{other}lab")
    for place in places:
        answer = requests.get(place, cookies=taken, timeout=60)
        assert answer.status_code == 403 or "/hub/login" in answer.url, place
    assert requests.get(f"{own}api/status", cookies=taken, timeout=60).ok, "at its own place it is good"


def test_hosts_are_not_each_other_s(city: Platform, both: tuple[Visitor, Visitor]):
    rikke, _ = both
    own = lab(city, "rikke", "lung-cancer")
    rikke.session.get(f"{own}lab", timeout=60)
    for host in ("anders", "nobody"):
        foreign = own.replace("https://rikke.", f"https://{host}.")
        sent = rikke.session.get(f"{foreign}api/status", allow_redirects=False, timeout=60)
        assert sent.headers["Location"] == f"{city.url}user/rikke/lung-cancer/api/status", "not served here"
        assert rikke.session.post(f"{foreign}api/kernels", timeout=60).status_code == 404
    # The hub's own pages are on its own host alone: to no server's script are they of its own origin.
    for path in ("hub/home", "hub/api/user", "hub/login?next=/hub/home"):
        sent = rikke.session.get(own.partition("user/")[0] + path, allow_redirects=False, timeout=60)
        assert sent.headers["Location"] == city.url + path
    form = {"username": "rikke", "password": city.passwords["rikke"]}
    assert requests.post(f"{own.partition('user/')[0]}hub/login", data=form, timeout=60).status_code == 404
    for place in (f"{own}lab", f"{city.url}hub/home"):
        headers = rikke.session.get(place, timeout=60).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "max-age" in headers["Strict-Transport-Security"]


def test_in_a_browser(city: Platform, both: tuple[Visitor, Visitor]):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or "/usr/bin/chromium",
            args=["--no-sandbox", f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP *.{HOST} 127.0.0.1"],
            timeout=90_000,
        )
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(60_000)
        page.goto(city.url)
        page.fill("#username_input", "rikke")
        page.fill("#password_input", city.passwords["rikke"])
        page.click("#login_submit")
        page.click("#project-lung-cancer .open")
        page.wait_for_url(f"https://rikke.{HOST}:*/user/rikke/lung-cancer/lab**", timeout=90_000)
        expect(page.locator("#jp-top-panel")).to_be_visible(timeout=90_000)
        reached = page.evaluate(
            """async (hub) => { try { await fetch(hub + "hub/api/user", {credentials: "include"});
            return "reached" } catch (error) { return String(error) } }""",
            city.url,
        )
        assert "Failed to fetch" in reached
        assert "jupyterhub-hub-login" not in page.evaluate("document.cookie")
        browser.close()
