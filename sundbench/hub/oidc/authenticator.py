"""Who may enter where the site has an identity provider: whom it vouches for, and governance knows.

oauthenticator has the way through the browser. What it leaves to trust is checked here: the ID token, that it
answers this log-in, how strong the log-in was, and that the account is the one that the name was bound to.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from typing import Any

from jupyterhub.utils import url_path_join
from oauthenticator.generic import GenericOAuthenticator

from sundbench.errors import HubError
from sundbench.hub.authenticator import GovernanceAuthenticator, too_many
from sundbench.hub.journal import NOBODY
from sundbench.hub.log_in_limits import place
from sundbench.hub.oidc import bindings, refusals
from sundbench.hub.oidc.claims import Identity, identity, require_group
from sundbench.hub.oidc.handlers import BeginHandler, CallbackHandler, SignInHandler, SignOutHandler
from sundbench.hub.oidc.provider import Provider, SessionOverError
from sundbench.hub.oidc.settings import OidcSettings
from sundbench.hub.refusal import Refused
from sundbench.hub.told import standing, told

_STATES = 10_000


class OidcAuthenticator(GovernanceAuthenticator, GenericOAuthenticator):  # type: ignore[misc]
    """Lets in whom the identity provider vouches for."""

    login_handler = BeginHandler
    callback_handler = CallbackHandler
    logout_handler = SignOutHandler

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        chosen = self.chosen
        self.provider = Provider(self._hub.site, chosen)
        self.client_id = chosen.client_id
        self.scope = ["openid", *chosen.scopes]
        self.login_service = chosen.name.en
        self.enable_auth_state = True  # encrypted in the hub's database: the profile gives the key
        self.extra_authorize_params = {"acr_values": " ".join(chosen.acr)} if chosen.acr else {}
        if chosen.recent:
            self.extra_authorize_params["max_age"] = str(round(self._session))
        self._used: OrderedDict[str, None] = OrderedDict()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def chosen(self) -> OidcSettings:
        """The operator's settings."""
        return self._hub.settings.oidc

    @property
    def _session(self) -> float:
        return self._hub.settings.idle.session_hours * 3600

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """As for everyone; the log-in has a button, and the log-out goes on to the provider."""
        own = [(r"/login", SignInHandler), (r"/logout", SignOutHandler)]
        return [*own, *super().get_handlers(app)]

    def home(self, handler: Any) -> str:
        """The hub's address, as browsers know it."""
        return str(url_path_join(self._hub.settings.hub.url, handler.hub.base_url))

    def get_callback_url(self, handler: Any = None) -> str:
        """Where the provider sends browsers back to: what the operator set, never what a request says."""
        return self.home(handler) + "oauth_callback"

    def first_use(self, state: str) -> bool:
        """Whether the way back is taken for the first time."""
        if state in self._used:
            return False
        self._used[state] = None
        if len(self._used) > _STATES:
            self._used.popitem(last=False)
        return True

    async def authenticate(self, handler: Any, data: Any = None, **_: Any) -> dict[str, Any]:
        """Exchange the code, and judge whom it names.

        Raises:
            tornado.web.HTTPError: refused, in words for the person; or the log-in can't be recorded.
        """
        where = place(handler.request.remote_ip)
        if (wait := self._hub.limits.addresses.take(where)) > 0:
            raise told(too_many(wait))
        begun, who = handler.begun, NOBODY
        try:
            tokens = await self.provider.exchange(
                {
                    "code": handler.get_argument("code"),
                    "redirect_uri": self.get_callback_url(handler),
                    "code_verifier": begun["verifier"],
                }
            )
            claims = await self.provider.claims(tokens.get("id_token", ""), begun["nonce"])
            if (wait := self._hub.limits.accounts.take(claims["sub"])) > 0:
                raise too_many(wait)
            found = identity(claims, self.chosen, self._session)
            now = await standing()
            if not now.knows(found.user):
                raise refusals.unknown()
            who = found.user
            await asyncio.to_thread(self._require_bound, found)
        except Refused as refusal:
            raise handler.refused(refusal, who) from None
        except HubError as error:
            self.log.error("Nobody can log in: %s", error)  # noqa: TRY400 - the operator's to mend
            raise handler.refused(refusals.no_answer(), who) from None
        model = await self.admitted(
            found.user, handler, subject=found.subject, acr=found.acr, amr=list(found.amr)
        )
        self._hub.limits.addresses.give_back(where)
        return model | {"auth_state": _kept(tokens, found.subject)}

    async def refresh_user(self, user: Any, handler: Any = None, **more: Any) -> bool | dict[str, Any]:
        """As for everyone; and ask the provider, from time to time, whether the session still holds.

        While the provider doesn't answer, sessions go on: they end with their hours.
        """
        model = await super().refresh_user(user, handler, **more)
        if not isinstance(model, dict):
            await self.end_sessions(user)
            return False
        # In turn: whoever shows a token twice that is good for once is taken for a thief.
        async with self._turns[user.name]:
            state = await user.get_auth_state()
            if not state:
                # Nobody is logged in. A server's own token goes on as long as governance knows the person.
                return model if handler is None or handler._token_authenticated else False
            if time.time() - state["checked"] < self.chosen.recheck_minutes * 60:
                return model | {"auth_state": state}
            try:
                state = await self._renewed(state)
            except Refused as refusal:
                if refusal.reason != "provider":
                    return await self._over(user, refusal.reason)
            except SessionOverError:
                return await self._over(user, "ended at the identity provider")
            await user.save_auth_state(state)
        return model | {"auth_state": state}

    async def end_sessions(self, user: Any) -> None:
        """As for everyone; and give the provider its tokens back."""
        await super().end_sessions(user)
        state = await user.get_auth_state()
        if state:
            await user.save_auth_state(None)
            if state.get("refresh_token"):
                await self.provider.give_back(state["refresh_token"])

    async def _over(self, user: Any, why: str) -> bool:
        self.log.warning("The session of %s is over: %s", user.name, why)
        await self.end_sessions(user)
        return False

    async def _renewed(self, state: dict[str, Any]) -> dict[str, Any]:
        if not state.get("refresh_token"):
            return state | {"checked": time.time()}
        tokens = await self.provider.renew(state["refresh_token"])
        if tokens.get("id_token"):
            claims = await self.provider.claims(tokens["id_token"], None)
            if claims["sub"] != state["subject"]:
                raise refusals.another_account()
            require_group(claims, self.chosen)
        return _kept({**state, **{name: value for name, value in tokens.items() if value}}, state["subject"])

    def _require_bound(self, found: Identity) -> None:
        bindings.require(
            self._hub.site,
            found.user,
            self.chosen.issuer,
            found.subject,
            bind_first=self.chosen.bind_first,
        )


def _kept(tokens: dict[str, Any], subject: str) -> dict[str, Any]:
    """What of a log-in is kept, encrypted: no access token, for which the hub has no use."""
    return {
        "refresh_token": tokens.get("refresh_token"),
        "id_token": tokens.get("id_token"),
        "subject": subject,
        "checked": time.time(),
    }
