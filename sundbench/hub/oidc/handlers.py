"""The way to the identity provider and back, and out again."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import hmac
import json
import secrets
from typing import Any

from jupyterhub.utils import url_path_join
from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler
from tornado import web
from tornado.httputil import url_concat

from sundbench.governance.audit.actions import Action
from sundbench.hub.deployment import deployment
from sundbench.hub.journal import NOBODY
from sundbench.hub.metrics import LOG_INS
from sundbench.hub.oidc import refusals
from sundbench.hub.pages.log_in import SignOffHandler, SignOnHandler
from sundbench.hub.pages.navigation import Navigated
from sundbench.hub.refusal import Refused
from sundbench.hub.told import told

_COOKIE = "sundbench-log-in"
_DAYS = 15 / 1440
"""How long somebody may take at the provider: a quarter of an hour."""


class BeginHandler(Navigated, OAuthLoginHandler):  # type: ignore[misc]  # JupyterHub has no types
    """Sends the browser to the provider, with what it must bring back."""

    async def get(self) -> None:
        """Redirect."""
        try:
            where = (await self.authenticator.provider.addresses()).authorize
        except Refused as refusal:
            raise told(refusal) from None
        verifier, challenge = self._generate_pkce_params()
        begun = {
            "state": secrets.token_urlsafe(32),
            "nonce": secrets.token_urlsafe(32),
            "verifier": verifier,
            "next": self._get_next_url() or "",
        }
        self._set_cookie(
            _COOKIE, json.dumps(begun), expires_days=_DAYS, httponly=True, path=self.hub.base_url
        )
        asked = {
            "response_type": "code",
            "client_id": self.authenticator.client_id,
            "redirect_uri": self.authenticator.get_callback_url(self),
            "scope": " ".join(self.authenticator.scope),
            "state": begun["state"],
            "nonce": begun["nonce"],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **self.authenticator.extra_authorize_params,
        }
        self.redirect(url_concat(where, asked))


class CallbackHandler(Navigated, OAuthCallbackHandler):  # type: ignore[misc]
    """Takes the browser back, once, if it is the one that was sent."""

    async def get(self) -> None:
        """Log in, and go on to where the browser had wanted to go."""
        self.begun = self._brought_back()
        user = await self.login_user()
        if user is None:
            raise web.HTTPError(403)
        self.redirect(self.get_next_url(user))

    def get_next_url(self, user: Any = None) -> str:
        """Where the browser had wanted to go: an address of this site's alone, made so before it was kept."""
        return self.begun["next"] or url_path_join(self.hub.base_url, "home")

    def _brought_back(self) -> dict[str, str]:
        kept = self.get_secure_cookie(_COOKIE, max_age_days=_DAYS)
        self.clear_cookie(_COOKIE, path=self.hub.base_url)
        try:
            begun: dict[str, str] = json.loads(kept or b"")
        except ValueError:
            raise self.refused(refusals.stale()) from None
        # Providers that say no may leave out the state. Their own words are theirs, not ours, to show.
        if not self.get_argument("code", ""):
            raise self.refused(refusals.declined())
        if not hmac.compare_digest(begun["state"].encode(), self.get_argument("state", "").encode()):
            raise self.refused(refusals.stale())
        if not self.authenticator.first_use(begun["state"]):
            raise self.refused(refusals.stale())
        return begun

    def refused(self, refusal: Refused, who: str = NOBODY) -> web.HTTPError:
        """Record a refusal; what to raise, so that it is told."""
        deployment().journal.refused(
            who, Action.LOGIN_REFUSED, "hub", address=self.request.remote_ip, reason=refusal.reason
        )
        LOG_INS.labels(refusal.reason).inc()
        return told(refusal)


class SignInHandler(SignOnHandler):
    """The log-in's page, with a button and no form."""

    async def post(self) -> None:
        """Refuse: nobody logs in with what a form holds."""
        raise web.HTTPError(405)


class SignOutHandler(SignOffHandler):
    """Logging out here, and at the provider."""

    async def get(self) -> None:
        """End the session: every browser's here, and the provider's of this one."""
        user = self.current_user
        self.kept = await user.get_auth_state() if user else None  # gone when the sessions are
        await super().get()

    async def render_logout_page(self) -> None:
        """Go to the provider, where it can end a session; else to the log-in's page."""
        back = self.authenticator.home(self) + "login"
        try:
            where = (await self.authenticator.provider.addresses()).log_out
        except Refused:
            where = None
        if where is None or not self.kept:
            self.redirect(back)
            return
        asked = {"client_id": self.authenticator.client_id, "post_logout_redirect_uri": back}
        if self.kept.get("id_token"):
            asked["id_token_hint"] = self.kept["id_token"]
        self.redirect(url_concat(where, asked))
