"""Who may enter: whose password it is, and a person whom governance knows.

A site with an identity provider has `sundbench.hub.oidc.authenticator` in `PasswordAuthenticator`'s place;
`GovernanceAuthenticator` is both's.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.utils import new_token
from sqlalchemy import inspect
from tornado import web
from traitlets import Unicode

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.hub import known_browsers, passwords, rights
from sundbench.hub.deployment import Deployment, deployment
from sundbench.hub.journal import NOBODY
from sundbench.hub.log_in_limits import place
from sundbench.hub.metrics import LOG_INS
from sundbench.hub.pages import database_away, handlers
from sundbench.hub.permits_watch import Watch
from sundbench.hub.refusal import Refused
from sundbench.hub.told import standing, told

_log = logging.getLogger(__name__)

_AT_ONCE = asyncio.Semaphore(2)
"""A password takes a fifth of a second of a core to check: many tries at once must not stop the hub."""
_LONGEST = 255
"""Characters of a name that are kept in memory; governance's are shorter."""


class GovernanceAuthenticator(Authenticator):  # type: ignore[misc]  # JupyterHub has no types
    """Takes groups, and through them all rights, from governance."""

    hub_config = Unicode(config=True, help="The folder hub_config, for the pages' style and scripts.")
    theme = Unicode(config=True, help="The folder with the style that reports and pages share.")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.allow_all = True  # whom `authenticate` lets through, governance knows
        self.manage_groups = True
        self.refresh_pre_spawn = True
        # A user's cookie must not outlive the person's leaving.
        self.auth_refresh_strict = True

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """Sundbench's own pages, before JupyterHub's; and the watch, which needs the running hub."""
        database_away.teach()
        self._watching = Watch(app, self._hub).begin()
        return [*handlers(Path(self.hub_config), Path(self.theme)), *super().get_handlers(app)]

    async def refresh_user(self, user: Any, handler: Any = None, **_: Any) -> bool | dict[str, Any]:
        """Ask governance again what a user may do; False for one whom it doesn't know any more."""
        try:
            now = await standing()
        except web.HTTPError as error:
            if handler is not None:
                handler.without_governance = error  # JupyterHub would take the user for a stranger
            raise
        if not now.knows(user.name):
            return False
        return _model(user.name, now)

    async def end_sessions(self, user: Any) -> None:
        """Let no cookie work any more, and no token that a browser has from a server's log-in."""
        user.orm_user.cookie_id = new_token()  # JupyterHub's cookie names it; it keeps no list of sessions
        session = inspect(user.orm_user).session
        for token in list(user.orm_user.api_tokens):
            if token.session_id:
                session.delete(token)
        session.commit()

    async def admitted(self, user: str, handler: Any, **detail: Any) -> dict[str, Any]:
        """Let someone in whose identity is certain: recorded first, and not let in if that fails.

        Args:
            user: who it is.
            handler: of the log-in.
            detail: how they proved it, for the record.

        Raises:
            tornado.web.HTTPError: it can't be recorded.
        """
        now = await standing()
        try:
            address = handler.request.remote_ip
            await self._hub.journal.record(user, Action.LOGIN, "hub", address=address, **detail)
        except AuditError as error:
            self.log.error("%s can't log in: %s", user, error)  # noqa: TRY400 - a line, not a traceback
            raise told(_NO_AUDIT) from None
        LOG_INS.labels("admitted").inc()
        return _model(user, now)

    @property
    def _hub(self) -> Deployment:
        return deployment()


class PasswordAuthenticator(GovernanceAuthenticator):
    """Checks the passwords that are kept here."""

    async def refresh_user(self, user: Any, handler: Any = None, **more: Any) -> bool | dict[str, Any]:
        """As for everyone; who has no password any more is out as well."""
        if user.name not in await asyncio.to_thread(passwords.users, self._hub.site):
            return False
        return await super().refresh_user(user, handler, **more)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Check a user's name and password.

        Returns:
            JupyterHub's model of the user; None where either is wrong, in one answer for both.

        Raises:
            tornado.web.HTTPError: too many failures lately, or the log-in can't be recorded.
        """
        user, password = data.get("username", "").strip().lower(), data.get("password", "")
        hub, now = self._hub, await standing()
        who = f"{user[:_LONGEST]} {known_browsers.known(handler, user)}".strip()
        address = place(handler.request.remote_ip)
        if (wait := max(hub.limits.addresses.take(address), hub.attempts.take(who))) > 0:
            LOG_INS.labels("too-many-attempts").inc()
            raise told(too_many(wait))
        async with _AT_ONCE:
            right = await asyncio.to_thread(passwords.check, hub.site, user, password)
        if right and now.knows(user):
            hub.attempts.succeeded(who)
            hub.limits.addresses.give_back(address)
            admitted = await self.admitted(user, handler)
            known_browsers.remember(handler, user, encrypted=hub.settings.hub.url.startswith("https:"))
            return admitted
        # What is typed as an unknown name may be a password: it doesn't go into the log.
        named = user if now.knows(user) else NOBODY
        LOG_INS.labels("password").inc()
        hub.journal.refused(named, Action.LOGIN_REFUSED, "hub", address=handler.request.remote_ip)
        return None


def _model(user: str, now: rights.Standing) -> dict[str, Any]:
    # Nobody is JupyterHub's own "admin": see `rights`.
    return {"name": user, "groups": sorted(now.groups(user)), "admin": False}


def too_many(wait: float) -> Refused:
    """Too many tries of one person, or from one address."""
    seconds = max(1, round(wait))
    return Refused(
        "too-many-attempts",
        da=f"For mange mislykkede forsøg. Prøv igen om {seconds} sek.",
        en=f"Too many failed attempts. Try again in {seconds} s.",
        status=429,
    )


_NO_AUDIT = Refused(
    "audit",
    da="Ingen kan logge ind, for revisionsloggen kan ikke skrives lige nu. Prøv igen om lidt.",
    en="Nobody can log in, because the audit log can't be written just now. Try again in a while.",
    status=503,
)
