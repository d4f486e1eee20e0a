"""The hub's pages: what each role sees, in both languages, from nowhere else, for keyboards and readers."""

import html
import re
from html.parser import HTMLParser

import pytest
import requests

from tests.hub.installation import Platform, Visitor


class Page(HTMLParser):
    """What of a page a test asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.labelled: set[str] = set()
        self.inputs: list[dict[str, str | None]] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [str(given[name]) for name in ("href", "src", "action") if given.get(name)]
        self.ids |= {str(given["id"])} if "id" in given else set()
        if tag == "label":
            self.labelled.add(str(given.get("for")))
        if tag == "input" and given.get("type") != "hidden":
            self.inputs.append(given)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


def pages(platform: Platform) -> dict[str, requests.Response]:
    rikke, ida = platform.visitor("rikke"), platform.visitor("ida")
    return {
        "log in": Visitor(platform.url).get("hub/login"),
        "home": rikke.get("hub/home"),
        "start": rikke.get("hub/spawn/rikke/lung-cancer"),
        "not running": rikke.get("user/rikke/lung-cancer/lab"),
        "no such page": rikke.get("hub/nothing"),
        "no access": rikke.get("hub/admin"),
        "servers": ida.get("hub/admin"),
        "dashboards": platform.visitor("palle").get("hub/home"),
    }


def test_every_page_is_whole(stand_in_platform: Platform):
    for name, answer in pages(stand_in_platform).items():
        page, text = Page(answer.text), answer.text
        assert not page.inline, f"{name}: its policy forbids {page.inline}"
        assert all(address.startswith(("/", "#")) for address in page.addresses), f"{name}: {page.addresses}"
        assert text.count('lang="da"') > 3 < text.count('lang="en"'), name
        assert re.search(r'<h1><span lang="da">.+?</span><span lang="en">', text), name
        assert page.labelled >= {str(one["id"]) for one in page.inputs}, f"{name}: inputs without a label"
        assert 'class="skip" href="#content"' in text, name
        assert "content" in page.ids, name
        assert "Traceback" not in text, name
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert answer.headers["X-Content-Type-Options"] == "nosniff", name
        assert answer.headers["Referrer-Policy"] == "same-origin", name


def test_every_file_that_a_page_names_is_there(stand_in_platform: Platform):
    visitor = Visitor(stand_in_platform.url)
    page = Page(visitor.get("hub/login").text)
    files = [address for address in page.addresses if re.search(r"\.(css|js|svg)", address)]

    assert len(files) >= 4
    for address in [*files, "/hub/sundbench/pending.js"]:
        answer = visitor.get(address)
        assert answer.ok, address
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.get("hub/sundbench/../jupyterhub_config.py").status_code == 404
    assert visitor.get("hub/sundbench/%2e%2e/jupyterhub_config.py").status_code in {403, 404}


def test_a_researcher_sees_projects_with_state_and_expiry(stand_in_platform: Platform):
    text = stand_in_platform.visitor("rikke").get("hub/home").text

    assert "Projekt lung-cancer" in text
    assert "Project lung-cancer" in text
    assert "31. december 2099" in text
    assert re.search(r"expired on</span> .*31 January 2024", text)
    cards = {part.split('"')[0]: part for part in text.split('id="project-')[1:]}
    assert 'class="action start"' in cards["lung-cancer"]
    assert "<button" not in cards["old-study"].split("</li>")[0], "an expired project has no button"
    assert "diabetes" not in text, "of others' projects nothing is shown"


def test_a_reviewer_sees_the_project_and_no_button(stand_in_platform: Platform):
    text = stand_in_platform.visitor("vera").get("hub/home").text

    assert "project-lung-cancer" in text
    assert 'class="action' not in text


def test_who_may_not_start_a_server_reads_why_where_the_button_would_be(stand_in_platform: Platform):
    for user, project, why in (
        ("rikke", "diabetes", "There is no such project, or you are not a member of it."),
        ("rikke", "old-study", "The project's permit expired on 2024-01-31."),
        ("vera", "lung-cancer", "You are neither researcher nor analyst in the project"),
    ):
        answer = stand_in_platform.visitor(user).get(f"hub/spawn/{user}/{project}")
        assert answer.status_code == 403
        assert why in html.unescape(answer.text)
        assert 'class="action start"' not in answer.text


def test_a_steward_reads_where_the_work_is(stand_in_platform: Platform):
    text = stand_in_platform.visitor("sofie").get("hub/home").text

    assert "look after data and permits" in text
    assert "A steward adds you" not in text


def test_a_policymaker_is_led_to_dashboards(stand_in_platform: Platform):
    text = stand_in_platform.visitor("palle").get("hub/home").text

    assert '<h1><span lang="da">Dashboards' in text
    assert 'class="project' not in text


@pytest.mark.parametrize("user", ["tilde", "mallory"])
def test_a_wrong_password_and_a_wrong_name_read_the_same(stand_in_platform: Platform, user: str):
    stranger = Visitor(stand_in_platform.url)

    answer = stranger.log_in(user, "not the password")

    assert answer.status_code == 403
    assert "Wrong user name or password." in answer.text
    assert "Forkert brugernavn eller adgangskode." in answer.text
    for _ in range(5):  # who fails waits 1, 2, 4, ... seconds; a busy machine may let the first pass
        again = stranger.post("hub/login", {"username": user, "password": "guess"})
        if again.status_code == 429:
            break
    assert again.status_code == 429
    assert re.search(r"Try again in \d+ s\.", again.text)
    found = stand_in_platform.records(action="login.refused")
    assert found[-1]["actor"] == ("tilde" if user == "tilde" else "anonymous")


def test_the_landing_page_is_the_log_in(stand_in_platform: Platform):
    assert Visitor(stand_in_platform.url).get("").url.startswith(f"{stand_in_platform.url}hub/login")
    assert stand_in_platform.visitor("rikke").get("").url == f"{stand_in_platform.url}hub/home"


def test_logging_in_and_out_is_recorded(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("sofie")
    visitor.get("hub/logout")

    assert visitor.get("hub/home").url.startswith(f"{stand_in_platform.url}hub/login")
    assert [one["action"] for one in stand_in_platform.records(actor="sofie")][-2:] == ["login", "logout"]
