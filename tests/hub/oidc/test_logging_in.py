"""Through a running hub: who gets in by the provider, who doesn't, and how a session ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.hub.oidc import bindings
from tests.hub.installation import Platform, Visitor, eventually, permit_text
from tests.hub.oidc.conftest import member
from tests.hub.oidc.provider import Provider


def enter(visitor: Visitor, path: str = "hub/oauth_login") -> requests.Response:
    """Press the button; the provider sends the browser back at once."""
    answer = visitor.get(path)
    visitor.get("hub/home")
    return answer


def inside(visitor: Visitor) -> bool:
    return "/hub/login" not in visitor.get("hub/home").url


def refusals(platform: Platform, reason: str) -> list[dict[str, Any]]:
    return [one for one in platform.records(action="login.refused") if one["detail"].get("reason") == reason]


@pytest.fixture
def truthful(provider: Provider) -> Iterator[Provider]:
    """Afterwards the provider doesn't lie any more."""
    yield provider
    provider.lie = provider.sign = None


def test_a_person_logs_in_and_works_and_it_is_recorded(guarded: Platform, provider: Provider):
    karen = member(guarded, "karen")
    page = karen.get("hub/login").text
    assert "Log in with the region" in page
    assert "password" not in page.replace("password-", "")
    provider.is_("s-karen", "karen", amr=["pwd", "otp"], groups=["sundbench", "admin", "administrators"])

    enter(karen)

    assert karen.api("GET", "user").json()["admin"] is False
    assert karen.get("hub/admin").status_code == 403, "no claim gives a right"
    assert set(karen.api("GET", "user").json()["groups"]) == {"permit-of-karen", "project-members"}
    (record,) = guarded.records(action="login", actor="karen")
    assert record["detail"]["subject"] == "s-karen"
    assert (record["detail"]["acr"], record["detail"]["amr"]) == ("urn:two", ["pwd", "otp"])
    assert bindings.account(guarded.site, "karen") == (provider.issuer, "s-karen")
    karen.start("of-karen")
    assert provider.issuer not in str(guarded.given()), "a server is told nothing of the provider's"
    karen.stop("of-karen")


def test_where_somebody_wanted_to_go_and_no_further(guarded: Platform, provider: Provider):
    anna = member(guarded, "anna")
    provider.is_("s-anna", "anna")
    assert enter(anna, "hub/oauth_login?next=/hub/home?x=1").url.endswith("/hub/home?x=1")
    anna.get("hub/logout")
    for outside in ("//evil.dk/x", "https://evil.dk/x", "\\\\evil.dk", "/\\evil.dk", "javascript:alert(1)"):
        answer = anna.session.get(
            f"{guarded.url}hub/oauth_login", params={"next": outside}, allow_redirects=False, timeout=60
        )
        back = anna.session.get(answer.headers["Location"], allow_redirects=False, timeout=60)
        last = anna.session.get(back.headers["Location"], allow_redirects=False, timeout=60)
        assert last.headers["Location"].startswith("/"), outside
        assert not last.headers["Location"].startswith(("//", "/\\")), outside


@pytest.mark.parametrize(
    ("reason", "claims"),
    [
        ("second-factor", {"acr": "urn:one"}),
        ("second-factor", {"auth_time": 1}),
        ("group", {"groups": []}),
        ("name", {"preferred_username": "Liar"}),
        ("name", {"preferred_username": "li\u00e0r"}),
        ("not-registered", {"preferred_username": "stranger"}),
    ],
)
def test_who_is_refused_reads_why(guarded: Platform, provider: Provider, reason: str, claims: dict[str, Any]):
    liar = member(guarded, "liar")
    provider.is_("s-liar", "liar", **claims)
    before = len(refusals(guarded, reason))

    answer = liar.get("hub/oauth_login")

    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert 'lang="da"' in answer.text
    assert not inside(liar)
    (record,) = eventually(lambda: refusals(guarded, reason)[before:])
    assert record["actor"] == "anonymous", "a name counts only once the account was found to be its own"
    assert bindings.account(guarded.site, "liar") is None


@pytest.mark.parametrize(
    "change",
    [{"iss": "https://evil.dk"}, {"aud": "another"}, {"nonce": "old"}, {"exp": 1}, {"azp": "another"}],
)
def test_tokens_that_are_not_for_this_log_in(guarded: Platform, truthful: Provider, change: dict[str, Any]):
    tricked = member(guarded, "tricked")
    truthful.is_("s-tricked", "tricked")
    truthful.lie = lambda claims: claims | change

    assert tricked.get("hub/oauth_login").status_code == 403
    assert not inside(tricked)


