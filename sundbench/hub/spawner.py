"""The spawner: one server is one user in one project, and lives in a job that outlives the hub.

A start goes: governance is asked; a place in the queue; governance is asked again; the audit's writer is
told the server's secret and the start itself; only then the job begins. Whatever fails in between is undone,
and the user reads why. What the request carries (``user_options``) is not looked at: nothing of a server is
the user's to choose.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.spawner import Spawner, SpawnException
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy import inspect
from traitlets import Integer, List, Unicode

from sundbench.errors import AuditError, SundbenchError
from sundbench.governance.audit import places
from sundbench.governance.audit.actions import Action
from sundbench.governance.permits import Registered
from sundbench.hub import folders, limits, r, rights
from sundbench.hub.assignment import FILE, Assignment
from sundbench.hub.deployment import Deployment, deployment
from sundbench.hub.process import Job
from sundbench.hub.queue import Ticket
from sundbench.hub.refusal import Refused, both
from sundbench.hub.server.settings import Rules
from sundbench.hub.supervisor.table import MARK
from sundbench.hub.told import granted
from sundbench.hub.workspaces import layout
from sundbench.hub.workspaces.history import history

_KEPT = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", MARK),
    *("SUNDBENCH_HOME", "SUNDBENCH_KERNELS", "SUNDBENCH_HUB_CONFIG"),
)
"""Of the hub's environment, what a job may have: not its secrets, not the vault's key."""

_PHASES = {
    "asked": (5, "Din adgang til projektet kontrolleres.", "Your access to the project is being checked."),
    "starting": (40, "Din server starter.", "Your server is starting."),
    "up": (90, "Serveren er klar om et øjeblik.", "The server will be ready in a moment."),
}


class ProjectSpawner(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Starts, finds again and stops the job of one project server."""

    command = List(
        Unicode(),
        default_value=[sys.executable, "-m", "sundbench.hub.job"],
        config=True,
        help="The program of the job; its argument is the path of its assignment.",
    )
    grace = Integer(15, config=True, help="Seconds that a job has for a tidy end before it is killed.")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        # Everything that a request, or a default of JupyterHub, might bring in is fixed here.
        self.disable_user_config = True
        self.options_form = "start"  # any form: without one, a mere link would start a server
        self.options_from_form = _nothing
        self._reset()

    def _reset(self) -> None:
        self._job: Job | None = None
        self._folder = ""
        self._digest = ""
        self._extract: str | None = None
        self._scope = ""
        self._ticket: Ticket | None = None
        self._phase = "asked"
        self._adopted = False
        self.ending: str | None = None

    @property
    def job(self) -> Job | None:
        """The job that runs the server."""
        return self._job

    @property
    def folder(self) -> str:
        """The name of its folder of sockets; empty where it has none."""
        return self._folder

    @property
    def scope(self) -> str:
        """Which rows and columns the running server was given, as `rights.scope` has it."""
        return self._scope

    # What JupyterHub keeps for us in its database.

    def get_state(self) -> dict[str, Any]:
        """What the next hub needs to find the job again."""
        state: dict[str, Any] = super().get_state()
        if self._job is not None:
            state |= {
                "job": self._job.kept(),
                "folder": self._folder,
                "digest": self._digest,
                "extract": self._extract,
                "scope": self._scope,
            }
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the job that another hub started."""
        super().load_state(state)
        if "job" in state:
            self._job = Job.restored(state["job"])
            self._folder, self._digest = state["folder"], state["digest"]
            self._extract, self._scope = state["extract"], state["scope"]
            self._adopted = True

    def clear_state(self) -> None:
        """Forget the job."""
        super().clear_state()
        self._reset()

    # What JupyterHub asks of a spawner.

    def options_from_query(self, _query: dict[str, list[str]]) -> dict[str, Any]:
        """Nothing of an address is looked at."""
        return {}

    async def start(self) -> str:
        """Start the job, after the queue.

        Returns:
            The server's address.

        Raises:
            SpawnException: refused or failed, in words for the user.
        """
        self.user_options: dict[str, Any] = {}
        try:
            await self._granted()
            self._ticket = Ticket()
            async with self._hub.queue.place(self._ticket):
                return await self._launch(await self._granted())
        except Refused as refusal:
            self._refuse(refusal)
            raise _Told(refusal) from None
        except AuditError as error:
            self.log.error("Not starting %s: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
            raise _Told(_NO_AUDIT) from None
        except SundbenchError as error:
            self.log.error("Can't start %s: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
            raise _Told(_BROKEN) from None

    async def poll(self) -> int | None:
        """None while the job runs."""
        if self._job is None:
            return 0
        ended = self._job.ended()
        if ended is None and self._adopted:
            self._adopted = False
            await self._adopt()
        return ended

    async def stop(self, now: bool = False) -> None:
        """Stop the job: tidily, or after the grace by force."""
        if self._job is not None:
            self.ending = self.ending or "stopped"
            await self._job.stop(0 if now else self.grace)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Tell the waiting user where the start stands."""
        shown = None
        while True:
            percent, da, en = self._stage()
            if (da, en) != shown:
                shown = (da, en)
                yield {"progress": percent, "message": en, "html_message": both(da, en)}
            await asyncio.sleep(0.3)

    async def run_post_stop_hook(self) -> None:
        """Tidy up after a job that was stopped, failed to start, or ended by itself."""
        self._revoke()
        if self._digest:
            await self._forget(self._digest)
            ended = self._job.ended() if self._job else None
            self._hub.journal.note(
                self.user.name,
                Action.SERVER_STOP,
                self._log_name,
                permit=self.name,
                extract=self._extract,
                why=self.ending or f"ended by itself ({ended})",
            )
        folders.remove_sockets(self._hub.site, self._folder)
        super().run_post_stop_hook()

    # The start's parts.

    @property
    def _hub(self) -> Deployment:
        return deployment()

    async def _granted(self) -> Registered:
        """Ask governance; a permit may be closed while its member waits in the queue."""
        return await granted(self.user.name, self.name)

    async def _launch(self, registered: Registered) -> str:
        site, chosen, journal = self._hub.site, self._hub.settings, self._hub.journal
        self._phase = "starting"
        data = await asyncio.to_thread(folders.data, site, registered)
        secret = secrets.token_urlsafe(32)
        self._extract = data.extract.digest if data.extract else None
        self._scope = rights.scope(registered.permit)
        await journal.register(secret, self.user.name, self.name, self._extract)
        self._digest = places.digest(secret)
        try:
            await journal.record(
                self.user.name,
                Action.SERVER_START,
                self._log_name,
                permit=self.name,
                extract=self._extract,
                roles=sorted(registered.permit.roles(self.user.name)),
                data=data.state,
            )
            written = await self._assigned(registered, data, secret)
            log = site.hub / "logs" / "servers" / f"{self.user.name}-{self.name}.log"
            kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
            self._job = Job.start([*self.command, str(written)], kept, log)
            self._remember()
            async with asyncio.timeout(chosen.hub.start_timeout):
                await self._listens(log)
        except BaseException as error:
            # A cancelled start (the user pressed "stop") leaves JupyterHub by another way than a failed one.
            self.ending = "cancelled" if isinstance(error, asyncio.CancelledError) else "failed to start"
            if self._job is not None:
                await asyncio.shield(self._job.stop(1))
            if isinstance(error, TimeoutError):
                raise Refused(
                    "timeout",
                    da="Serveren kom ikke i gang i tide. Prøv igen; bliver det ved, så sig det til driften.",
                    en="The server did not get going in time. Try again; if it goes on, tell the operator.",
                    status=504,
                ) from None
            raise
        self._phase = "up"
        return f"http://{self.ip}:{self.port}"

    async def _assigned(self, registered: Registered, data: folders.Data, secret: str) -> Path:
        """Make the folders of the server, and write down what its job must know."""
        site, chosen = self._hub.site, self._hub.settings
        self._folder = secrets.token_hex(4)
        runtime = folders.sockets(site, self._folder)
        scratch, outbox = folders.own(site, self.name, self.user.name)
        workspace = await asyncio.to_thread(
            layout.prepare, site, self.name, registered.permit.title, self.user.name
        )
        self.ip, self.port = "127.0.0.1", _free_port()
        return Assignment(
            user=self.user.name,
            permit=self.name,
            title=registered.permit.title,
            extract=data.extract,
            synthetic=data.synthetic,
            workspace=workspace,
            history=history(site, self.name).folder,
            scratch=scratch,
            outbox=outbox,
            runtime=runtime,
            audit_socket=places.socket_path(site),
            audit_secret=secret,
            environment=self._environment(),
            address=url_path_join(chosen.hub.url, self.server.base_url),
            port=self.port,
            server=limits.of_server(chosen),
            kernel=limits.of_kernel(chosen),
            kernels=chosen.kernel.per_server,
            r=r.offered(chosen),
            rules=Rules.of(chosen),
        ).write(runtime / FILE)

    def _remember(self) -> None:
        """Have the job's identity in the database before it is up: the hub may be killed any moment."""
        self.server.ip, self.server.port = self.ip, self.port
        self.orm_spawner.state = self.get_state()
        inspect(self.orm_spawner).session.commit()

    async def _listens(self, log: Path) -> None:
        """Wait until the server takes connections, or its job has ended."""
        while True:
            if self._job is not None and self._job.ended() is not None:
                self.log.error("The job of %s ended before its server was up: see %s", self._log_name, log)
                raise Refused(
                    "ended",
                    da="Serveren standsede, før den var klar. Prøv igen, og sig det ellers til driften.",
                    en="The server stopped before it was ready. Try again; or tell the operator.",
                    status=500,
                )
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self.ip, self.port)
                writer.close()
                return
            await asyncio.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        """What JupyterHub tells a server, and nothing of what surrounds the hub."""
        told = {name: value for name, value in self.get_env().items() if name.startswith("JUPYTERHUB_")}
        return {name: str(value) for name, value in told.items() if value is not None}

    def _revoke(self) -> None:
        """Delete the server's token. JupyterHub deletes it itself unless it was started again since."""
        note = f"Server at {url_path_join(self.user.base_url, url_escape_path(self.name), '/')}"
        session = inspect(self.orm_spawner).session
        for token in session.query(orm.APIToken).filter_by(user_id=self.user.id, note=note):
            session.delete(token)
        session.commit()

    async def _adopt(self) -> None:
        """Take over a running job from the hub before; the writer may have been away as well."""
        try:
            await self._hub.journal.renew(self._digest, self.user.name, self.name, self._extract)
        except AuditError as error:
            self.log.error("%s can record nothing until the writer is back: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
        self._hub.journal.note(
            self.user.name, Action.SERVER_ADOPT, self._log_name, permit=self.name, extract=self._extract
        )

    async def _forget(self, digest: str) -> None:
        try:
            await self._hub.journal.forget(digest)
        except AuditError as error:
            self.log.error("The audit's writer still knows the secret of %s: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback

    def _refuse(self, refusal: Refused) -> None:
        what = self._log_name if self.name else f"{self.user.name}:"
        self._hub.journal.refused(self.user.name, Action.SERVER_REFUSED, what, reason=refusal.reason)

    def _stage(self) -> tuple[int, str, str]:
        if self._ticket is not None and self._hub.queue.waits(self._ticket):
            ahead = self._hub.queue.ahead(self._ticket)
            return (
                10,
                f"Mange starter på én gang. Foran dig i køen: {ahead}. Du skal ikke gøre noget.",
                f"Many are starting at once. Ahead of you in the queue: {ahead}. There is nothing to do.",
            )
        return _PHASES[self._phase]


_NO_AUDIT = Refused(
    "audit",
    da="Serveren kan ikke startes, for revisionsloggen kan ikke skrives lige nu. Prøv igen om lidt.",
    en="The server can't be started, because the audit log can't be written just now. Try again in a while.",
    status=503,
)
_BROKEN = Refused(
    "broken",
    da="Serveren kan ikke startes: der er en fejl i opsætningen. Driften kan se den i loggen.",
    en="The server can't be started: there is a fault in the set-up. The operator finds it in the log.",
    status=500,
)


class _Told(SpawnException):  # type: ignore[misc]  # JupyterHub has no types
    """A refusal as JupyterHub passes it on: to its pages by one pair of names, to errors by another."""

    def __init__(self, refusal: Refused) -> None:
        self.jupyterhub_message = f"{refusal.en} / {refusal.da}"
        self.jupyterhub_html_message = refusal.html
        super().__init__(
            self.jupyterhub_message,
            reason=refusal.reason,
            message_html=refusal.html,
            status_code=refusal.status,
        )


def _nothing(_form: object) -> dict[str, Any]:
    """What is taken over from the form of a request."""
    return {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
