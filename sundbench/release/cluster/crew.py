"""A run's workers: jobs of the run's own account, begun again when they end before the run does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sundbench.errors import ClusterError
from sundbench.slurm import jobs
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State
from sundbench.slurm.words import how_ended

log = logging.getLogger("sundbench.release.cluster")

ATTEMPTS = 4
"""Jobs that one worker may use up."""
_LOOK = 1.0


@dataclass
class _Place:
    """A worker's place, and the job that fills it."""

    member: int
    job: int
    attempts: int = 1


class Crew:
    """Workers that are there as long as the block runs.

    Args:
        members: their numbers.
        begin: begins a worker's job, and gives the job's number.
        said: a worker's own words for why it failed, if it has any.
        lost: called once, with what to tell, when the last worker is gone for good.

    Attributes:
        ended: how a worker ended last; None where none has.
    """

    def __init__(
        self,
        members: Sequence[int],
        begin: Callable[[int], int],
        said: Callable[[int], str],
        lost: Callable[[str], None],
    ) -> None:
        self.ended: str | None = None
        self._begin = begin
        self._said = said
        self._lost = lost
        self._places = [_Place(member, begin(member)) for member in members]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="crew", daemon=True)

    def __enter__(self) -> Crew:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self._over.set()
        self._thread.join()
        for place in self._places:
            # One that can't be ended now has lost its scheduler, and ends by itself.
            with suppress(ClusterError):
                jobs.cancel(place.job)

    def _keep(self) -> None:
        while not self._over.wait(_LOOK):
            try:
                states = jobs.look_at([place.job for place in self._places])
                for place in tuple(self._places):
                    if states[place.job].over:
                        self._fill(place, states[place.job])
            except SlurmSilentError:
                continue
            if not self._places:
                self._lost(f"all of its workers are gone: the last one, because {self.ended}")
                return

    def _fill(self, place: _Place, state: State) -> None:
        """Fill a place whose job has ended, or give it up."""
        said = self._said(place.member) if state.name == "FAILED" else ""
        self.ended = said or how_ended(state).en
        log.info("worker %d, job %d: %s", place.member, place.job, self.ended)
        if place.attempts < ATTEMPTS:
            try:
                place.job = self._begin(place.member)
            except SlurmSilentError:
                raise
            except ClusterError as error:
                self.ended = str(error)
            else:
                place.attempts += 1
                return
        self._places.remove(place)
