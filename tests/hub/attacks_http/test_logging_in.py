"""Guessing passwords, and keeping others from logging in."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlparse

import pytest
import requests
from tornado.web import create_signed_value, decode_signed_value

from sundbench.hub import passwords
from sundbench.hub.passwords import Attempts
from sundbench.hub.runtime import secret
from sundbench.hub.settings import read
from tests.hub.installation import Platform, Visitor, amend, eventually

PASSWORD = "a password of theirs"


def member(platform: Platform, name: str) -> Visitor:
    """Somebody with a password, who has not logged in yet."""
    amend(platform.site, f"of-{name}", (f"{name}:researcher",))
    passwords.put(platform.site, name, PASSWORD)
    return Visitor(platform.url)


def test_guesses_that_are_made_at_once_count_as_if_they_came_in_turn():
    attempts = Attempts(clock=lambda: 1000.0)

    looked_at = [number for number in range(50) if attempts.take("anna") == 0]

    assert looked_at == [0]
    attempts.succeeded("anna")
    assert attempts.take("anna") == 0


def test_many_at_once_guess_no_faster(stand_in_platform: Platform):
    member(stand_in_platform, "guessed")

    def guess(number: int) -> int:
        visitor = Visitor(stand_in_platform.url)
        visitor.get("hub/login")
        return visitor.post("hub/login", {"username": "guessed", "password": f"guess {number}"}).status_code

    since = time.monotonic()
    with ThreadPoolExecutor(12) as together:
        answers = list(together.map(guess, range(12)))

    assert set(answers) <= {403, 429}
    assert answers.count(403) <= 1 + time.monotonic() - since, "one, and then one a wait"


def test_who_fails_under_another_s_name_does_not_lock_them_out(stand_in_platform: Platform):
    victim = member(stand_in_platform, "victim")
    assert victim.log_in("victim", PASSWORD).ok
    victim.get("hub/logout")
    attacker = Visitor(stand_in_platform.url)
    attacker.get("hub/login")
    for _ in range(3):
        attacker.post("hub/login", {"username": "victim", "password": "no"})
    assert attacker.post("hub/login", {"username": "victim", "password": PASSWORD}).status_code == 429

    assert victim.log_in("victim", PASSWORD).ok, "in the browser that they always use"
    stolen = {one.name: one.value for one in victim.session.cookies if one.name == "sundbench-known"}
    assert stolen
    for one in victim.session.cookies:
        assert one.name != "sundbench-known" or (
            one.path == "/hub/login" and one.has_nonstandard_attr("HttpOnly")
        )
    other = requests.Session()
    other.cookies.update(stolen)
    assert not other.get(f"{stand_in_platform.url}hub/api/user", timeout=60).ok, "it opens nothing"


def test_names_are_what_governance_wrote_however_they_are_typed(stand_in_platform: Platform):
    member(stand_in_platform, "karen")
    for typed in (" KAREN ", "\u212aaren", "karen\t", "karen\0"):
        visitor = Visitor(stand_in_platform.url)
        assert visitor.log_in(typed, PASSWORD).ok, typed
        assert visitor.api("GET", "user").json()["name"] == "karen"
    for typed in (
        "karen/",
        "kar\u0435n",
        "karen\u200b",
        "k" * 5000,
        "",
        "../karen",
        "karen\nkaren",
    ):
        visitor = Visitor(stand_in_platform.url)
        visitor.get("hub/login")
        answer = visitor.post("hub/login", {"username": typed, "password": PASSWORD})
        assert answer.status_code in {400, 403}, typed
    assert not any("\nkaren" in line for line in stand_in_platform.log().splitlines(keepends=True))


def test_who_logs_in_is_not_who_was_there_before(stand_in_platform: Platform):
    """A session that somebody planted in the browser is not the one that is logged in."""
    visitor = member(stand_in_platform, "fixed")
    visitor.get("hub/login")
    planted = {"jupyterhub-session-id": "0" * 32}
    visitor.session.cookies.set("jupyterhub-session-id", planted["jupyterhub-session-id"], path="/")
    assert visitor.log_in("fixed", PASSWORD).ok
    home = f"{stand_in_platform.url}hub/home"
    assert requests.get(home, cookies=planted, timeout=60, allow_redirects=False).status_code == 302
    old = {one.name: one.value for one in visitor.session.cookies}
    visitor.get("hub/logout")
    again = requests.get(home, cookies=old, timeout=60, allow_redirects=False)
    assert again.status_code in {302, 403}, "a session ends with the log-out, whoever has its cookie"


def test_a_session_ends_after_its_hours_whatever_the_browser_keeps(stand_in_platform: Platform):
    visitor = member(stand_in_platform, "stays")
    assert visitor.log_in("stays", PASSWORD).ok
    site, name = stand_in_platform.site, "jupyterhub-hub-login"
    key, hours = bytes.fromhex(secret(site, "cookie")), read(site).idle.session_hours
    session = decode_signed_value(key, name, (visitor.session.cookies[name] or "").strip('"'))
    assert session

    def logged_in(hours_ago: float) -> bool:
        """Whether a cookie that the hub gave so long ago opens the home page."""
        given = create_signed_value(key, name, session, clock=lambda: time.time() - hours_ago * 3600)
        home = f"{stand_in_platform.url}hub/home"
        cookies = dict(visitor.session.cookies) | {name: given.decode()}
        return requests.get(home, cookies=cookies, timeout=60, allow_redirects=False).status_code == 200

    assert logged_in(hours - 0.1)
    assert not logged_in(hours + 0.1)


def test_the_address_in_the_log_is_not_what_a_browser_claims(stand_in_platform: Platform):
    visitor = member(stand_in_platform, "claims")
    for name in ("X-Real-Ip", "X-Forwarded-For", "Forwarded"):
        visitor.session.headers[name] = "6.6.6.6"

    visitor.log_in("claims", PASSWORD)

    (record,) = eventually(lambda: stand_in_platform.records(action="login", actor="claims"))
    assert record["detail"]["address"] == "127.0.0.1"


def test_a_password_that_is_taken_away_ends_what_it_opened(stand_in_platform: Platform):
    visitor = member(stand_in_platform, "dismissed")
    assert visitor.log_in("dismissed", PASSWORD).ok

    passwords.remove(stand_in_platform.site, "dismissed")

    eventually(lambda: "/hub/login" in visitor.get("hub/home").url)


@pytest.mark.slow
@pytest.mark.usefixtures("sandboxes")
def test_a_code_is_for_one_use_in_one_browser(platform: Platform):
    """What the hub hands a browser on its way into a server opens it once, there, and for its owner."""
    rikke, elsewhere = platform.visitor("rikke"), platform.visitor("rikke")
    rikke.start("lung-cancer")
    try:
        authorize, callback = way_in(rikke)
        _, another = way_in(elsewhere)
        state = parse_qs(urlparse(another).query)["state"][0]

        assert platform.visitor("anders").get(authorize, allow_redirects=False).status_code == 403
        for visitor in (elsewhere, platform.visitor("anders"), Visitor(platform.url)):
            assert visitor.get(callback, allow_redirects=False).status_code in {400, 403}
        assert elsewhere.get(another.replace(state, "forged"), allow_redirects=False).status_code in {
            400,
            403,
        }
        assert rikke.get(callback, allow_redirects=False).status_code == 302
        assert elsewhere.get(callback, allow_redirects=False).status_code in {400, 403}
        assert not rikke.get(callback, allow_redirects=False).cookies, (
            "whoever is in already gets nothing new"
        )
        assert rikke.server("GET", "lung-cancer", "api/status").ok
    finally:
        rikke.stop("lung-cancer")


def way_in(visitor: Visitor) -> tuple[str, str]:
    """Go towards a server: where the hub is asked, and where it sends the browser with a code."""
    way = [f"user/{visitor.user}/lung-cancer/lab"]
    while "oauth_callback?code=" not in way[-1]:
        answer = visitor.get(way[-1], allow_redirects=False)
        assert answer.status_code == 302, (way, answer.text)
        way.append(answer.headers["Location"])
    return way[-2], way[-1]
