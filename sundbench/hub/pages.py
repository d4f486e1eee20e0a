"""Sundbench's own pages in JupyterHub, and those of JupyterHub's that nobody gets.

Handlers given by an authenticator come before JupyterHub's own, so that an address here is ours.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from jupyterhub.handlers.pages import SpawnHandler, SpawnPendingHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from jupyterhub.log import log_request
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import new_token, url_path_join
from tornado import web
from tornado.httputil import url_concat

from sundbench.governance.audit.actions import Action
from sundbench.hub import folders, rights
from sundbench.hub.deployment import deployment
from sundbench.hub.folders import DataState
from sundbench.hub.journal import NOBODY
from sundbench.hub.refusal import Refused
from sundbench.hub.told import granted, standing, told

_MONTHS = {
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "en": "January February March April May June July August September October November December",
}

HEADERS = {
    # No script or style within the pages, nothing from elsewhere, in no frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}
"""HTTP headers of every answer of the hub."""


@dataclass(frozen=True)
class Card:
    """A project as the home page shows it.

    Attributes:
        project: the user's project.
        expires: its last day, written out by language.
        server: ``running``, ``starting``, ``stopping`` or ``stopped``.
        data: whether the project's extract can be used.
        freeze: the extract's data version.
    """

    project: rights.Project
    expires: dict[str, str]
    server: str
    data: DataState
    freeze: str | None


class Navigated:
    """For pages with forms: answers browsers that go there, and no script that fetches the page.

    What a cell shows may hold scripts, and they run in the hub's origin. With the token of a form they could
    start and stop servers in their reader's name, and follow a log-in into the reader's other projects.
    Browsers say what a request is for (Fetch Metadata, W3C) wherever the hub is reached over TLS or locally.
    """

    async def prepare(self) -> None:
        """Refuse scripts; JupyterHub then finds out who asks."""
        handler: Any = self
        asked = handler.request.headers
        # A frame is a navigation as well, of which a script reads what it shows: the token in its cookie.
        if (
            asked.get("Sec-Fetch-Mode", "navigate") != "navigate"
            or asked.get("Sec-Fetch-Dest", "document") != "document"
        ):
            handler._jupyterhub_user = None  # an error's page asks for it
            handler.expanded_scopes, handler.parsed_scopes = set(), {}
            raise web.HTTPError(403, "Pages are not for scripts")
        await super().prepare()  # type: ignore[misc]  # BaseHandler's
        if (unanswered := getattr(handler, "without_governance", None)) is not None:
            raise unanswered


class SignOnHandler(Navigated, LoginHandler):  # type: ignore[misc]
    """The log-in's page."""


class PendingHandler(Navigated, SpawnPendingHandler):  # type: ignore[misc]
    """The page that waits for a start."""


class AuthorizeHandler(Navigated, OAuthAuthorizeHandler):  # type: ignore[misc]
    """The way from the hub's log-in into a server's or a service's."""


