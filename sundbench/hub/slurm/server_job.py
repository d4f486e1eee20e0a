"""The Slurm job of a project server: what is kept of it, what Slurm says of it, and how it is ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar

from batchspawner.batchspawner import JobStatus

from sundbench.errors import ClusterError
from sundbench.hub.slurm import words
from sundbench.hub.slurm.hardened import HardenedSlurmSpawner
from sundbench.hub.slurm.queue import Queue
from sundbench.hub.spawner import ProjectSpawner
from sundbench.slurm import gate
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State

_LOOK = 0.5
_LONGEST_END = 90.0  # seconds: longer than Slurm lets a job that it ends go on (KillWait)


class SlurmServerJob(ProjectSpawner, HardenedSlurmSpawner):
    """A spawner whose job Slurm has, and the gate ends; its subclass begins it.

    Attributes:
        queue: Slurm's, of which all spawners ask together.
        became: what Slurm said last of the job.
        letter: the name of the letter that the job is told by; empty where it has none any more.
    """

    queue: ClassVar[Queue] = Queue()

    def _reset(self) -> None:
        super()._reset()
        self.became = State("")
        self.letter = ""
        self._server_name = ""
        self._told_with = ""

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
        """The job's number, the names of its letter and of its server, and the digest of its token."""
        state = super().get_state()
        kept = {"letter": self.letter, "server": self._server_name, "told_with": self._told_with}
        return state | kept if self.has_job else state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the job that another hub began."""
        super().load_state(state)
        self.letter, self._server_name = state.get("letter", ""), state.get("server", "")
        self._told_with = state.get("told_with", "")

    # Looked at.

    async def look(self) -> None:
        """Ask Slurm; where it doesn't say, what was known holds."""
        status = await self.query_job_status()
        if status is JobStatus.NOTFOUND and self.has_job and self.ending is None:
            self.last_words = words.stopped(self.became)
            self.orm_spawner.state = self.get_state()  # JupyterHub writes it down when it stops the server

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

    # Ended.

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
