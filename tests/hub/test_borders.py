"""What people try over HTTP, logged in or not: tokens, others' servers, other projects."""

import json
from typing import Any
from urllib.parse import quote, urlparse

import pytest
import requests

from tests.hub.installation import Platform, Visitor, amend, eventually

OUTSIDERS = ["vera", "palle", "ida", "sofie", "nobody"]


@pytest.mark.parametrize("user", ["rikke", "palle", "ida"])
def test_nobody_mints_a_token(stand_in_platform: Platform, user: str):
    visitor = stand_in_platform.visitor(user)

    for body in (None, {}, {"roles": ["user"]}, {"scopes": ["access:servers!user"]}, {"scopes": ["inherit"]}):
        assert visitor.api("POST", f"users/{user}/tokens", body).status_code == 403
    assert visitor.api("GET", f"users/{user}/tokens").status_code == 403
    assert visitor.api("POST", "users/rikke/tokens", {}).status_code == 403
    assert visitor.get("hub/token").status_code == 403


def test_nor_with_a_password_in_the_request(stand_in_platform: Platform):
    body = {"auth": {"username": "rikke", "password": stand_in_platform.passwords["rikke"]}}

    answer = requests.post(f"{stand_in_platform.url}hub/api/users/rikke/tokens", json=body, timeout=10)

    assert answer.status_code == 403
    assert "token" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("user", OUTSIDERS)
def test_only_members_start_a_server(stand_in_platform: Platform, user: str):
    visitor = stand_in_platform.visitor(user)

    assert visitor.start("lung-cancer", wait=False).status_code == 403
    assert visitor.api("POST", f"users/{user}/servers/lung-cancer").status_code == 403
    assert visitor.api("POST", f"users/{user}/server").status_code == 403
    assert visitor.api("POST", "users/rikke/servers/lung-cancer").status_code in {403, 404}
    assert visitor.api("DELETE", f"users/{user}/servers/lung-cancer").status_code in {403, 404}


@pytest.mark.parametrize("project", ["diabetes", "old-study", "no-such-project"])
def test_a_member_starts_no_other_project(stand_in_platform: Platform, project: str):
    visitor = stand_in_platform.visitor("rikke")
    before = len(stand_in_platform.records(action="server.refused", actor="rikke"))

    page = visitor.start(project, wait=False)
    answer = visitor.api("POST", f"users/rikke/servers/{project}")

    assert page.status_code == answer.status_code == 403
    assert 'role="alert"' in page.text
    assert 'lang="da"' in page.text
    refusals = eventually(
        lambda: stand_in_platform.records(action="server.refused", actor="rikke")[before + 1 :]
    )
    assert refusals[0]["object"] == f"rikke:{project}"
    assert not stand_in_platform.records(action="server.start", object=f"rikke:{project}")


