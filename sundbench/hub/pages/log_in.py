"""Logging in and out, the way into servers, and what JupyterHub offers and Sundbench doesn't."""

from __future__ import annotations

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from jupyterhub.utils import url_path_join
from tornado import web

from sundbench.governance.audit.actions import Action
from sundbench.hub.deployment import deployment
from sundbench.hub.pages.navigation import HEADERS, Navigated


class SignOnHandler(Navigated, LoginHandler):  # type: ignore[misc]
    """The log-in's page."""


class AuthorizeHandler(Navigated, OAuthAuthorizeHandler):  # type: ignore[misc]
    """The way from the hub's log-in into a server's or a service's."""


class SignOffHandler(Navigated, LogoutHandler):  # type: ignore[misc]
    """Logging out, recorded: of every browser, so that a cookie that somebody copied ends as well."""

    async def get(self) -> None:
        """Record it, and log out whether or not that worked."""
        user = self.current_user
        if user:
            deployment().journal.note(user.name, Action.LOGOUT, "hub")
            await self.authenticator.end_sessions(user)
        await super().get()


class RefusedHandler(BaseHandler):  # type: ignore[misc]
    """What JupyterHub offers and Sundbench doesn't: tokens for users, and sharing of servers."""

    def check_xsrf_cookie(self) -> None:
        """Nothing to protect: every request is refused."""

    async def get(self, *_: str) -> None:
        """Refuse."""
        raise web.HTTPError(403, "Sundbench gives no tokens to users and shares no servers")

    post = put = patch = delete = get


class PlainFileHandler(CacheControlStaticFilesHandler):  # type: ignore[misc]
    """Styles and scripts, with the headers of the pages."""

    def set_extra_headers(self, path: str) -> None:
        """Set them."""
        super().set_extra_headers(path)
        for name, value in HEADERS.items():
            self.set_header(name, value)


class LandingHandler(BaseHandler):  # type: ignore[misc]
    """The root of the site: the home page, or the log-in on the way to it."""

    async def get(self) -> None:
        """Redirect."""
        self.redirect(url_path_join(self.hub.base_url, "home"))
