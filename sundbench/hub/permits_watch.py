"""Keeps the hub in step with governance: groups follow; servers and runs whose permit has ended are stopped.

A permit that is closed, expires or loses a member takes effect within `SECONDS`, also one that changed while
the hub was down: the first look is taken as soon as the hub is up. Log-ins and starts ask governance
themselves.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import DBAPIError, PendingRollbackError

from sundbench.errors import DatabaseError, SundbenchError
from sundbench.governance import permits
from sundbench.hub import rights
from sundbench.hub.deployment import Deployment
from sundbench.hub.pages.database_away import roll_back
from sundbench.hub.workspaces.housekeeping import Housekeeping

SECONDS = 5.0
_LATE = 120.0
"""Seconds for which a job may still begin that a hub asked for before it was killed."""

_log = logging.getLogger(__name__)


class Watch:
    """Looks at governance again and again, for as long as the hub runs.

    Args:
        app: the running JupyterHub.
        hub: its deployment.
    """

    def __init__(self, app: Any, hub: Deployment) -> None:
        self._app = app
        self._hub = hub
        self._housekeeping = Housekeeping(hub.site, hub.settings.workspace, hub.journal)
        self._last: rights.Standing | None = None
        self._doing: set[asyncio.Task[None]] = set()
        self._left: set[str] = set()
        self._keeping: asyncio.Task[bool] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Start to watch."""
        return asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        await self._app._start_future  # JupyterHub has no other sign that it is up
        async with asyncio.TaskGroup() as both:  # Slurm's silence keeps nobody from looking at governance
            both.create_task(self._over_servers())
            both.create_task(self._over_jobs())

    async def _over_servers(self) -> None:
        left, until = True, time.monotonic() + _LATE
        while True:
            if left or time.monotonic() < until:
                left = not await self._done(self._end_unknown(), "jobs that no hub knows may be left")
            await self._done(self._route(), "servers that were found again late can't be reached yet")
            await self._done(self.look(), "rights are as they were when governance was asked last")
            await asyncio.sleep(SECONDS)

    async def _over_jobs(self) -> None:
        while True:
            await self._done(self._watch_jobs(), "jobs besides servers may go on that must end")
            await asyncio.sleep(SECONDS)

    async def _done(self, doing: Coroutine[Any, Any, None], otherwise: str) -> bool:
        """Do something that may fail and must not end the watch; False where it failed."""
        try:
            await doing
        except SundbenchError as error:
            _log.error("%s: %s", otherwise, error)
        except (DBAPIError, PendingRollbackError):
            _log.error("%s: the hub's database doesn't answer", otherwise)
            roll_back(self._app.db)
        except Exception:
            _log.exception("the watch over permits failed, and goes on")
            roll_back(self._app.db)
        else:
            return True
        return False

    async def _end_unknown(self) -> None:
        await self._app.spawner_class.end_unknown(self._hub, self._spawners)

    async def _watch_jobs(self) -> None:
        if self._last is not None:
            now = replace(self._last, today=permits.today())
            await self._app.spawner_class.watch_jobs(self._hub, now, self._spawners)

    async def _route(self) -> None:
        """Tell the proxy of servers that were found again after it was told of all that were."""
        for user in list(self._app.users.values()):
            for name, spawner in list(user.spawners.items()):
                if spawner.ready and spawner.unrouted:
                    await self._app.proxy.add_user(user, name)
                    spawner.unrouted = False

    def _spawners(self) -> list[Any]:
        return [spawner for user in self._app.users.values() for spawner in user.spawners.values()]

    async def look(self) -> None:
        """Ask governance once, and do what follows from it.

        Raises:
            DatabaseError: governance's database can't be read.
        """
        await self._hub.journal.settle()
        try:
            now = self._last = await asyncio.to_thread(rights.standing, self._hub.site)
        except DatabaseError:
            if self._last is not None:  # nothing was closed through it either, but days pass by themselves
                self._enforce(replace(self._last, today=permits.today()))
            raise
        self._enforce(now)
        busy = {
            name
            for user in self._app.users.values()
            for name, spawner in user.spawners.items()
            if spawner.active or spawner.runs
        }
        if self._keeping is None or self._keeping.done():  # a project's account can have it wait for long
            keeping = self._housekeeping.look(now.permits, now.today, busy)
            self._keeping = asyncio.create_task(self._done(keeping, "workspaces are looked after later"))

    def _enforce(self, now: rights.Standing) -> None:
        for user in list(self._app.users.values()):
            user.sync_groups(sorted(now.groups(user.name)))
            self._see_off(now, user)
            for name, spawner in list(user.spawners.items()):
                why = reason_to_stop(now, user.name, name, spawner.scope)
                if why and spawner.ready:
                    self._stop(user, name, spawner, why)

    def _see_off(self, now: rights.Standing, user: Any) -> None:
        """End, once, the sessions of somebody whom governance doesn't know any more."""
        if now.knows(user.name):
            self._left.discard(user.name)
        elif user.name not in self._left:
            self._left.add(user.name)
            self._begin(self._app.authenticator.end_sessions(user))

    def _stop(self, user: Any, name: str, spawner: Any, why: str) -> None:
        _log.warning("stopping %s:%s: %s", user.name, name, why)
        spawner.ending = why
        self._begin(self._stopped(user, name))

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(doing)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _stopped(self, user: Any, name: str) -> None:
        # The server goes also where the proxy doesn't answer.
        try:
            await self._app.proxy.delete_user(user, name)
        except Exception:
            _log.exception("the route to %s:%s stays until the proxy is back", user.name, name)
        await user.stop(name)


def reason_to_stop(now: rights.Standing, user: str, permit: str, scope: str) -> str | None:
    """Why a user's running server must stop; None where it may go on.

    Args:
        now: what governance says.
        user: whose server it is.
        permit: which project's.
        scope: what data the server was given, as `Permit.scope` digests it.
    """
    if not now.may_work(user, permit):
        project = next((one for one in now.projects(user) if one.id == permit), None)
        if project is None:
            return "no member of the project any more"
        return "role changed" if project.standing == "active" else f"permit {project.standing}"
    if scope and scope != now.scope(permit):
        return "permit amended: other data than the server was given"
    return None