def test_a_token_that_is_not_signed(guarded: Platform, truthful: Provider):
    import jwt

    tricked = member(guarded, "tricked")
    truthful.is_("s-tricked", "tricked")
    truthful.sign = lambda claims: jwt.encode(claims, None, "none", headers={"kid": truthful.kid})
    assert tricked.get("hub/oauth_login").status_code == 403
    assert not inside(tricked)


def test_a_name_is_one_account_s_and_an_account_has_one_name(guarded: Platform, provider: Provider):
    for name in ("olga", "pia"):
        member(guarded, name)
    olga = Visitor(guarded.url, user="olga")
    provider.is_("s-olga", "olga")
    enter(olga)
    assert inside(olga)

    provider.is_("s-thief", "olga")  # the directory gave the name to somebody new, or they took it
    thief = Visitor(guarded.url)
    assert "another account" in thief.get("hub/oauth_login").text
    assert not inside(thief)
    provider.is_("s-olga", "pia")  # a renamed account takes over nobody who has not been here yet
    renamed = Visitor(guarded.url)
    assert "another account" in renamed.get("hub/oauth_login").text
    assert not inside(renamed)
    assert {
        one["actor"]
        for one in eventually(
            lambda: refusals(guarded, "another-account")[1:] and refusals(guarded, "another-account")
        )
    } >= {"olga", "pia"}


def test_the_way_back_is_for_one_use_in_one_browser(guarded: Platform, provider: Provider):
    berit = member(guarded, "berit")
    provider.is_("s-berit", "berit")

    def begun(visitor: Visitor) -> str:
        to_provider = visitor.get("hub/oauth_login", allow_redirects=False).headers["Location"]
        asked = parse_qs(urlsplit(to_provider).query)
        assert len(asked["nonce"][0]) > 30
        assert asked["max_age"] == ["43200"]
        return requests.get(to_provider, allow_redirects=False, timeout=60).headers["Location"]

    back = begun(berit)
    kept = dict(berit.session.cookies)
    elsewhere = Visitor(guarded.url)
    begun(elsewhere)
    assert elsewhere.session.get(back, timeout=60).status_code == 400, "another browser's"
    assert Visitor(guarded.url).session.get(back, timeout=60).status_code == 400, "no browser's"
    forged = back.replace("state=", "state=x")
    assert Visitor(guarded.url).session.get(forged, cookies=kept, timeout=60).status_code == 400
    assert berit.session.get(back, allow_redirects=False, timeout=60).status_code == 302
    asked = len(provider.asked)
    again = requests.get(back, cookies=kept, allow_redirects=False, timeout=60)
    assert again.status_code == 400, "whoever copied address and cookie comes too late"
    assert not [path for path, _ in provider.asked[asked:] if path == "/token"]
    assert requests.get(back.partition("?")[0], timeout=60).status_code == 400
    fetched = requests.get(back, headers={"Sec-Fetch-Mode": "cors"}, cookies=kept, timeout=60)
    assert fetched.status_code == 403


def test_nobody_gets_in_by_the_form_that_is_not_there(guarded: Platform, provider: Provider):
    visitor = member(guarded, "grete")
    provider.is_("s-grete", "grete")
    visitor.get("hub/login")
    answer = visitor.post(
        "hub/login", {"username": "rikke", "password": guarded.passwords["rikke"], "code": "x"}
    )
    assert answer.status_code == 405
    assert not inside(visitor)


def test_a_session_ends_when_the_provider_says_so(guarded: Platform, provider: Provider):
    dorte = member(guarded, "dorte")
    provider.is_("s-dorte", "dorte")
    enter(dorte)
    time.sleep(1.5)
    assert inside(dorte), "the provider was asked, and said yes"

    provider.disabled.add("s-dorte")

    eventually(lambda: not inside(dorte))
    # Nor does the same account get in elsewhere with what it had: the cookie is dead everywhere.
    assert (
        "/hub/login"
        in requests.get(f"{guarded.url}hub/home", cookies=dict(dorte.session.cookies), timeout=60).url
    )


def test_a_renewed_token_can_take_away_as_well(guarded: Platform, truthful: Provider):
    else_where = member(guarded, "elna")
    truthful.is_("s-elna", "elna")
    enter(else_where)
    assert inside(else_where)
    truthful.lie = lambda claims: claims | {"groups": []}
    eventually(lambda: not inside(else_where))


