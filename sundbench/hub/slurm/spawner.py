"""The spawner whose jobs are Slurm's: batchspawner's, without what lets a request or a user shape a job.

Of batchspawner remain its states and what it keeps of a job. It would format shell commands and a script from
the spawner's attributes and from ``user_options``, submit as the person, and take over the person's shell
files: here the script is fixed, the gate (`sundbench.slurm.gate`) submits it under the permit's account, and
nothing runs in a shell.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self
from urllib.parse import urlsplit, urlunsplit

import batchspawner
from batchspawner.batchspawner import JobStatus

from sundbench.errors import ClusterError
from sundbench.governance import permits
from sundbench.governance.audit.actions import Action
from sundbench.governance.models import now
from sundbench.hub.deployment import Deployment
from sundbench.hub.queue import Ticket
from sundbench.hub.refusal import Refused
from sundbench.hub.slurm.certificates import read_away, signed
from sundbench.hub.slurm.letter import Endpoint, Identity, Letter
from sundbench.hub.slurm.queue import Queue, of_the_site
from sundbench.hub.slurm.reports import take_away_batchspawners
from sundbench.hub.spawner import ProjectSpawner, Start
from sundbench.registers.catalogue import Text
from sundbench.slurm import gate
from sundbench.slurm.accounts import name_of
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State
from sundbench.slurm.words import how_ended, why_waiting

take_away_batchspawners()

INSIDE = 8888
"""The port on which every server listens, in the network of its own sandbox."""
_LOOK = 0.5
_LONGEST_END = 90.0  # seconds: longer than Slurm lets a job that it ends go on (KillWait)


class ClusterSpawner(ProjectSpawner, batchspawner.SlurmSpawner):  # type: ignore[misc]  # has no types
    """Starts, finds again and stops the Slurm job of one project server."""

    queue: ClassVar[Queue] = Queue()

    def _reset(self) -> None:
        super()._reset()
        self.became = State("")
        self.letter = ""

    # What batchspawner would take from the person, or run in a shell.

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Nothing of a person's account goes into a job."""
        return env

    def _req_username_default(self) -> str:
        return name_of(self.name)

    def _req_homedir_default(self) -> str:
        return "/"

    def get_req_subvars(self) -> dict[str, Any]:
        """Nothing is filled into a script."""
        return {}

    async def run_command(self, cmd: str, input: str | None = None, env: Any = None) -> NoReturn:  # noqa: A002
        """Refuse: nothing runs in a shell."""
        raise NotImplementedError("jobs are begun and ended by sundbench.slurm.gate alone")

    # A job.

    @property
    def has_job(self) -> bool:
        """A job was begun, and not yet forgotten."""
        return bool(self.job_id)

    @property
    def ended(self) -> int | None:
        """0 where it ended by itself, 1 where it was ended; None while it waits or runs."""
        if not self.became.name or not self.became.over:
            return None
        return 0 if self.became.name == "COMPLETED" else 1

    @property
    def outcome(self) -> str:
        """How its job has ended, in Slurm's word."""
        return self.became.name

    def get_state(self) -> dict[str, Any]:
        """The job's number, and the name of its letter."""
        state = super().get_state()
        return state | {"letter": self.letter} if self.has_job else state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the job that another hub began."""
        super().load_state(state)
        self.letter = state.get("letter", "")

    async def look(self) -> None:
        """Ask Slurm; where it doesn't say, what was known holds."""
        status = await self.query_job_status()
        if status is JobStatus.NOTFOUND and self.has_job and self.ending is None:
            self._hub.last_words[self.user.name, self.name] = told(self.became)

    async def query_job_status(self) -> JobStatus:
        """What Slurm says, in batchspawner's words. That it can't be asked is no end."""
        if not self.has_job:
            return JobStatus.NOTFOUND
        try:
            self.became = await self.queue.state(int(self.job_id))
        except ClusterError as error:
            level = logging.INFO if isinstance(error, SlurmSilentError) else logging.ERROR
            self.log.log(level, "What became of %s isn't known: %s", self._log_name, error)
            return JobStatus.UNKNOWN
        self.job_status = f"{self.became.name} {self.became.node}"
        if self.became.waits:
            return JobStatus.PENDING
        return JobStatus.NOTFOUND if self.became.over else JobStatus.RUNNING

    def place(self, ticket: Ticket) -> AbstractAsyncContextManager[None]:
        """None is needed: Slurm has a queue of its own, and a job that waits there costs the hub nothing."""
        return nullcontext()

    async def begin(self, start: Start) -> None:
        """Have the gate begin the job, with a letter that its account alone reads."""
        chosen = self._hub.settings.slurm
        self.ip, self.port = "", 0
        try:
            letter = self._letter(start, await self._identity())
            asked = gate.Begin(
                permit=self.name,
                letter=letter.model_dump_json(),
                cores=chosen.cores,
                memory=chosen.memory,
                minutes=minutes_left(start.registered.permit.expires, chosen.minutes),
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
            raise _silent() from None

    def _note(self, begun: gate.Begun) -> None:
        self.job_id, self.letter = str(begun.job), begun.letter
        self.queue.begun()

    async def submit_batch_script(self) -> NoReturn:
        """Refuse: a job is begun by `begin`."""
        raise NotImplementedError("jobs are begun by sundbench.slurm.gate alone")

    async def up(self) -> str:
        """Wait until the job runs and has told its server's port."""
        async with asyncio.timeout(self._hub.settings.slurm.queue_minutes * 60) as waiting:
            while True:
                await self.look()
                if self.ended is not None:
                    self.log.error("Job %s of %s has ended: %s", self.job_id, self._log_name, self.became)
                    raise self._too_early()
                if self.became.name and not self.became.waits:
                    break
                await asyncio.sleep(_LOOK)
            waiting.reschedule(asyncio.get_running_loop().time() + self._hub.settings.hub.start_timeout)
            while not self.port:
                await self.look()
                if self.ended is not None:
                    raise self._too_early()
                await asyncio.sleep(_LOOK)
            self.ip = await self.queue.address(self.became.node)
        return f"https://{self.ip}:{self.port}"

    def listens_at(self, port: int) -> bool:
        """Take the port at which its server says that it listens; False where it has said one already."""
        if self.port or not self.has_job:
            return False
        self.port = port
        return True

    async def cancel_batch_job(self) -> None:
        """Have the gate end the job, and remove its letter."""
        asked = gate.End(permit=self.name, job=int(self.job_id), letter=self.letter or None)
        await asyncio.to_thread(gate.end, self._hub.site, asked)
        self.letter = ""

    async def tidy(self) -> None:
        """Remove a letter that was perhaps never read: its job was cancelled while it waited."""
        if self.letter:
            asked = gate.End(permit=self.name, job=None, letter=self.letter)
            try:
                await asyncio.to_thread(gate.end, self._hub.site, asked)
            except ClusterError as error:
                self.log.error("The letter of %s is still there: %s", self._log_name, error)  # noqa: TRY400

    async def end(self, grace: float) -> None:
        """End the job. How long it has for a tidy end is Slurm's to say (``KillWait``)."""
        if not self.has_job:
            return
        while True:  # with Slurm silent, its time limit ends it; but nobody should be told that it has ended
            try:
                await self.cancel_batch_job()
                break
            except SlurmSilentError as error:
                self.log.warning("%s can't be ended yet: %s", self._log_name, error)
                await asyncio.sleep(2)
        try:
            async with asyncio.timeout(_LONGEST_END):
                while self.ended is None:
                    await self.query_job_status()
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            self.log.error("Job %s was cancelled and goes on: see Slurm's logs", self.job_id)  # noqa: TRY400

    @classmethod
    async def end_unknown(cls, hub: Deployment, spawners: Callable[[], Iterable[Self]]) -> None:
        """End jobs of this installation's accounts that no spawner knows.

        Raises:
            ClusterError: Slurm doesn't say which there are, or one of them can't be ended.
        """
        left = of_the_site(hub.site, await cls.queue.jobs())
        known = {int(one.job_id) for one in spawners() if one.job_id}
        # A job that is just being begun isn't written down yet.
        starting = {one.name for one in spawners() if one.pending == "spawn"}
        failed = None
        for job in left.keys() - known:
            if left[job] in starting:
                continue
            try:
                await asyncio.to_thread(gate.end, hub.site, gate.End(permit=left[job], job=job))
            except ClusterError as error:
                failed = error  # which is no reason to let the others go on
                continue
            hub.journal.note(
                "hub", Action.SERVER_STOP, f"job {job}", permit=left[job], why="no hub knew of it any more"
            )
        if failed is not None:
            raise failed

    # Certificates.

    async def create_certs(self) -> dict[str, str]:
        """None yet: a start may still be refused; and JupyterHub's is one pair for all of a person's."""
        return {}

    async def _identity(self) -> Identity:
        """A pair for this start alone, taken out of the hub's folder: it goes to the job in its letter.

        Raises:
            ClusterError: Slurm doesn't say where nodes are reached.
        """
        nodes = await self.queue.addresses()
        return read_away(signed(self, [*nodes, *nodes.values()]))

    # What the job is told.

    def _letter(self, start: Start, identity: Identity) -> Letter:
        site, chosen = self._hub.site, self._hub.settings
        hub = urlsplit(super().environment_of_server()["JUPYTERHUB_API_URL"])
        content = ("SUNDBENCH_KERNELS", "SUNDBENCH_HUB_CONFIG")
        return Letter(
            home=site.root,
            assignment=self.assignment(
                start,
                workspace=site.workspaces / self.name,
                scratch=site.scratch / self.name / self.user.name,
                outbox=site.outboxes / self.name / self.user.name,
                runtime=site.runtime.parent,
                port=0,
            ),
            hub=Endpoint(host=hub.hostname or "", port=hub.port or 443),
            audit=Endpoint(host=hub.hostname or "", port=chosen.slurm.audit_port),
            identity=identity,
            content={name: Path(os.environ[name]) for name in content if name in os.environ},
        )

    def environment_of_server(self) -> dict[str, str]:
        """As a sandbox meets the hub: on its own loopback, where no TLS is needed, and no key."""
        told = super().environment_of_server()
        api = urlsplit(told["JUPYTERHUB_API_URL"])
        inside = f"127.0.0.1:{api.port or 443}"
        service = urlsplit(told["JUPYTERHUB_SERVICE_URL"])
        kept = {name: text for name, text in told.items() if not name.startswith("JUPYTERHUB_SSL_")}
        return kept | {
            "JUPYTERHUB_API_URL": urlunsplit(("http", inside, api.path, "", "")),
            "JUPYTERHUB_ACTIVITY_URL": urlunsplit(
                ("http", inside, urlsplit(told["JUPYTERHUB_ACTIVITY_URL"]).path, "", "")
            ),
            "JUPYTERHUB_SERVICE_URL": urlunsplit(("http", f"127.0.0.1:{INSIDE}", service.path, "", "")),
        }

    # What the user reads.

    def _stage(self) -> tuple[int, str, str]:
        if self.has_job and self.became.waits:
            why = why_waiting(self.became)
            return (
                20,
                f"Serveren venter i klyngens kø: {why.da}.",
                f"The server waits in the cluster's queue: {why.en}.",
            )
        return super()._stage()

    def _too_early(self) -> Refused:
        how = how_ended(self.became)
        return Refused(
            "ended",
            da=f"Serveren standsede, før den var klar: {how.da}. Prøv igen, og sig det ellers til driften.",
            en=f"The server stopped before it was ready: {how.en}. Try again; or tell the operator.",
            status=500,
        )


def _silent() -> Refused:
    return Refused(
        "cluster",
        da="Serveren kan ikke startes, for klyngen svarer ikke lige nu. Prøv igen om lidt.",
        en="The server can't be started, because the cluster doesn't answer just now. Try again in a while.",
        status=503,
    )


def told(state: State) -> Text:
    """How a server ended, for its user."""
    how = how_ended(state)
    return Text(da=f"Serveren standsede: {how.da}.", en=f"The server stopped: {how.en}.")


def minutes_left(expires: date, most: int) -> int:
    """For how long a job may run: as long as the operator lets it, and never past its permit's last day."""
    return max(1, min(most, math.floor((permits.end_of(expires) - now()).total_seconds() / 60)))
