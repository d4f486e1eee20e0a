"""On one domain every project's pages are of one origin: what a script of one can do to the others.

Somebody's cell shows HTML with a script; who looks at it works in two projects.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.hub.browser.visit import AtTheProvider, Passwords, Visit
from tests.hub.installation import Platform, Visitor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("sandboxes"),
]

HERE, THERE = "user/rikke/lung-cancer/", "user/rikke/heart/"

FRAME = """async path => {
    const frame = document.createElement("iframe");
    frame.src = path;
    document.body.appendChild(frame);
    await new Promise(done => { frame.onload = done; setTimeout(done, 5000); });
    try { return [frame.contentDocument.cookie, frame.contentDocument.body.innerText]; }
    catch (error) { return "unreadable"; }
}"""
REWRITTEN = """path => {
    const here = location.href;
    history.pushState({}, "", path);
    const cookies = document.cookie;
    history.pushState({}, "", here);
    return cookies;
}"""


@pytest.fixture(scope="module")
def rikke(platform: Platform) -> Iterator[Visitor]:
    platform.add_project("heart", ("rikke:researcher",))
    visitor = platform.visitor("rikke")
    for project in ("lung-cancer", "heart"):
        visitor.start(project)
    yield visitor
    for project in ("lung-cancer", "heart"):
        visitor.stop(project)


@pytest.fixture(scope="module")
def page(
    platform: Platform, door: Passwords | AtTheProvider, rikke: Visitor, chromium: Browser
) -> Iterator[Page]:
    """A page of the one project, in a browser in which the other is open too."""
    visit = Visit(platform, door, chromium, "rikke", None)
    visit.log_in()
    visit.page.wait_for_url("**/hub/home")
    visit.page.goto(f"{rikke.host}{THERE}lab", wait_until="domcontentloaded")
    visit.page.goto(f"{rikke.host}{HERE}lab", wait_until="domcontentloaded")
    visit.page.goto(f"{rikke.host}{HERE}api/status")  # as good as any page there, and it stays where it is
    yield visit.page
    visit.close()


@pytest.mark.parametrize(
    "path",
    [
        f"{THERE}lab",
        f"{THERE}api/contents",
        f"{THERE}api/kernels",
        f"{THERE}oauth_callback",
        f"{THERE}nothing",
        "hub/home",
        "hub/static/js/home.js",
        "hub/logo",
        "hub/nothing",
        "favicon.ico",
    ],
)
def test_no_frame_shows_another_project_or_the_hub(page: Page, path: str):
    assert page.evaluate(FRAME, f"/{path}") == "unreadable"


def test_no_script_asks_another_project_or_the_hub_in_its_reader_s_name(page: Page):
    own = page.evaluate("document.cookie.match(/_xsrf=([^;]+)/)[1]")
    ask = """async ([path, token]) => {
        try { return (await fetch(path, {headers: {"X-XSRFToken": token}})).status; }
        catch (error) { return "sent to another host"; }
    }"""
    refused = {403, 404, "sent to another host"}

    assert page.evaluate(ask, [f"/{HERE}api/contents", own]) == 200
    for path in (f"/{THERE}api/contents", f"/{THERE}api/kernels", "/hub/api/user", "/hub/home"):
        assert page.evaluate(ask, [path, own]) in refused, path
        hidden = re.search(r"_xsrf=([^;]+)", page.evaluate(REWRITTEN, path))
        assert hidden is None or hidden[1] == own, path
        assert page.evaluate(ask, [path, hidden[1] if hidden else ""]) in refused, path


def test_every_answer_says_that_it_goes_into_no_frame(platform: Platform, rikke: Visitor):
    kernel = rikke.kernel("heart", "synthetic-data")
    addresses = [
        *("favicon.ico", "robots.txt", "hub/static/css/style.min.css", "hub/static/nothing", "hub/logo"),
        *(
            "hub/api/user",
            "hub/health",
            "hub/sundbench/nothing",
            "_chp_healthz",
            "nothing",
            "user/anders/x/y",
        ),
        *(f"{THERE}{path}" for path in ("api", "api/", "lab", "static/nothing", "files/x", "oauth_callback")),
        *(f"{THERE}{path}" for path in (f"api/kernels/{kernel.id}/channels", "api/events/subscribe", "logo")),
        f"{THERE}sundbench/dask/{kernel.id}/status",
    ]
    for address in addresses:
        answer = rikke.get(address, allow_redirects=False)
        assert "frame-ancestors 'none'" in answer.headers.get("Content-Security-Policy", ""), address
        assert answer.status_code < 500, address
