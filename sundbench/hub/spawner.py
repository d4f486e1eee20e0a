"""The spawner: one server is one user in one project, and lives in a job that outlives the hub.

A start goes: governance is asked; a place in the queue; governance is asked again; the audit's writer is
told the server's secret and the start itself; only then the job begins. Whatever fails in between is undone,
and the user reads why. What the request carries (``user_options``) is not looked at: nothing of a server is
the user's to choose.

What a job is, the profile decides: a process beside the hub (`sundbench.hub.local_spawner`), or a job of
Slurm's. It gives the methods that raise ``NotImplementedError`` here.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jupyterhub import orm
from jupyterhub.spawner import Spawner, SpawnException
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy import inspect
from traitlets import Integer

from sundbench.errors import AuditError, SundbenchError
from sundbench.governance.audit import places
from sundbench.governance.audit.actions import Action
from sundbench.governance.permits import Registered
from sundbench.hub import folders, limits, r, rights
from sundbench.hub.assignment import Assignment
from sundbench.hub.deployment import Deployment, deployment
from sundbench.hub.queue import Ticket
from sundbench.hub.refusal import Refused, both
from sundbench.hub.server.settings import Rules
from sundbench.hub.told import granted
from sundbench.hub.workspaces.history import history

_PHASES = {
    "asked": (5, "Din adgang til projektet kontrolleres.", "Your access to the project is being checked."),
    "starting": (40, "Din server starter.", "Your server is starting."),
    "up": (90, "Serveren er klar om et øjeblik.", "The server will be ready in a moment."),
}


@dataclass(frozen=True)
class Start:
    """A start that was granted and recorded.

    Attributes:
        registered: the permit, as governance has it now.
        data: what the kernels will read.
        secret: what the server will show the audit's writer.
    """

    registered: Registered
    data: folders.Data
    secret: str


class ProjectSpawner(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Starts, finds again and stops the job of one project server.

    Attributes:
        ending: why it is ended, for the log; None while nobody ends it.
    """

    grace = Integer(15, config=True, help="Seconds that a job has for a tidy end before it is killed.")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        # Everything that a request, or a default of JupyterHub, might bring in is fixed here.
        self.disable_user_config = True
        self.options_form = "start"  # any form: without one, a mere link would start a server
        self.options_from_form = _nothing
        self._reset()

    def _reset(self) -> None:
        self._digest = ""
        self._extract: str | None = None
        self._scope = ""
        self._ticket: Ticket | None = None
        self._phase = "asked"
        self._adopted = False
        self.ending: str | None = None

    # What the profile gives.

    @property
    def has_job(self) -> bool:
        """A job was begun, and not yet forgotten."""
        raise NotImplementedError

    @property
    def ended(self) -> int | None:
        """How its job has ended, as far as is known: an exit status, or 0. None while it runs."""
        raise NotImplementedError

    @property
    def outcome(self) -> str:
        """How its job has ended, in a word for the log."""
        return str(self.ended)

    def place(self, ticket: Ticket) -> AbstractAsyncContextManager[None]:
        """A place among those that start at the same time, held while a start goes on."""
        return self._hub.queue.place(ticket)

    async def look(self) -> None:
        """Find out what became of the job."""

    async def begin(self, start: Start) -> None:
        """Begin the job. When this returns, `get_state` has what the next hub needs to find it.

        Raises:
            Refused: it can't be begun, in words for the user.
        """
        raise NotImplementedError

    async def up(self) -> str:
        """Wait until the server takes connections.

        Returns:
            Its address.

        Raises:
            Refused: its job has ended before.
        """
        raise NotImplementedError

    async def end(self, grace: float) -> None:
        """End the job, tidily or after so many seconds by force; return when it has ended."""
        raise NotImplementedError

    async def tidy(self) -> None:
        """Remove what is left of a job that has ended."""

    @classmethod
    async def end_unknown(cls, hub: Deployment, spawners: Callable[[], Iterable[Self]]) -> None:
        """End jobs of this installation that no spawner knows: their hub was killed too early.

        Args:
            hub: the deployment.
            spawners: all of the hub's, when it is called.

        Raises:
            SundbenchError: some may be left; it is asked for again.
        """
        raise NotImplementedError

    # What the watch over permits asks.

    @property
    def runs(self) -> bool:
        """Its job runs, as far as is known."""
        return self.has_job and self.ended is None

    @property
    def scope(self) -> str:
        """Which rows and columns the running server was given, as `rights.scope` has it."""
        return self._scope

    # What JupyterHub keeps for us in its database.

    def get_state(self) -> dict[str, Any]:
        """What the next hub needs to find the job again."""
        state: dict[str, Any] = super().get_state()
        if self.has_job:
            state |= {"digest": self._digest, "extract": self._extract, "scope": self._scope}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the job that another hub started."""
        super().load_state(state)
        if "digest" in state:
            self._digest, self._extract, self._scope = state["digest"], state["extract"], state["scope"]
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
        self._hub.last_words.pop((self.user.name, self.name), None)
        try:
            await self._granted()
            self._ticket = Ticket()
            async with self.place(self._ticket):
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
        if not self.has_job:
            return 0
        await self.look()
        if self.ended is None and self._adopted:
            self._adopted = False
            await self._adopt()
        return self.ended

    async def stop(self, now: bool = False) -> None:
        """Stop the job: tidily, or after the grace by force."""
        if self.has_job:
            self.ending = self.ending or "stopped"
            await self.end(0 if now else self.grace)

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
            self._hub.journal.note(
                self.user.name,
                Action.SERVER_STOP,
                self._log_name,
                permit=self.name,
                extract=self._extract,
                why=self.ending or f"ended by itself ({self.outcome})",
            )
        await self.tidy()
        super().run_post_stop_hook()

    # The start's parts.

    @property
    def _hub(self) -> Deployment:
        return deployment()

    async def _granted(self) -> Registered:
        """Ask governance; a permit may be closed while its member waits in the queue."""
        return await granted(self.user.name, self.name)

    async def _launch(self, registered: Registered) -> str:
        site, journal = self._hub.site, self._hub.journal
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
            await self.begin(Start(registered, data, secret))
            self._remember()
            address = await self.up()
        except BaseException as error:
            # A cancelled start (the user pressed "stop") leaves JupyterHub by another way than a failed one.
            self.ending = "cancelled" if isinstance(error, asyncio.CancelledError) else "failed to start"
            if self.has_job:
                await asyncio.shield(self.end(1))
            if isinstance(error, TimeoutError):
                raise Refused(
                    "timeout",
                    da="Serveren kom ikke i gang i tide. Prøv igen; bliver det ved, så sig det til driften.",
                    en="The server did not get going in time. Try again; if it goes on, tell the operator.",
                    status=504,
                ) from None
            raise
        self._phase = "up"
        return address

    def assignment(
        self, start: Start, *, workspace: Path, scratch: Path, outbox: Path, runtime: Path, port: int
    ) -> Assignment:
        """What the job must know.

        Args:
            start: that was granted.
            workspace: the notebooks that the project's members share.
            scratch: the member's own folder for what kernels write.
            outbox: the member's own folder for what kernels would like to let out.
            runtime: short folder of this server's own, for its sockets.
            port: where the server listens.
        """
        site, chosen = self._hub.site, self._hub.settings
        return Assignment(
            user=self.user.name,
            permit=self.name,
            title=start.registered.permit.title,
            extract=start.data.extract,
            synthetic=start.data.synthetic,
            workspace=workspace,
            history=history(site, self.name).folder,
            scratch=scratch,
            outbox=outbox,
            runtime=runtime,
            audit_socket=places.socket_path(site),
            audit_secret=start.secret,
            environment=self.environment_of_server(),
            address=url_path_join(self.user.host or chosen.hub.url, self.server.base_url),
            port=port,
            server=limits.of_server(chosen),
            kernel=limits.of_kernel(chosen),
            kernels=chosen.kernel.per_server,
            r=r.offered(chosen),
            rules=Rules.of(chosen),
        )

    def _remember(self) -> None:
        """Have the job's identity in the database before it is up: the hub may be killed any moment."""
        self.server.ip, self.server.port = self.ip, self.port
        self.orm_spawner.state = self.get_state()
        inspect(self.orm_spawner).session.commit()

    def environment_of_server(self) -> dict[str, str]:
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
