"""What is killed comes back: servers are adopted; what governance changed meanwhile takes effect at once."""

import json
import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from sundbench.hub.protocol import PROTOCOL
from tests.hub.installation import Platform, Visitor, amend, close, eventually


def new_project(platform: Platform, name: str) -> Visitor:
    """A project of one member of its own, who has logged in."""
    user = f"member-{name}"
    amend(platform.site, name, (f"{user}:researcher",))
    platform.give_password(user)
    return platform.visitor(user)


def job_of(platform: Platform, user: str) -> int:
    """The process of a user's server."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if (
                any(b"assignment.json" in word for word in words)
                and str(platform.site.root).encode() in environment
            ):
                given = Path(os.fsdecode(next(word for word in words if b"assignment.json" in word))).parent
                if json.loads((given / "given.json").read_text())["JUPYTERHUB_USER"] == user:
                    return int(folder.name)
    return 0


def givens(platform: Platform, user: str) -> list[dict[str, str]]:
    """What a user's stand-ins were given."""
    files = platform.site.runtime.glob("s/*/given.json")
    found = [json.loads(file.read_text()) for file in files]
    return [one for one in found if one["JUPYTERHUB_USER"] == user]


def begun_by_another_version(platform: Platform, project: str) -> None:
    """Have the hub's database say that a project's server speaks another protocol than hubs do now."""
    with closing(sqlite3.connect(platform.site.hub / "jupyterhub.sqlite")) as database, database:
        (kept,) = database.execute("select state from spawners where name = ?", (project,)).fetchone()
        state = json.dumps(json.loads(kept) | {"protocol": PROTOCOL + 1})
        database.execute("update spawners set state = ? where name = ?", (state, project))


@pytest.mark.slow
def test_a_killed_hub_finds_its_servers_again(stand_in_platform: Platform):
    platform = stand_in_platform
    stays = new_project(platform, "stays")
    ends = new_project(platform, "ends")
    loses = new_project(platform, "loses")
    for visitor, name in ((stays, "stays"), (ends, "ends"), (loses, "loses")):
        visitor.start(name)
    before = job_of(platform, "member-stays")
    assert before
    token = next(given["JUPYTERHUB_API_TOKEN"] for given in givens(platform, "member-stays"))

    def opens() -> bool:
        headers = {"Authorization": f"token {token}"}
        return requests.get(f"{platform.url}hub/api/user", headers=headers, timeout=10).ok

    platform.kill("hub")
    assert os.kill(before, 0) is None, "a server does not end with its hub"
    close(platform.site, "ends")
    os.kill(job_of(platform, "member-loses"), signal.SIGKILL)
    begun_by_another_version(platform, "stays")
    platform.start_hub()

    page = stays.get("hub/home").content.decode()
    assert "Save your work, stop the server, and start it again." in page
    assert "Gem dit arbejde, stop serveren, og start den igen." in page
    assert stays.get("user/member-stays/stays/api").json()["permit"] == "stays"
    assert stays.state("stays") == "running"
    assert job_of(platform, "member-stays") == before
    assert loses.state("loses") == "stopped"
    eventually(lambda: ends.state("ends") == "stopped")
    assert not job_of(platform, "member-ends")
    (adopted,) = eventually(lambda: platform.records(action="server.adopt", actor="member-stays"))
    assert adopted["permit"] == "stays"
    (stop,) = eventually(lambda: platform.records(action="server.stop", actor="member-ends"))
    assert stop["detail"]["why"] == "permit closed"
    (lost,) = eventually(lambda: platform.records(action="server.stop", actor="member-loses"))
    assert lost["detail"]["why"].startswith("ended by itself")

    assert opens()
    assert stays.stop("stays").ok
    eventually(lambda: not job_of(platform, "member-stays"))
    assert not opens(), "the token of an adopted server goes with it"
    assert not list(platform.site.runtime.glob("s/*"))


@pytest.mark.slow
def test_what_governance_changes_reaches_running_servers(stand_in_platform: Platform):
    platform = stand_in_platform
    names = ("closes", "expires", "drops", "demotes", "narrows", "grows")
    visitors = {name: new_project(platform, name) for name in names}
    for name, visitor in visitors.items():
        visitor.start(name)
    owner = {name: f"member-{name}" for name in names}

    close(platform.site, "closes")
    amend(platform.site, "expires", (f"{owner['expires']}:researcher",), expires="2024-01-31")
    amend(platform.site, "drops", ("rikke:researcher",))
    amend(platform.site, "demotes", (f"{owner['demotes']}:reviewer",))
    amend(platform.site, "narrows", (f"{owner['narrows']}:researcher",), columns='"eksd"')
    amend(platform.site, "grows", (f"{owner['grows']}:researcher", "anders:analyst"))
    since = time.monotonic()

    for name in names[:-1]:
        (stop,) = eventually(lambda one=name: platform.records(action="server.stop", actor=owner[one]), 60)
        assert stop["permit"] == name
    assert time.monotonic() - since < 60, "within a minute"
    for name in names[:-2]:
        assert visitors[name].start(name, wait=False).status_code == 403
    assert visitors["grows"].state("grows") == "running"
    visitors["grows"].stop("grows")


