"""Pages and addresses at which servers are started, stopped and looked over."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler, SpawnPendingHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import url_path_join
from tornado import web
from tornado.httputil import url_concat

from sundbench.governance.audit.actions import Action
from sundbench.hub.deployment import deployment
from sundbench.hub.pages.home import server_state
from sundbench.hub.pages.navigation import Navigated
from sundbench.hub.refusal import Refused
from sundbench.hub.told import granted, standing, told


class PendingHandler(Navigated, SpawnPendingHandler):  # type: ignore[misc]
    """The page that waits for a start."""


class StartHandler(Navigated, SpawnHandler):  # type: ignore[misc]
    """Starting a server: a page with a button, never an address that a link could lead to."""

    @web.authenticated
    async def get(self, user_name: str | None = None, server_name: str = "") -> None:
        """Show the button, or why there is none; without a project, which a server needs, the home page."""
        if not server_name or self.request.query_arguments.keys() - {"next"}:
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        if (user := self.current_user.name) == user_name:
            try:
                await granted(user, server_name)
            except Refused as refusal:
                await self._refuse(refusal)
                return
        await super().get(user_name, server_name)

    @web.authenticated
    async def post(self, user_name: str | None = None, server_name: str = "", _display: str = "") -> None:
        """Start it, and lead on to the page that waits; or say at once why not."""
        user = self.current_user
        if user_name in {None, user.name}:
            refusal = await _refusal(user.name, server_name)
            if refusal is not None:
                await self._refuse(refusal)
                return
        await super().post(user_name, server_name)

    async def _refuse(self, refusal: Refused) -> None:
        self.set_status(refusal.status)
        self.finish(await self._render_form(self.current_user, "", refusal.en, refusal.html))

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
        if spawner is not None and spawner.pending == "check":  # found starting, when another hub was killed
            await user.stop(server_name)
        elif spawner is not None and spawner.ready:
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
                "server": server_state(user, name),
                "since": spawner.orm_spawner.started,
                "activity": spawner.orm_spawner.last_activity,
            }
            for user in self.users.values()
            for name, spawner in user.spawners.items()
            if spawner.active
        ]
        rows.sort(key=lambda row: (row["user"], row["project"]))
        self.finish(await self.render_template("admin.html", rows=rows))
