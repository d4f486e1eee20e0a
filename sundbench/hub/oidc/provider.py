"""The identity provider as this hub meets it: where it is asked what, and what its answers mean.

Its addresses and keys are looked up when they are first needed (OpenID Connect Discovery 1.0), so that a hub
starts while the provider is away, and again from time to time, so that new keys are found.
"""

from __future__ import annotations

import json
import logging
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from sundbench.errors import HubError
from sundbench.hub.oidc import refusals
from sundbench.hub.oidc.claims import UnknownKeyError, verified
from sundbench.hub.oidc.settings import OidcSettings, is_safe
from sundbench.site import Site

_log = logging.getLogger(__name__)

_SECONDS = 10
_LARGEST = 2**20
_FRESH = 3600.0
"""Seconds after which addresses and keys are looked up again."""
_KEYS_AGAIN = 10.0
"""Seconds between look-ups for keys that weren't there: made-up keys must not make the hub ask on and on."""


class SessionOverError(Exception):
    """The provider won't renew a session: the person logged out there, or may not log in any more."""


@dataclass(frozen=True)
class Addresses:
    """Where the provider is asked for what.

    Attributes:
        authorize: where browsers log in.
        token: where codes are exchanged.
        keys: its public keys.
        revoke: where tokens are given back; None: nowhere.
        log_out: where browsers end their session; None: nowhere.
        basic: the client shows its secret in a header, not in the body.
    """

    authorize: str
    token: str
    keys: str
    revoke: str | None
    log_out: str | None
    basic: bool


def secret_file(site: Site) -> Path:
    """Where the operator has put what the provider knows this hub by."""
    return site.hub / "secrets" / "oidc-client"


def client_secret(site: Site) -> str:
    """The client's secret. It is read anew each time, so that a new one needs no restart.

    Raises:
        HubError: it isn't there, is empty, or others can read it.
    """
    file = secret_file(site)
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HubError(f"{file}: can't be read: write the OIDC client's secret there (0600)") from error
    if mode & 0o077:
        raise HubError(f"{file}: others can read it: chmod 600")
    if not text:
        raise HubError(f"{file}: empty: write the OIDC client's secret there")
    return text


