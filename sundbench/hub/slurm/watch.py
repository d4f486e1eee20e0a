"""The watch over jobs of the projects' accounts that are no servers: runs, and what nobody here has begun.

Servers end by their spawners. A run ends when its permit does. Nobody logs in to a project's account, so that
a job of its that the hub doesn't know has been begun by a program that broke out of its sandbox, or by an
operator who tries something: it is ended, recorded and counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from sundbench.errors import DatabaseError, SundbenchError
from sundbench.governance.audit.actions import Action
from sundbench.hub import rights
from sundbench.hub.deployment import Deployment
from sundbench.hub.metrics import UNKNOWN_JOBS
from sundbench.hub.rights import Standing
from sundbench.release.cluster import ending
from sundbench.release.cluster.letter import Ticket
from sundbench.release.cluster.spread import WORKER_NAME
from sundbench.site import Site
from sundbench.slurm import account_jobs, gate
from sundbench.slurm.account_jobs import EndJobs

GRACE = 120.0
"""Seconds for which a job may be unknown: who begins one writes its number down when Slurm has told it."""
_STRANGER = "begun neither by the hub nor by a run"

_log = logging.getLogger(__name__)


class _Seen(NamedTuple):
    """What goes on, by permit.

    Attributes:
        jobs: the numbers of all jobs.
        workers: those that are called as runs' workers are.
        runs: the tickets of runs, by job; also of one that was taken home in this moment.
        damaged: tickets that can't be read: whose job isn't known.
    """

    jobs: dict[str, set[int]]
    workers: set[int]
    runs: dict[int, Ticket]
    damaged: list[str]


class JobsWatch:
    """Looks at the jobs of all projects' accounts, again and again."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    async def look(self, hub: Deployment, now: Standing, spawners: Callable[[], Iterable[Any]]) -> None:
        """Look once, and end what must end.

        Args:
            hub: the deployment.
            now: what governance said when it was asked last.
            spawners: all of the hub's, when it is called.

        Raises:
            SundbenchError: Slurm doesn't say what there is, or one of the jobs can't be ended.
        """
        seen = await asyncio.to_thread(_seen, hub.site)
        if any(now.over(permit) for permit in seen.jobs):
            now = await asyncio.to_thread(_since, hub.site, now)
        servers = {int(one.job_id): one for one in spawners() if one.job_id}
        failed = None
        unknown: dict[int, float] = {}
        for permit, jobs in seen.jobs.items():
            try:
                if (why := now.over(permit)) is not None:
                    starting = {job for job in jobs & servers.keys() if servers[job].pending == "spawn"}
                    await self._end_all(hub, permit, why, seen, servers.keys() - starting)
                    continue
                await self._end_amended(hub, now, jobs, seen)
                strangers = jobs - servers.keys() - seen.runs.keys()
                if jobs & seen.runs.keys():
                    strangers -= seen.workers
                unknown |= {job: self._since.get(job, time.monotonic()) for job in strangers}
                late = {job for job in strangers if time.monotonic() - unknown[job] >= GRACE}
                if late and not seen.damaged:
                    UNKNOWN_JOBS.inc(await _end_others(hub, permit, late, _STRANGER))
            except SundbenchError as error:
                failed = error  # which is no reason to let the others go on
        self._since = unknown
        for damaged in seen.damaged:
            _log.error("jobs that nobody has begun aren't looked for: %s", damaged)
        if failed is not None:
            raise failed

    async def _end_all(
        self, hub: Deployment, permit: str, why: str, seen: _Seen, spared: Collection[int]
    ) -> None:
        """End all that a permit has which is over, but for servers: theirs spawners end."""
        jobs = seen.jobs[permit]
        runs = jobs & seen.runs.keys()
        for job in runs:
            await self._end_run(hub, seen.runs[job], why)
        others = jobs - runs - set(spared)
        if others:
            # All, with what they begin meanwhile, unless that took a tidy end from a server.
            await _end_others(hub, permit, others, why, alone=not jobs & set(spared))

    async def _end_amended(self, hub: Deployment, now: Standing, jobs: set[int], seen: _Seen) -> None:
        """End runs that were given other data than their permit gives now."""
        for job in jobs & seen.runs.keys():
            ticket = seen.runs[job]
            if now.digest(ticket.order.permit) == ticket.order.permit_digest:
                continue
            why = await asyncio.to_thread(ending.why, hub.site, ticket)
            if why is not None:
                await self._end_run(hub, ticket, why)

    async def _end_run(self, hub: Deployment, ticket: Ticket, why: str) -> None:
        await asyncio.to_thread(ending.end, hub.site, ticket)
        order = ticket.order
        _log.warning("ended run %s: %s", order.run, why)
        hub.journal.note(
            "hub", Action.RUN_END, order.run, permit=order.permit, extract=order.extract_digest, why=why
        )


async def _end_others(hub: Deployment, permit: str, jobs: set[int], why: str, *, alone: bool = False) -> int:
    """End jobs that are neither servers nor runs, as many as one request names; or all that there are."""
    named = tuple(sorted(jobs)[: account_jobs.MOST])
    asked = EndJobs(permit=permit, jobs=None if alone else named)
    await asyncio.to_thread(gate.end_jobs, hub.site, asked)
    for job in named:
        _log.warning("ended job %d of %s: %s", job, permit, why)
        hub.journal.note("hub", Action.JOB_END, f"job {job}", permit=permit, why=why)
    return len(named)


def _since(site: Site, before: Standing) -> Standing:
    """What governance says after jobs were seen: a permit may have been extended, and a run ordered."""
    try:
        return rights.standing(site)
    except DatabaseError:  # nobody can have begun anything through it either
        return before


def _seen(site: Site) -> _Seen:
    before = ending.tickets(site)
    going = account_jobs.going(site)
    after = ending.tickets(site)
    jobs: dict[str, set[int]] = {}
    for job, permit in going.items():
        jobs.setdefault(permit, set()).add(job)
    tickets = before.by_job | after.by_job
    runs = {job: one for job, one in tickets.items() if going.get(job) == one.order.permit}
    workers = account_jobs.going(site, WORKER_NAME) if runs else {}  # without a run none is spared
    return _Seen(jobs, set(workers), runs, after.damaged)
