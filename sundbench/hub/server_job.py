"""What the profile gives for the job of a project server, and what JupyterHub's database keeps of it."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Self

from jupyterhub import orm
from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy import inspect
from traitlets import Integer

from sundbench.hub import rights
from sundbench.hub.deployment import Deployment, deployment
from sundbench.hub.protocol import ANOTHER, PROTOCOL
from sundbench.hub.queue import Ticket
from sundbench.hub.start import Start
from sundbench.registers.catalogue import Text

_LAST_WORDS = "last_words"


class ServerJob(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """A spawner's job: begun, looked at, ended, and found again by the next hub.

    Attributes:
        ending: why it is ended, for the log; None while nobody ends it.
        last_words: how the last one ended, for its user, until the next start; None where there is nothing
            to say.
        unrouted: it was found again after the proxy was told of all that were.
    """

    grace = Integer(15, config=True, help="Seconds that a job has for a tidy end before it is killed.")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.last_words: Text | None = None
        self._reset()

    def _reset(self) -> None:
        self._digest = ""
        self._extract: str | None = None
        self._scope = ""
        self._protocol = PROTOCOL
        self._adopted = False
        self.unrouted = False
        self.ending: str | None = None

    @property
    def _hub(self) -> Deployment:
        return deployment()

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

    @classmethod
    async def watch_jobs(
        cls, hub: Deployment, now: rights.Standing, spawners: Callable[[], Iterable[Self]]
    ) -> None:
        """End what no spawner ends: jobs besides servers, where projects can have some; asked for always.

        Args:
            hub: the deployment.
            now: what governance says.
            spawners: all of the hub's, when it is called.

        Raises:
            SundbenchError: some may go on until it is asked for again.
        """

    # What the watch over permits asks.

    @property
    def runs(self) -> bool:
        """Its job runs, as far as is known."""
        return self.has_job and self.ended is None

    @property
    def scope(self) -> str:
        """Which rows and columns the running server was given, as `Permit.scope` has it."""
        return self._scope

    # What its user is told while it runs.

    @property
    def notice(self) -> Text | None:
        """What the user of the running server should do; None where there is nothing."""
        return ANOTHER if self._protocol != PROTOCOL else None

    # What JupyterHub asks.

    async def start(self) -> str:
        """Start the server.

        Returns:
            Its address.
        """
        raise NotImplementedError

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

    async def _adopt(self) -> None:
        """Take over a running job from the hub before."""
        raise NotImplementedError

    # What JupyterHub keeps for us in its database.

    def get_state(self) -> dict[str, Any]:
        """What the next hub needs to find the job again, and to tell how the last one ended."""
        state: dict[str, Any] = super().get_state()
        if self._digest:  # recorded, whether or not there is a job yet: its end must be on record too
            state |= {"digest": self._digest, "extract": self._extract, "scope": self._scope}
            state |= {"protocol": self._protocol}
        if self.last_words is not None:
            state[_LAST_WORDS] = self.last_words.model_dump()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the job that another hub started."""
        super().load_state(state)
        self.last_words = kept_words(state)
        if "digest" in state:
            self._digest, self._extract, self._scope = state["digest"], state["extract"], state["scope"]
            self._protocol = state.get("protocol", 0)  # older than any that has a number
            self._adopted = True

    def clear_state(self) -> None:
        """Forget the job, but not what its user is still to be told."""
        super().clear_state()
        self._reset()

    def _remember(self) -> None:
        """Have the job's identity in the database before it is up: the hub may be killed any moment."""
        self.server.ip, self.server.port = self.ip, self.port
        self.orm_spawner.state = self.get_state()
        inspect(self.orm_spawner).session.commit()

    def _revoke(self) -> None:
        """Delete the server's token. JupyterHub deletes it itself unless it was started again since."""
        note = f"Server at {url_path_join(self.user.base_url, url_escape_path(self.name), '/')}"
        session = inspect(self.orm_spawner).session
        for token in session.query(orm.APIToken).filter_by(user_id=self.user.id, note=note):
            session.delete(token)
        session.commit()

    def environment_of_server(self) -> dict[str, str]:
        """What JupyterHub tells a server, and nothing of what surrounds the hub."""
        told = {name: value for name, value in self.get_env().items() if name.startswith("JUPYTERHUB_")}
        return {name: str(value) for name, value in told.items() if value is not None}


def kept_words(state: Mapping[str, Any] | None) -> Text | None:
    """How a server ended whose state JupyterHub's database has; None where there is nothing to say."""
    said = (state or {}).get(_LAST_WORDS)
    return Text.model_validate(said) if said else None