class HomeHandler(Navigated, BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """The user's projects, and the dashboards that the user may read."""

    @web.authenticated
    async def get(self) -> None:
        """Show them."""
        user = self.current_user
        now = await standing()
        for spawner in list(user.spawners.values()):
            if spawner.ready:  # notice now what has ended by itself
                await spawner.poll_and_notify()
        cards = [await asyncio.to_thread(_card, now, project, user) for project in now.projects(user.name)]
        groups = now.groups(user.name)
        self.finish(
            await self.render_template(
                "home.html",
                cards=cards,
                reads=rights.POLICYMAKERS in groups,
                works=rights.MEMBERS in groups,
                administers=rights.ADMINISTRATORS in groups,
            )
        )


def _card(now: rights.Standing, project: rights.Project, user: Any) -> Card:
    registered = next(one for one in now.permits if one.permit.id == project.id)
    found = folders.data(deployment().site, registered)
    return Card(project, written(project.expires), _server(user, project.id), found.state, found.freeze)


def _server(user: Any, name: str) -> str:
    spawner = user.spawners.get(name)
    if spawner is None or not spawner.active:
        return "stopped"
    return {"spawn": "starting", "stop": "stopping"}.get(spawner.pending, "running")


def written(day: date) -> dict[str, str]:
    """A date as people write it, by language."""
    month = {language: names.split()[day.month - 1] for language, names in _MONTHS.items()}
    return {"da": f"{day.day}. {month['da']} {day.year}", "en": f"{day.day} {month['en']} {day.year}"}


class StartHandler(Navigated, SpawnHandler):  # type: ignore[misc]
    """Starting a server: a page with a button, never an address that a link could lead to."""

    @web.authenticated
    async def get(self, user_name: str | None = None, server_name: str = "") -> None:
        """Show the button; there is no default server to start, so no project means the home page."""
        if not server_name or self.request.query_arguments.keys() - {"next"}:
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        await super().get(user_name, server_name)

    @web.authenticated
    async def post(self, user_name: str | None = None, server_name: str = "", _display: str = "") -> None:
        """Start it, and lead on to the page that waits; or say at once why not."""
        user = self.current_user
        if user_name in {None, user.name}:
            refusal = await _refusal(user.name, server_name)
            if refusal is not None:
                self.set_status(refusal.status)
                self.finish(await self._render_form(user, "", refusal.en, refusal.html))
                return
        await super().post(user_name, server_name)

    async def _render_form(
        self, for_user: Any, spawner_options_form: str, message: str = "", html_message: str = ""
    ) -> Any:
        name = self.path_args[1] if len(self.path_args) > 1 else ""
        now = await standing()
        mine = (one for one in now.projects(for_user.name) if one.id == name)
        return await self.render_template(
            "spawn.html",
            project=next(mine, None),
            error_message=message,
            error_html_message=html_message,
            url=url_concat(self.request.path, {"_xsrf": self.xsrf_token.decode("ascii")}),
        )


class ServerApiHandler(UserServerAPIHandler):  # type: ignore[misc]
    """JupyterHub's API of servers: starts what may be started, stops, and changes nothing else."""

    async def post(self, user_name: str, server_name: str = "") -> None:
        """Refuse at once what the spawner would refuse: so no trace of it comes into the hub's database."""
        if self.current_user is not None and self.current_user.name == user_name:
            refusal = await _refusal(user_name, server_name)
            if refusal is not None:
                raise told(refusal)
        await super().post(user_name, server_name)

    async def patch(self, user_name: str, server_name: str = "") -> None:
        """Refuse: a server's name is its project's, and nothing else of it is the user's to set."""
        raise web.HTTPError(403, "A server can't be renamed or given options")


async def _refusal(user: str, permit: str) -> Refused | None:
    """Why a user may not start a server, put on record; None where it may be tried."""
    try:
        await granted(user, permit)
    except Refused as refusal:
        what = f"{user}:{permit}"[:100]
        deployment().journal.refused(user, Action.SERVER_REFUSED, what, reason=refusal.reason)
        return refusal
    return None


class StopHandler(Navigated, BaseHandler):  # type: ignore[misc]
    """Stopping a server, also one that still starts; by its owner, or by an administrator."""

    @web.authenticated
    @needs_scope("delete:servers")  # type: ignore[untyped-decorator]
    async def post(self, user_name: str, server_name: str) -> None:
        """Stop it, unless it has ended meanwhile, and go back to where the button was."""
        user = self.find_user(user_name)
        spawner = user.spawners.get(server_name) if user else None
        if user is None:
            raise web.HTTPError(404, "There is no such server")
        if spawner is not None and self.current_user.name != user.name:
            spawner.ending = f"stopped by {self.current_user.name}"
        if spawner is not None and spawner.pending == "spawn":
            await _cancel(spawner)
            spawner = user.spawners.get(server_name)
        if spawner is not None and spawner.ready:
            await self.stop_single_user(user, server_name)
        back = "home" if self.current_user.name == user.name else "admin"
        self.redirect(url_path_join(self.hub.base_url, back))


async def _cancel(spawner: Any) -> None:
    """End a start that goes on, and wait until it is undone."""
    started = spawner._spawn_future  # JupyterHub's own handler does the same
    if started is not None:
        started.cancel()
        await asyncio.wait([started])
    await spawner.user.stop(spawner.name)


class AdminHandler(Navigated, BaseHandler):  # type: ignore[misc]
    """Who works now, with a button to stop a server; without one to open it."""

    @web.authenticated
    @needs_scope("admin-ui")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """Show the servers that are up."""
        rows = [
            {
                "user": user.name,
                "project": name,
                "server": _server(user, name),
                "since": spawner.orm_spawner.started,
                "activity": spawner.orm_spawner.last_activity,
            }
            for user in self.users.values()
            for name, spawner in user.spawners.items()
            if spawner.active
        ]
        rows.sort(key=lambda row: (row["user"], row["project"]))
        self.finish(await self.render_template("admin.html", rows=rows))


class SignOffHandler(Navigated, LogoutHandler):  # type: ignore[misc]
    """Logging out, recorded: of every browser, so that a cookie that somebody copied ends as well."""

    async def get(self) -> None:
        """Record it, and log out whether or not that worked."""
        user = self.current_user
        if user:
            deployment().journal.note(user.name, Action.LOGOUT, "hub")
            user.orm_user.cookie_id = (
                new_token()
            )  # JupyterHub's cookie names it; it keeps no list of sessions
            self.db.commit()
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


def handlers(hub_config: Path, theme: Path) -> list[tuple[Any, ...]]:
    """Addresses below ``/hub`` and who answers them.

    Args:
        hub_config: the folder with ``static``.
        theme: the folder of reports/theme, whose style the pages begin with.
    """
    static = PlainFileHandler
    return [
        (r"/", LandingHandler),
        (r"/home", HomeHandler),
        (r"/spawn", StartHandler),
        (r"/spawn/([^/]+)", StartHandler),
        (r"/spawn/([^/]+)/([^/]+)", StartHandler),
        (r"/stop/([^/]+)/([^/]+)", StopHandler),
        (r"/admin", AdminHandler),
        (r"/spawn-pending/([^/]+)", PendingHandler),
        (r"/spawn-pending/([^/]+)/([^/]+)", PendingHandler),
        (r"/login", SignOnHandler),
        (r"/logout", SignOffHandler),
        (r"/api/oauth2/authorize", AuthorizeHandler),
        (r"/sundbench/theme/(style\.css)", static, {"path": str(theme)}),
        (r"/sundbench/(.*)", static, {"path": str(hub_config / "static")}),
        (r"/api/users/([^/]+)/server", ServerApiHandler),
        (r"/api/users/([^/]+)/servers/([^/]*)", ServerApiHandler),
        (r"/token", RefusedHandler),
        (r"/accept-share", RefusedHandler),
        (r"/api/users/([^/]+)/tokens(?:/[^/]*)?", RefusedHandler),
        (r"/api/users/([^/]+)/shared(?:/.*)?", RefusedHandler),
        (r"/api/groups/([^/]+)/shared(?:/.*)?", RefusedHandler),
        (r"/api/shares(?:/.*)?", RefusedHandler),
        (r"/api/share-codes(?:/.*)?", RefusedHandler),
    ]


_REFUSALS = frozenset({401, 403, 405, 429})


def log_and_record(handler: Any) -> None:
    """Tornado's ``log_function``: JupyterHub's line, and an audit record of what was turned away."""
    log_request(handler)
    # The log-in and the spawner record their own refusals, with the reason.
    if handler.get_status() not in _REFUSALS or handler.request.path.endswith("/login"):
        return
    user = getattr(handler, "_jupyterhub_user", None)
    deployment().journal.refused(
        user.name if user is not None else NOBODY,
        Action.HUB_REFUSED,
        f"{handler.request.method} {handler.request.path}"[:300],
        status=handler.get_status(),
        address=handler.request.remote_ip,
    )