class Provider:
    """One provider.

    Args:
        site: the installation.
        settings: the operator's.
    """

    def __init__(self, site: Site, settings: OidcSettings) -> None:
        self._site = site
        self._settings = settings
        self._addresses: tuple[float, Addresses] | None = None
        self._keys: tuple[float, list[Mapping[str, Any]]] = (0.0, [])
        self._asking: AsyncHTTPClient | None = None

    async def addresses(self) -> Addresses:
        """Where it is asked; as they were, while it doesn't answer.

        Raises:
            Refused: it doesn't answer, and never did.
        """
        if self._addresses is not None and time.monotonic() - self._addresses[0] < _FRESH:
            return self._addresses[1]
        url = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = self._described(await self._get(url))
        except (OSError, HTTPClientError, ValueError) as error:
            _log.error("the identity provider's description %s can't be used: %s", url, error)
            if self._addresses is None:
                raise refusals.no_answer() from None
            found = self._addresses[1]
        self._addresses = (time.monotonic(), found)
        return found

    async def exchange(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Exchange a code for tokens.

        Raises:
            Refused: the provider doesn't answer, or doesn't know the code.
        """
        try:
            return await self._tokens({**parameters, "grant_type": "authorization_code"})
        except SessionOverError:
            raise refusals.stale() from None

    async def renew(self, refresh_token: str) -> dict[str, Any]:
        """Ask whether a session still holds.

        Returns:
            New tokens.

        Raises:
            Refused: the provider doesn't answer.
            SessionOverError: it doesn't hold.
        """
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def claims(self, token: str, nonce: str | None) -> dict[str, Any]:
        """The claims of an ID token, checked.

        Raises:
            Refused: it is not acceptable, or its key can't be asked for.
        """
        try:
            return verified(token, await self._public_keys(_FRESH), self._settings, nonce)
        except UnknownKeyError:
            try:
                return verified(token, await self._public_keys(_KEYS_AGAIN), self._settings, nonce)
            except UnknownKeyError:
                raise refusals.bad_token() from None

    async def give_back(self, refresh_token: str) -> None:
        """Tell the provider that a session is over; where it can't be told, the token runs out by itself."""
        try:
            where = await self.addresses()
            if where.revoke is not None:
                form = {"token": refresh_token, "token_type_hint": "refresh_token"}
                await self._post(where, where.revoke, form)
        except (HubError, OSError, HTTPClientError) as error:
            _log.warning("a token could not be given back to the identity provider: %s", error)

    async def _tokens(self, form: Mapping[str, str]) -> dict[str, Any]:
        where = await self.addresses()
        try:
            found = json.loads((await self._post(where, where.token, form)).body)
        except HTTPClientError as error:
            if error.response is not None and _says(error.response) == "invalid_grant":
                raise SessionOverError from None
            # The client's secret, say, is wrong: nothing that the person can mend, and no end of a session.
            _log.error("the identity provider gives no tokens: %s", error)
            raise refusals.no_answer() from None
        except (HubError, OSError, ValueError) as error:
            _log.error("the identity provider gives no tokens: %s", error)
            raise refusals.no_answer() from None
        if not isinstance(found, dict) or not isinstance(found.get("id_token", ""), str):
            raise refusals.bad_token()
        return found

    async def _public_keys(self, age: float) -> list[Mapping[str, Any]]:
        if not self._keys[1] or time.monotonic() - self._keys[0] > age:
            where = await self.addresses()
            try:
                keys = (await self._get(where.keys))["keys"]
                self._keys = (time.monotonic(), [one for one in keys if isinstance(one, dict)])
            except (OSError, HTTPClientError, ValueError, KeyError, TypeError) as error:
                _log.error("the identity provider's keys can't be used: %s", error)
                if not self._keys[1]:
                    raise refusals.no_answer() from None
        return self._keys[1]

    def _described(self, found: Mapping[str, Any]) -> Addresses:
        if found.get("issuer") != self._settings.issuer:
            raise ValueError(f"it calls itself {found.get('issuer')!r}")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        more = ("revocation_endpoint", "end_session_endpoint")
        said = [*(str(found[name]) for name in names if name in found)]
        said += [str(found[name]) for name in more if found.get(name)]
        if any(name not in found for name in names) or not all(is_safe(url) for url in said):
            raise ValueError("an address is missing, or not https://")
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Addresses(
            authorize=found["authorization_endpoint"],
            token=found["token_endpoint"],
            keys=found["jwks_uri"],
            revoke=found.get("revocation_endpoint"),
            log_out=found.get("end_session_endpoint"),
            basic="client_secret_basic" in methods,
        )

    async def _get(self, url: str) -> dict[str, Any]:
        answer = await self._client.fetch(url, headers={"Accept": "application/json"})
        found = json.loads(answer.body)
        if not isinstance(found, dict):
            raise ValueError("no object")  # noqa: TRY004 - a provider's fault, as others of its answers
        return found

    async def _post(self, where: Addresses, url: str, form: Mapping[str, str]) -> HTTPResponse:
        secret, client = client_secret(self._site), self._settings.client_id
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if where.basic:  # RFC 6749, 2.3.1: each part form-encoded
            pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        else:
            form = {**form, "client_id": client, "client_secret": secret}
        return await self._client.fetch(url, method="POST", headers=headers, body=urlencode(form))

    @property
    def _client(self) -> AsyncHTTPClient:
        # Its own: redirects are not followed, and an answer's size has a limit.
        if self._asking is None:
            self._asking = SimpleAsyncHTTPClient(
                force_instance=True,
                max_body_size=_LARGEST,
                defaults={
                    "follow_redirects": False,
                    "connect_timeout": _SECONDS,
                    "request_timeout": _SECONDS,
                },
            )
        return self._asking


def _says(answer: HTTPResponse) -> str:
    try:
        return str(json.loads(answer.body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""