def test_there_is_no_default_server(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("rikke")

    assert visitor.get("hub/spawn").url.endswith("/hub/home")
    assert visitor.get("hub/spawn/rikke").url.endswith("/hub/home")
    assert visitor.api("POST", "users/rikke/server").status_code == 403
    assert visitor.post("hub/spawn").status_code == 403
    assert "A server belongs to a project" in visitor.post("hub/spawn/rikke").text
    assert not visitor.api("GET", "users/rikke").json()["servers"]


def test_nobody_reaches_anothers_server(stand_in_platform: Platform):
    anders = stand_in_platform.visitor("anders")
    anders.start("diabetes")
    try:
        for user in ("rikke", "ida", "palle"):
            visitor = stand_in_platform.visitor(user)
            assert visitor.api("POST", "users/anders/servers/lung-cancer").status_code in {403, 404}
            assert visitor.get("hub/spawn/anders/lung-cancer").status_code in {403, 404}
            assert visitor.post("hub/spawn/anders/lung-cancer").status_code in {403, 404}
            if user != "ida":  # who sees the servers that are up
                progress = visitor.get("hub/api/users/anders/servers/diabetes/progress")
                assert progress.status_code in {403, 404}
                assert visitor.api("DELETE", "users/anders/servers/diabetes").status_code in {403, 404}
                assert visitor.post("hub/stop/anders/diabetes").status_code in {403, 404}
        assert anders.state("diabetes") == "running"
    finally:
        anders.stop("diabetes")


def test_an_administrator_stops_a_server_and_is_named(stand_in_platform: Platform):
    anders, ida = stand_in_platform.visitor("anders"), stand_in_platform.visitor("ida")
    anders.start("diabetes")

    assert "diabetes" in ida.get("hub/admin").text
    assert ida.post("hub/stop/anders/diabetes").ok

    eventually(lambda: anders.state("diabetes") == "stopped")
    (stop,) = stand_in_platform.records(action="server.stop", object="anders:diabetes")[-1:]
    assert stop["detail"]["why"] == "stopped by ida"


def test_nobody_but_an_administrator_sees_others(stand_in_platform: Platform):
    for user in ("rikke", "palle", "vera"):
        visitor = stand_in_platform.visitor(user)
        assert visitor.get("hub/admin").status_code == 403
        for path in ("users", "users/ida", "groups", "proxy", "services", "info"):
            assert visitor.api("GET", path).status_code in {403, 404}, path
        assert visitor.api("POST", "shutdown").status_code == 403
        assert visitor.api("POST", "users", {"usernames": ["eve"], "admin": True}).status_code == 403
        assert visitor.api("PATCH", f"users/{user}", {"admin": True}).status_code == 403
        assert visitor.api("POST", "groups/administrators/users", {"users": [user]}).status_code == 403
        assert visitor.api("GET", "user").json()["admin"] is False


def test_not_even_the_administrator_changes_rights(stand_in_platform: Platform):
    ida = stand_in_platform.visitor("ida")

    assert ida.api("GET", "users").status_code == 200
    assert ida.api("PATCH", "users/ida", {"admin": True}).status_code == 403
    assert ida.api("POST", "groups/project-members/users", {"users": ["ida"]}).status_code == 403
    assert ida.api("POST", "shutdown").status_code == 403
    assert ida.api("POST", "users/rikke/servers/lung-cancer").status_code == 403


@pytest.mark.parametrize(
    "path", ["shares/rikke/lung-cancer", "share-codes/rikke/lung-cancer", "users/rikke/shared"]
)
def test_nothing_is_shared(stand_in_platform: Platform, path: str):
    visitor = stand_in_platform.visitor("rikke")

    assert visitor.api("POST", path, {"user": "palle"}).status_code == 403
    assert visitor.api("GET", path).status_code == 403
    assert visitor.get("hub/accept-share?code=x").status_code == 403


OPTIONS: dict[str, Any] = {
    "command": ["/bin/sh", "-c", "touch /tmp/owned"],
    "cmd": "sh",
    "extract": "/",
    "limits": {"memory": 1e12},
    "user": "anders",
    "environment": {"LD_PRELOAD": "/tmp/x.so"},
    "permit": "diabetes",
}


def test_options_in_the_request_change_nothing(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("rikke")
    visitor.api("POST", "users/rikke/servers/lung-cancer", {"user_options": OPTIONS, **OPTIONS})
    eventually(lambda: visitor.state("lung-cancer") == "running")
    try:
        given = stand_in_platform.given()
        assert given["JUPYTERHUB_USER"] == "rikke"
        assert given["JUPYTERHUB_SERVER_NAME"] == "lung-cancer"
        assert not {"LD_PRELOAD", "command", "extract"} & set(given)
        assert json.loads(visitor.get("user/rikke/lung-cancer/api").text)["permit"] == "lung-cancer"
    finally:
        visitor.stop("lung-cancer")


def test_a_server_is_not_renamed_into_another_project(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("rikke")
    visitor.start("lung-cancer")
    visitor.stop("lung-cancer")

    for change in ({"name": "diabetes"}, {"user_options": OPTIONS}, {"display_name": "x"}):
        assert visitor.api("PATCH", "users/rikke/servers/lung-cancer", change).status_code == 403
    visitor.api("POST", "users/rikke/servers/made-up-name")
    known = visitor.api("GET", "users/rikke?include_stopped_servers").json()["servers"]
    assert not {"diabetes", "made-up-name"} & set(known)


def test_an_address_starts_nothing(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("rikke")

    visitor.get("hub/spawn/rikke/lung-cancer")
    visitor.get("hub/spawn/rikke/lung-cancer?opt-cmd=sh")
    visitor.get("hub/spawn/rikke/lung-cancer?cmd=sh&next=/user/rikke/lung-cancer")
    visitor.get("user/rikke/lung-cancer/lab")

    assert visitor.state("lung-cancer") == "stopped"


def test_without_the_token_of_the_page_nothing_is_done(stand_in_platform: Platform):
    visitor = stand_in_platform.visitor("rikke")
    plain = visitor.session
    root = stand_in_platform.url

    for address in (
        "hub/spawn/rikke/lung-cancer",
        "hub/stop/rikke/lung-cancer",
        "hub/api/users/rikke/servers/x",
    ):
        assert plain.post(root + address, timeout=10).status_code == 403
        assert plain.post(root + address, data={"_xsrf": "forged"}, timeout=10).status_code == 403
    other = stand_in_platform.visitor("anders").xsrf
    headers = {"X-XSRFToken": other}
    assert (
        plain.post(f"{root}hub/api/users/rikke/servers/lung-cancer", headers=headers, timeout=10).status_code
        == 403
    )
    login = {"username": "rikke", "password": stand_in_platform.passwords["rikke"]}
    assert requests.post(f"{root}hub/login", data=login, timeout=10).status_code == 403
    assert visitor.state("lung-cancer") == "stopped"


def test_a_script_reads_no_page_of_the_hub(stand_in_platform: Platform):
    """A cell's script runs in the origin of the hub: a token that it could read there would be its own."""
    visitor = stand_in_platform.visitor("rikke")
    script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}

    for page in ("hub/home", "hub/spawn/rikke/lung-cancer", "hub/admin", "hub/login", "hub/nothing"):
        answer = visitor.get(page, headers=script, allow_redirects=False)
        assert answer.status_code in {403, 404}, page
        assert "_xsrf" not in answer.text, page
        assert "jupyterhub-session" not in answer.headers.get("Set-Cookie", ""), page
    pending = visitor.get("hub/spawn-pending/rikke/lung-cancer", headers=script)
    authorize = visitor.get("hub/api/oauth2/authorize?client_id=x", headers=script)
    assert pending.status_code == authorize.status_code == 403
    form = {"_xsrf": visitor.xsrf}
    start = f"{stand_in_platform.url}hub/spawn/rikke/lung-cancer"
    assert visitor.session.post(start, data=form, headers=script, timeout=10).status_code == 403
    assert visitor.get("hub/api/user", headers=script).status_code == 403
    assert visitor.get("hub/home").headers["X-Frame-Options"] == "DENY"


def test_the_log_in_leads_nowhere_else(stand_in_platform: Platform):
    for away in ("https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example"):
        visitor = Visitor(stand_in_platform.url)
        visitor.get("hub/login", params={"next": away})
        form = {"_xsrf": visitor.xsrf, "username": "sofie", "password": stand_in_platform.passwords["sofie"]}
        address = f"{stand_in_platform.url}hub/login"
        answer = visitor.session.post(
            address, data=form, params={"next": away}, allow_redirects=False, timeout=10
        )
        assert answer.status_code == 302
        led = answer.headers["Location"]
        assert not urlparse(led).netloc
        assert not led.startswith(("//", "/\\")), led


def test_the_proxy_takes_no_routes_from_strangers(stand_in_platform: Platform):
    from sundbench.hub.settings import read

    routes = f"http://127.0.0.1:{read(stand_in_platform.site).hub.proxy_port}/api/routes"

    assert requests.get(routes, timeout=10).status_code == 403
    assert (
        requests.post(f"{routes}/user/rikke", json={"target": "http://127.0.0.1:1"}, timeout=10).status_code
        == 403
    )
    assert requests.get(routes, headers={"Authorization": "token x"}, timeout=10).status_code == 403


def test_the_anonymous_get_nothing(stand_in_platform: Platform):
    stranger = Visitor(stand_in_platform.url)
    stranger.get("hub/login")

    for path in ("hub/home", "hub/admin", "hub/spawn/rikke/lung-cancer", "user/rikke/lung-cancer/lab"):
        assert stranger.get(path).url.startswith(f"{stand_in_platform.url}hub/login"), path
    for path in ("users", "users/rikke", "info", "proxy", "groups"):
        assert stranger.api("GET", path).status_code == 403, path
    assert stranger.get("hub/metrics").status_code in {401, 403}
    assert stranger.get("hub/api/users", headers={"Authorization": "token 0123456789"}).status_code == 403


def test_figures_about_everybody_are_the_administrator_s(stand_in_platform: Platform):
    for user in ("rikke", "anders", "vera", "sofie", "palle", "nobody"):
        assert stand_in_platform.visitor(user).get("hub/metrics").status_code == 403, user

    figures = stand_in_platform.visitor("ida").get("hub/metrics")
    assert figures.ok
    assert "jupyterhub_running_servers" in figures.text


MARKUP = "{{ 7*7 }}{% raw %}<img src=x onerror=alert(1)>\"'><script>alert(1)</script>${7*7}&amp;"


def test_what_people_write_is_text_on_every_page(stand_in_platform: Platform):
    """Titles are written by stewards, names in addresses by whoever sends a link."""
    site = stand_in_platform.site
    amend(site, "written", ("rikke:researcher", "ida:researcher"), title=MARKUP)
    amend(site, "written-closed", ("rikke:researcher",), title=MARKUP, expires="2024-01-31")
    rikke, ida = stand_in_platform.visitor("rikke"), stand_in_platform.visitor("ida")
    rikke.start("written")
    try:
        odd = quote(MARKUP, safe="")
        pages = [
            *(
                rikke.get(path)
                for path in ("hub/home", "hub/spawn/rikke/written", "hub/spawn/rikke/written-closed")
            ),
            *(
                rikke.get(f"{path}{odd}")
                for path in ("hub/", "hub/spawn/rikke/", "hub/spawn-pending/rikke/", "user/")
            ),
            rikke.get(f"hub/login?next={odd}"),
            rikke.post(f"hub/spawn/rikke/{odd}"),
            rikke.post("hub/spawn/rikke/written-closed"),
            Visitor(stand_in_platform.url).log_in(MARKUP, "wrong"),
            Visitor(stand_in_platform.url).get(f"hub/login?next={odd}"),
            ida.get("hub/admin"),
            ida.get("hub/home"),
        ]
        for page in pages:
            assert "<img" not in page.text, page.url
            assert "<script>" not in page.text, page.url
        assert "{{ 7*7 }}{% raw %}&lt;img src=x" in pages[0].text
    finally:
        rikke.stop("written")


def test_a_server_s_own_token_opens_nothing_else(stand_in_platform: Platform):
    """Whoever reads a server's token, through whatever hole, gets no further with it."""
    visitor = stand_in_platform.visitor("rikke")
    visitor.start("lung-cancer")
    try:
        token = stand_in_platform.given()["JUPYTERHUB_API_TOKEN"]

        def ask(method: str, path: str, body: object = None) -> int:
            headers = {"Authorization": f"token {token}"}
            address = f"{stand_in_platform.url}hub/api/{path}"
            return requests.request(method, address, headers=headers, json=body or {}, timeout=20).status_code

        active = {"last_activity": "2026-01-01T00:00:00Z"}
        assert ask("POST", "users/rikke/activity", active) == 200
        assert ask("POST", "users/rikke/tokens", {}) == 403
        assert ask("POST", "users/rikke/servers/lung-cancer") == 403
        assert ask("DELETE", "users/rikke/servers/lung-cancer") == 403
        assert ask("GET", "users") == 403
        assert ask("POST", "users/anders/activity", active) in {403, 404}
    finally:
        visitor.stop("lung-cancer")
    assert ask("POST", "users/rikke/activity", active) == 403


def test_refusals_are_recorded_with_who_asked(stand_in_platform: Platform):
    stand_in_platform.visitor("palle").get("hub/admin")

    found = eventually(lambda: stand_in_platform.records(action="hub.refused", actor="palle"))
    assert any(one["object"] == "GET /hub/admin" for one in found)


def test_who_leaves_is_out(stand_in_platform: Platform):
    site = stand_in_platform.site
    amend(site, "short", ("newcomer:researcher",))
    from sundbench.hub import passwords

    passwords.put(site, "newcomer", "a password of theirs")
    visitor = Visitor(stand_in_platform.url)
    assert visitor.log_in("newcomer", "a password of theirs").ok

    amend(site, "short", ("somebody-else:researcher",))

    assert Visitor(stand_in_platform.url).log_in("newcomer", "a password of theirs").status_code == 403
    assert visitor.start("short", wait=False).status_code == 403
