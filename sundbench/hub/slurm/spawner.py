"""The spawner whose jobs are Slurm's, begun and ended by `sundbench.slurm.gate`."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self, get_args
from urllib.parse import urlsplit

from sundbench.governance import permits
from sundbench.governance.models import now
from sundbench.hub import rights, server_names
from sundbench.hub.deployment import Deployment
from sundbench.hub.queue import Ticket
from sundbench.hub.refusal import Refused
from sundbench.hub.slurm import inside, unknown, words
from sundbench.hub.slurm.certificates import read_away, signed
from sundbench.hub.slurm.letter import Content, Endpoint, Identity, Letter
from sundbench.hub.slurm.server_job import SlurmServerJob
from sundbench.hub.slurm.watch import JobsWatch
from sundbench.hub.start import Start, assignment
from sundbench.hub.told import TOO_LATE
from sundbench.registers.catalogue import Text
from sundbench.slurm import gate
from sundbench.slurm.commands import NoRoomError, SlurmSilentError

_LOOK = 0.5


class ClusterSpawner(SlurmServerJob):
    """Starts, finds again and stops the Slurm job of one project server."""

    watch: ClassVar[JobsWatch] = JobsWatch()

    def place(self, ticket: Ticket) -> AbstractAsyncContextManager[None]:
        """None is needed: Slurm has a queue of its own, and a job that waits there costs the hub nothing."""
        return nullcontext()

    async def begin(self, start: Start) -> None:
        """Have the gate begin the job, with a letter that its account alone reads."""
        chosen = self._hub.settings.slurm
        until = permits.end_of(start.registered.permit.expires)
        self.ip, self.port = "", 0
        self._server_name = server_names.new()
        self._told_with = _digest(self.api_token)
        try:
            # Its key goes to the job in its letter, and stays nowhere else.
            letter = self._letter(start, until, read_away(signed(self, self._server_name)))
            asked = gate.Begin(
                permit=self.name,
                letter=letter.model_dump_json(),
                cores=chosen.cores,
                memory=chosen.memory,
                minutes=minutes_left(until, chosen.minutes),
                partition=chosen.partition,
                charge=chosen.charge,
            )
            beginning = asyncio.create_task(asyncio.to_thread(gate.begin, self._hub.site, asked))
            try:
                await asyncio.shield(beginning)
            finally:  # also where the user gives up meanwhile: what was begun must be known, to be ended
                self._note(await beginning)
        except SlurmSilentError as error:
            self.log.error("Not starting %s: %s", self._log_name, error)  # noqa: TRY400 - a line, not a traceback
            raise words.silent() from None
        except NoRoomError as error:
            self.log.error("Not starting %s: %s", self._log_name, error)  # noqa: TRY400
            raise words.no_room() from None

    def _note(self, begun: gate.Begun) -> None:
        self.job_id, self.letter = str(begun.job), begun.letter
        self.queue.begun()

    def _letter(self, start: Start, until: datetime, identity: Identity) -> Letter:
        site, chosen = self._hub.site, self._hub.settings
        hub = urlsplit(super().environment_of_server()["JUPYTERHUB_API_URL"])
        return Letter(
            home=site.root,
            assignment=assignment(
                self,
                self._hub,
                start,
                workspace=site.workspaces / self.name,
                scratch=site.scratch / self.name / self.user.name,
                outbox=site.outboxes / self.name / self.user.name,
                runtime=site.runtime.parent,
                port=0,
            ),
            until=until,
            hub=Endpoint(host=hub.hostname or "", port=hub.port or 443),
            audit=Endpoint(host=hub.hostname or "", port=chosen.slurm.audit_port),
            identity=identity,
            content={name: Path(os.environ[name]) for name in get_args(Content) if name in os.environ},
        )

    def environment_of_server(self) -> dict[str, str]:
        """As a sandbox meets the hub."""
        return inside.environment(super().environment_of_server())

    async def up(self) -> str:
        """Wait until the job runs and has told its server's port."""
        async with asyncio.timeout(self._hub.settings.slurm.queue_minutes * 60) as waiting:
            while True:
                await self._must_go_on()
                if self.became.name and not self.became.waits:
                    break
                await asyncio.sleep(_LOOK)
            waiting.reschedule(asyncio.get_running_loop().time() + self._hub.settings.hub.start_timeout)
            while not self.port:
                await self._must_go_on()
                await asyncio.sleep(_LOOK)
            self.ip = server_names.at(self._server_name, await self.queue.address(self.became.node))
        return f"https://{self.ip}:{self.port}"

    async def _must_go_on(self) -> None:
        await self.look()
        if self.ended is not None:
            self.log.error("Job %s of %s has ended: %s", self.job_id, self._log_name, self.became)
            await self._granted()  # perhaps it was ended with its permit
            raise words.too_early(self.became)

    def is_told_with(self, token: str) -> bool:
        """Whether a token is that of the server that is starting, also where another hub has begun it."""
        return secrets.compare_digest(self._told_with, _digest(token))

    def listens_at(self, port: int) -> bool:
        """Take the port at which its server says that it listens; False where it has said one already."""
        if self.port or not self.has_job:
            return False
        self.port = port
        return True

    async def _adopt(self) -> None:
        """Take the job over; where its server wasn't up yet, go on waiting as the hub before did."""
        await super()._adopt()
        if self.server.port:
            return
        try:
            found = urlsplit(await self.up())
        except TimeoutError:
            self.ending = "failed to start"
            self.last_words = Text(da=TOO_LATE.da, en=TOO_LATE.en)
            await self.end(0)
        except Refused:
            while self._stop_pending:  # somebody has stopped it: JupyterHub would stop it once more
                await asyncio.sleep(_LOOK)
        else:
            self.server.proto, self.server.ip, self.server.port = found.scheme, found.hostname, found.port
            self.unrouted = True

    def _stage(self) -> tuple[int, str, str]:
        if self.has_job and self.became.waits:
            said = words.waits(self.became)
            return 20, said.da, said.en
        return super()._stage()

    @classmethod
    async def end_unknown(cls, hub: Deployment, spawners: Callable[[], Iterable[Self]]) -> None:
        """End jobs of this installation's accounts that no spawner knows."""
        await unknown.end_unknown(hub, cls.queue, spawners)

    @classmethod
    async def watch_jobs(
        cls, hub: Deployment, now: rights.Standing, spawners: Callable[[], Iterable[Self]]
    ) -> None:
        """End runs, and jobs that nobody here has begun."""
        await cls.watch.look(hub, now, spawners)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def minutes_left(until: datetime, most: int) -> int:
    """For how long a job may run that begins now: as long as the operator lets it, and not past its end."""
    return max(1, min(most, (until - now()) // timedelta(minutes=1)))
