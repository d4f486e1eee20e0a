"""The spawner: one server is one user in one project, and lives in a job that outlives the hub.

A start goes: governance is asked; a place in the queue; governance is asked again; the audit's writer is
told the server's secret and the start itself; only then the job begins. Whatever fails in between is undone,
and the user reads why. What the request carries (``user_options``) is not looked at: nothing of a server is
the user's to choose.

What a job is, the profile decides: a process beside the hub (`sundbench.hub.local_spawner`), or a job of
Slurm's. It gives the methods that raise ``NotImplementedError`` in `ServerJob`.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

from sundbench.errors import AuditError, SundbenchError
from sundbench.governance.audit import places
from sundbench.governance.audit.actions import Action
from sundbench.governance.permits import Registered
from sundbench.hub import folders
from sundbench.hub.queue import Ticket
from sundbench.hub.refusal import Refused, both
from sundbench.hub.server_job import ServerJob
from sundbench.hub.start import Start
from sundbench.hub.told import BROKEN, NO_AUDIT, TOO_LATE, NotStarted, granted

_PHASES = {
    "asked": (5, "Din adgang til projektet kontrolleres.", "Your access to the project is being checked."),
    "starting": (40, "Din server starter.", "Your server is starting."),
    "up": (90, "Serveren er klar om et øjeblik.", "The server will be ready in a moment."),
}


class ProjectSpawner(ServerJob):
    """Starts, finds again and stops the job of one project server."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        # Everything that a request, or a default of JupyterHub, might bring in is fixed here.
        self.disable_user_config = True
        self.options_form = "start"  # any form: without one, a mere link would start a server
        self.options_from_form = _nothing

    def _reset(self) -> None:
        super()._reset()
        self._ticket: Ticket | None = None
        self._phase = "asked"

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
        self.last_words = None
        try:
            await self._granted()
            self._ticket = Ticket()
            async with self.place(self._ticket):
                return await self._launch(await self._granted())
        except Refused as refusal:
            self._refuse(refusal)
            raise NotStarted(refusal) from None
        except AuditError as error:
            self.log.error("Not starting %s: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
            raise NotStarted(NO_AUDIT) from None
        except SundbenchError as error:
            self.log.error("Can't start %s: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
            raise NotStarted(BROKEN) from None

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
        if self._digest:
            await self._forget(self._digest)
            self._hub.journal.note(
                self.user.name,
                Action.SERVER_STOP,
                self._log_name,
                permit=self.name,
                extract=self._extract,
                why=self.ending or self._ended_by_itself,
            )
        await self.tidy()
        self._revoke()  # last: the hub's database may be away
        super().run_post_stop_hook()

    @property
    def _ended_by_itself(self) -> str:
        if not self.has_job:
            return "its start was broken off with the hub"
        return f"ended by itself ({self.outcome})"

    # The start's parts.

    async def _granted(self) -> Registered:
        """Ask governance; a permit may be closed while its member waits in the queue."""
        return await granted(self.user.name, self.name)

    async def _launch(self, registered: Registered) -> str:
        site, journal = self._hub.site, self._hub.journal
        self._phase = "starting"
        data = await asyncio.to_thread(folders.data, site, registered)
        secret = secrets.token_urlsafe(32)
        self._extract = data.extract.digest if data.extract else None
        self._scope = registered.permit.scope
        self._digest = places.digest(secret)
        self._remember()  # whenever the hub is killed, the next one undoes what was begun, and records that
        try:
            await journal.register(secret, self.user.name, self.name, self._extract)
        except AuditError:
            self._digest = ""
            raise
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
                raise TOO_LATE from None
            raise
        self._phase = "up"
        return address

    async def _adopt(self) -> None:
        """Take over a running job from the hub before; the writer may have been away as well."""
        try:
            await self._hub.journal.renew(self._digest, self.user.name, self.name, self._extract)
        except AuditError as error:
            self.log.error("%s can record nothing until the writer is back: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
        if self.notice is not None:
            self.log.warning("%s speaks protocol %s: %s", self._log_name, self._protocol, self.notice.en)
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


def _nothing(_form: object) -> dict[str, Any]:
    """What is taken over from the form of a request."""
    return {}