@pytest.mark.slow
def test_with_the_audit_s_writer_down_nothing_starts(stand_in_platform: Platform):
    platform = stand_in_platform
    visitor = new_project(platform, "audited")
    other = new_project(platform, "stopped")
    other.start("stopped")
    platform.kill("writer")
    try:
        answer = visitor.api("POST", f"users/{visitor.user}/servers/audited")
        assert answer.status_code == 503
        assert "audit log can't be written" in answer.text
        assert visitor.state("audited") == "stopped"
        assert not job_of(platform, visitor.user)
        # Stopping works in any case, and is recorded when the writer is back.
        other.stop("stopped")
        eventually(lambda: not job_of(platform, other.user))
        stranger = Visitor(platform.url)
        refused = stranger.log_in("rikke", platform.passwords["rikke"])
        assert refused.status_code == 503
        assert "Nobody can log in" in refused.text
        assert stranger.get("hub/home").url.startswith(f"{platform.url}hub/login")
    finally:
        platform.start_writer()
    eventually(lambda: platform.records(action="server.stop", actor=other.user))
    assert visitor.start("audited").ok
    visitor.stop("audited")


@pytest.mark.slow
def test_a_killed_proxy_comes_back_with_every_route(stand_in_platform: Platform):
    platform = stand_in_platform
    visitor = new_project(platform, "routed")
    visitor.start("routed")

    os.kill(int((platform.site.hub / "jupyterhub-proxy.pid").read_text().split()[0]), signal.SIGKILL)

    def reached() -> bool:
        return platform.answers() and visitor.get("user/member-routed/routed/api").ok

    eventually(reached, 60)
    visitor.stop("routed")


def test_a_server_that_fails_to_start_says_so_and_can_be_started_again(stand_in_platform: Platform):
    platform = stand_in_platform
    visitor = new_project(platform, "failing")
    told_to_fail = platform.site.scratch / "failing" / visitor.user / "fail"
    told_to_fail.parent.mkdir(parents=True)
    told_to_fail.touch()

    visitor.start("failing", wait=False)
    address = f"hub/spawn-pending/{visitor.user}/failing"
    eventually(lambda: visitor.get(address).status_code == 500)
    page = visitor.get(address)

    assert "The server stopped before it was ready" in page.text
    assert "Serveren standsede, før den var klar" in page.content.decode()
    (stop,) = eventually(lambda: platform.records(action="server.stop", actor=visitor.user))
    assert stop["detail"]["why"] == "failed to start"
    told_to_fail.unlink()
    assert visitor.start("failing").ok
    visitor.stop("failing")


def test_starts_beyond_the_limit_queue_and_all_succeed(stand_in_platform: Platform):
    platform = stand_in_platform
    visitors = {name: new_project(platform, name) for name in (f"many-{number}" for number in range(5))}
    for name, visitor in visitors.items():
        slow = platform.site.scratch / name / visitor.user / "slow"
        slow.parent.mkdir(parents=True)
        slow.touch()

    def start(name: str) -> str:
        """Press the button, and read what the page says while it waits."""
        visitor = visitors[name]
        assert visitor.start(name, wait=False).ok
        told = visitor.api("GET", f"users/{visitor.user}/servers/{name}/progress").content.decode()
        eventually(lambda: visitor.state(name) == "running")
        return told

    with ThreadPoolExecutor(5) as together:
        told = list(together.map(start, visitors))

    assert any("Ahead of you in the queue: 0" in one for one in told)
    assert any("Foran dig i k\\u00f8en" in one for one in told)
    for name, visitor in visitors.items():
        visitor.stop(name)


def test_a_start_that_is_given_up_leaves_nothing(stand_in_platform: Platform):
    platform = stand_in_platform
    visitor = new_project(platform, "given-up")
    slow = platform.site.scratch / "given-up" / visitor.user / "slow"
    slow.parent.mkdir(parents=True)
    slow.touch()

    visitor.start("given-up", wait=False)
    assert visitor.state("given-up") == "starting"
    visitor.stop("given-up")

    assert visitor.state("given-up") == "stopped"
    assert not job_of(platform, visitor.user)
    slow.unlink()
    assert visitor.start("given-up").ok
    visitor.stop("given-up")
