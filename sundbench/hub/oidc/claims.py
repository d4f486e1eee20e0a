"""What a provider's ID token says, believed only after it was checked (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from sundbench.hub.oidc import refusals
from sundbench.hub.oidc.settings import OidcSettings

_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures with a key that only the provider has: none of the shared secret's, and never ``none``."""
_CLOCKS = 60
"""Seconds that the provider's clock may differ."""
_USER = re.compile(r"[a-z][a-z0-9._-]{0,63}")
"""A user name as governance writes it. Nothing else is made into one: whatever folds letters folds two names
into one some day."""
_LONGEST_SUBJECT = 255


class UnknownKeyError(Exception):
    """A token is signed with a key that is not among those given: the provider may have new ones."""


@dataclass(frozen=True)
class Identity:
    """Who logged in, and how.

    Attributes:
        user: the name, as governance writes names.
        subject: the provider's own name for the account, which it never gives to another.
        acr, amr: how they proved it.
    """

    user: str
    subject: str
    acr: str
    amr: tuple[str, ...]


def verified(
    token: str, keys: Sequence[Mapping[str, Any]], settings: OidcSettings, nonce: str | None
) -> dict[str, Any]:
    """The claims of an ID token that the provider made, for this hub, now, for this log-in.

    Args:
        token: the ID token.
        keys: the provider's public keys (JWK).
        settings: issuer and client.
        nonce: what the browser was sent to the provider with; None for a token that was refreshed.

    Raises:
        UnknownKeyError: it names a key that isn't there.
        Refused: it is not acceptable.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in _ALGORITHMS:
            raise refusals.bad_token()
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(header, keys),
            algorithms=[header["alg"]],
            audience=settings.client_id,
            issuer=settings.issuer,
            leeway=_CLOCKS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):  # JSON has numbers without end
        raise refusals.bad_token() from None
    others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp", None if len(others) > 1 else settings.client_id)
    if party != settings.client_id or not _is_subject(claims["sub"]):
        raise refusals.bad_token()
    answered = str(claims.get("nonce", "")).encode(errors="replace")
    if nonce is not None and not hmac.compare_digest(answered, nonce.encode()):
        raise refusals.bad_token()
    return claims


def identity(claims: Mapping[str, Any], settings: OidcSettings, session_seconds: float) -> Identity:
    """Who the claims of a log-in name.

    Raises:
        Refused: the log-in was too weak or too old, the person isn't in the required group, or has no name
            that governance could know.
    """
    amr = claims.get("amr")
    methods = tuple(amr) if isinstance(amr, list) and all(isinstance(one, str) for one in amr) else ()
    level = claims.get("acr") if isinstance(claims.get("acr"), str) else ""
    if settings.acr and level not in settings.acr:
        raise refusals.no_second_factor()
    if settings.amr and not set(methods) & set(settings.amr):
        raise refusals.no_second_factor()
    if settings.recent and not _recent(claims.get("auth_time"), session_seconds):
        raise refusals.no_second_factor()
    require_group(claims, settings)
    return Identity(_name(claims, settings), claims["sub"], str(level), methods)


def require_group(claims: Mapping[str, Any], settings: OidcSettings) -> None:
    """Refuse who isn't in the group that the site requires.

    Raises:
        Refused: so it is.
    """
    groups = claims.get(settings.groups_claim)
    if settings.required_group is not None and not (
        isinstance(groups, list) and settings.required_group in groups
    ):
        raise refusals.not_in_group()


def _key(header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> jwt.PyJWK:
    signing = [one for one in keys if one.get("use", "sig") == "sig"]
    if "kid" in header:
        signing = [one for one in signing if one.get("kid") == header["kid"]]
    if len(signing) != 1:
        raise UnknownKeyError
    return jwt.PyJWK(dict(signing[0]), algorithm=header["alg"])


def _is_subject(subject: object) -> bool:
    return isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT and subject.isprintable()


def _recent(proved: object, session_seconds: float) -> bool:
    if isinstance(proved, bool) or not isinstance(proved, int | float):
        return False
    now = time.time()  # compared and not subtracted: a number may be too large for that
    return now - session_seconds - _CLOCKS <= proved <= now + _CLOCKS


def _name(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    name = claims.get(settings.user_claim)
    if settings.user_claim == "email" and claims.get("email_verified") is not True:
        raise refusals.no_name()
    if isinstance(name, str) and settings.user_domain is not None:
        name, _, domain = name.partition("@")
        name = name if domain == settings.user_domain else None
    if not isinstance(name, str) or not _USER.fullmatch(name):
        raise refusals.no_name()
    return name
