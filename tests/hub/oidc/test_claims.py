"""ID tokens that lie, each in one way."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from sundbench.hub.oidc.claims import UnknownKeyError, identity, verified
from sundbench.hub.oidc.settings import OidcSettings
from sundbench.hub.refusal import Refused
from tests.hub.oidc.provider import jwk

KEY, OTHER = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
KEYS = [jwk(KEY, "one"), jwk(OTHER, "two")]
SETTINGS = OidcSettings(issuer="https://login.dk", client_id="sundbench", acr=("urn:two",))
HOURS = 12 * 3600


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    issued = {"iss": "https://login.dk", "aud": "sundbench", "sub": "s-1", "iat": now, "exp": now + 60}
    person = {"nonce": "n", "preferred_username": "rikke", "acr": "urn:two", "auth_time": now}
    every = {**issued, **person, **changes}
    return {name: value for name, value in every.items() if value is not None}


def token(key: Any = KEY, alg: str = "RS256", kid: str | None = "one", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, alg, headers={} if kid is None else {"kid": kid})


def refused(reason: str, text: str, settings: OidcSettings = SETTINGS, keys: Any = KEYS) -> None:
    with pytest.raises(Refused) as error:
        identity(verified(text, keys, settings, "n"), settings, HOURS)
    assert error.value.reason == reason


def test_one_that_does_not_lie() -> None:
    found = identity(verified(token(amr=["pwd", "otp"]), KEYS, SETTINGS, "n"), SETTINGS, HOURS)
    assert (found.user, found.subject, found.acr, found.amr) == ("rikke", "s-1", "urn:two", ("pwd", "otp"))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.dk/"},
        {"iss": "https://evil.dk"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": ["sundbench", "another-client"]},
        {"aud": ["sundbench", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": None},
        {"iat": float("inf")},
        {"iat": int(time.time()) + 4000},
        {"nbf": int(time.time()) + 4000},
        {"nonce": "m"},
        {"nonce": None},
        {"nonce": "\ud800"},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\nb"},
        {"sub": "\ud800"},
        {"sub": "x" * 256},
    ],
)
def test_what_is_not_for_this_hub_and_this_log_in(changes: dict[str, Any]) -> None:
    refused("token", token(**changes))


def test_one_for_several_with_this_hub_as_the_authorized_party() -> None:
    assert verified(token(aud=["sundbench", "b"], azp="sundbench"), KEYS, SETTINGS, "n")


def test_signatures() -> None:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    body, mac = token().rsplit(".", 1)
    refused("token", jwt.encode(claims(), None, "none", headers={"kid": "one"}))
    refused("token", body + ".")
    refused("token", token(kid="two"))
    refused("token", f"{body}.{mac[::-1]}")
    refused("token", "x.y.z")
    refused("token", "")
    head, payload = (
        _base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "one"}, claims())
    )
    with_public_key = hmac.digest(public, f"{head}.{payload}".encode(), "sha256")
    refused("token", f"{head}.{payload}.{_base64(with_public_key)}")
    refused("token", token(), keys=[{"kty": "oct", "kid": "one", "k": "AAAA"}])


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def test_a_key_that_is_not_known_may_be_new() -> None:
    with pytest.raises(UnknownKeyError):
        verified(token(kid="three"), KEYS, SETTINGS, "n")
    with pytest.raises(UnknownKeyError):
        verified(token(kid=None), KEYS, SETTINGS, "n")
    with pytest.raises(UnknownKeyError):
        verified(token(), [{**KEYS[0], "use": "enc"}], SETTINGS, "n")
    assert verified(token(kid=None), KEYS[:1], SETTINGS, "n")


@pytest.mark.parametrize(
    "name",
    [
        *("Rikke", "RIKKE", "rikke ", " rikke", "rikke\n", "rikke\0", "rikke/anders", "../anders", "rik ke"),
        *("\u212aaren", "rıkke", "rikke\u200b", "ｒikke", "rikke:x", "rikke@login.dk", "rikke%2f", "-rikke"),
        *("9rikke", "x" * 65, "", None, 7, True, ["rikke"], {"name": "rikke"}),
    ],
)
def test_names_that_governance_does_not_write(name: object) -> None:
    refused("name", token(preferred_username=name))


def test_names_with_a_domain() -> None:
    settings = SETTINGS.model_copy(update={"user_domain": "login.dk"})
    found = identity(claims(preferred_username="rikke@login.dk"), settings, HOURS)
    assert found.user == "rikke"
    for name in (
        "rikke",
        "rikke@evil.dk",
        "rikke@login.dk.evil.dk",
        "rikke@evil.dk@login.dk",
        "rikke@LOGIN.DK",
    ):
        refused("name", token(preferred_username=name), settings)


@pytest.mark.parametrize("proved", [None, False, "true", 1])
def test_an_address_that_nobody_verified_is_no_name(proved: object) -> None:
    settings = SETTINGS.model_copy(update={"user_claim": "email", "user_domain": "login.dk"})
    refused("name", token(email="rikke@login.dk", email_verified=proved), settings)
    assert identity(claims(email="rikke@login.dk", email_verified=True), settings, HOURS).user == "rikke"


@pytest.mark.parametrize(
    "changes",
    [
        *({"acr": acr} for acr in (None, "urn:one", "", ["urn:two"], "urn:two ", "urn:TWO", 2)),
        *({"auth_time": when} for when in (None, 0, "now", True, 10**400, float("inf"), float("nan"))),
    ],
)
def test_a_log_in_that_is_too_weak(changes: dict[str, Any]) -> None:
    refused("second-factor", token(**changes))


@pytest.mark.parametrize("seconds", [-HOURS - 90, 90])
def test_a_log_in_that_is_too_old_or_to_come(seconds: int) -> None:
    refused("second-factor", token(auth_time=time.time() + seconds))


@pytest.mark.parametrize("amr", [None, [], ["pwd"], "otp", {"otp": 1}, [["otp"]], ["otp", 1]])
def test_methods_of_which_one_must_have_been_used(amr: object) -> None:
    settings = SETTINGS.model_copy(update={"amr": ("otp", "hwk")})
    refused("second-factor", token(amr=amr), settings)
    assert identity(claims(amr=["pwd", "hwk"]), settings, HOURS)


@pytest.mark.parametrize("groups", [None, [], ["sundbench2"], "sundbench", ["SUNDBENCH"], {"sundbench": 1}])
def test_who_is_not_in_the_group_is_out(groups: object) -> None:
    settings = SETTINGS.model_copy(update={"required_group": "sundbench"})
    refused("group", token(groups=groups), settings)
    assert identity(claims(groups=["x", "sundbench"]), settings, HOURS)