def test_the_provider_is_away_for_a_while(guarded: Platform, provider: Provider):
    frida, new = member(guarded, "frida"), member(guarded, "nanna")
    provider.is_("s-frida", "frida")
    enter(frida)
    port = provider.port
    provider.stop()
    try:
        time.sleep(1.5)
        assert inside(frida), "who is in stays in"
        answer = new.get("hub/login")
        assert answer.ok
        begun = new.get("hub/oauth_login", allow_redirects=False)
        state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
        answer = new.get(f"hub/oauth_callback?code=x&state={state}")
        assert answer.status_code == 503
        assert "log-in service doesn" in answer.text
    finally:
        provider.start(port)
    provider.is_("s-nanna", "nanna")
    enter(new)
    assert inside(new)
    time.sleep(1.5)
    assert inside(frida)


def test_new_keys_are_found(guarded: Platform, provider: Provider):
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    hanne = member(guarded, "hanne")
    provider.is_("s-hanne", "hanne")
    provider.key, provider.kid = generate_private_key(65537, 2048), "two"

    def comes_in() -> bool:
        enter(hanne)
        return inside(hanne)

    eventually(comes_in, 60)


def test_who_leaves_is_out_and_the_tokens_are_given_back(guarded: Platform, provider: Provider):
    ulla = member(guarded, "ulla")
    provider.is_("s-ulla", "ulla")
    enter(ulla)
    ulla.start("of-ulla")
    given = {token for token, person in provider._tokens.items() if person["sub"] == "s-ulla"}
    assert given

    text = permit_text("of-ulla", ("sofie:researcher",))
    with database.writing(guarded.site) as session:
        permits.register(session, parse(text, "of-ulla"), text, "sofie")

    stop = eventually(lambda: guarded.records(action="server.stop", object="ulla:of-ulla"))
    assert stop[0]["detail"]["why"] == "no member of the project any more"
    assert not inside(ulla)
    eventually(lambda: not [1 for person in provider._tokens.values() if person["sub"] == "s-ulla"])
    assert "not registered" in ulla.get("hub/oauth_login").text


def test_logging_out_ends_it_here_and_at_the_provider(guarded: Platform, provider: Provider):
    vibeke = member(guarded, "vibeke")
    provider.is_("s-vibeke", "vibeke")
    enter(vibeke)
    cookies = dict(vibeke.session.cookies)
    asked = len(provider.asked)

    last = vibeke.get("hub/logout")

    assert last.url == f"{guarded.url}hub/login"
    told = dict(provider.asked[asked:])
    assert told["/logout"]["id_token_hint"].count(".") == 2
    assert told["/logout"]["post_logout_redirect_uri"] == f"{guarded.url}hub/login"
    assert "/revoke" in told
    home = requests.get(f"{guarded.url}hub/home", cookies=cookies, timeout=60)
    assert "/hub/login" in home.url, "a copied cookie ends with it"


def test_the_hub_is_killed_and_people_stay_logged_in(guarded: Platform, provider: Provider):
    signe = member(guarded, "signe")
    provider.is_("s-signe", "signe")
    enter(signe)
    guarded.kill("hub")
    guarded.start_hub()
    time.sleep(1)
    assert inside(signe)
    stored = (guarded.site.hub / "jupyterhub.sqlite").read_bytes()
    assert b"refresh_token" not in stored
    assert not [token for token in provider._tokens if token.encode() in stored], "tokens are kept encrypted"


def test_one_account_does_not_log_in_without_end(guarded: Platform, provider: Provider):
    member(guarded, "many")
    provider.is_("s-many", "many", acr="urn:one")
    answers = [Visitor(guarded.url).get("hub/oauth_login").status_code for _ in range(13)]
    assert answers.count(403) <= 11
    assert answers[-1] == 429


def test_a_new_client_secret_holds_at_once(guarded: Platform, provider: Provider):
    tove = member(guarded, "tove")
    provider.is_("s-tove", "tove")
    provider.secret = "a new one"
    answer = tove.get("hub/oauth_login")
    assert answer.status_code == 503, "the hub still shows the old one"
    (guarded.site.hub / "secrets" / "oidc-client").write_text("a new one\n")
    enter(tove)
    assert inside(tove)


def test_one_address_does_not_try_account_after_account(guarded: Platform, provider: Provider):
    """The last of these tests: afterwards this machine has to wait."""
    answers: list[int] = []
    while len(answers) < 80 and 429 not in answers:
        provider.is_(f"s-{len(answers)}", "stranger")
        answers.append(Visitor(guarded.url).get("hub/oauth_login").status_code)
    assert 429 in answers
    assert set(answers) == {403, 429}
