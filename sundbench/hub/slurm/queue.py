"""What Slurm says of all servers' jobs, asked for once for all who want to know."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sundbench.errors import ClusterError
from sundbench.site import Site
from sundbench.slurm.accounts import name_of, noted
from sundbench.slurm.commands import ask
from sundbench.slurm.gate import NAME
from sundbench.slurm.jobs import GONE, State
from sundbench.slurm.jobs import address as address_of

AGE = 1.0
"""Seconds for which an answer holds: every server is asked after every few seconds, by its spawner alone."""


@dataclass(frozen=True)
class Listed:
    """One job of the queue.

    Attributes:
        account: under which it runs.
        state: what became of it.
    """

    account: str
    state: State


class Queue:
    """Slurm's queue, as it was a moment ago."""

    def __init__(self) -> None:
        self._seen: dict[int, Listed] = {}
        self._at = self._begun = -math.inf
        self._asking = asyncio.Lock()
        self._addresses: dict[str, str] = {}

    async def state(self, job: int) -> State:
        """What became of a job.

        Raises:
            ClusterError: Slurm doesn't say.
        """
        listed = (await self.jobs()).get(job)
        return State(GONE) if listed is None else listed.state

    async def jobs(self) -> dict[int, Listed]:
        """All servers' jobs, those that ended some minutes ago among them.

        Raises:
            ClusterError: Slurm doesn't say.
        """
        async with self._asking:
            if time.monotonic() - self._at > AGE or self._at <= self._begun:
                started = time.monotonic()
                self._seen = _read(await asyncio.to_thread(_squeue))
                self._at = started
            return self._seen

    def begun(self) -> None:
        """A job was begun: what Slurm was asked before doesn't know it, also where it answers later."""
        self._begun = time.monotonic()

    async def address(self, node: str) -> str:
        """The address at which a node is reached.

        Raises:
            ClusterError: Slurm doesn't say, or this machine doesn't know the name that Slurm has for it.
        """
        if node not in self._addresses:
            self._addresses[node] = await asyncio.to_thread(_address, node)
        return self._addresses[node]


def of_the_site(site: Site, listed: Mapping[int, Listed]) -> dict[int, str]:
    """Of listed jobs, those that wait or run under an account of the installation's, with their permits.

    Raises:
        ClusterError: who has which account can't be read.
    """
    permits = {name_of(one): one for one in noted(site)}
    return {
        job: permits[one.account]
        for job, one in listed.items()
        if one.account in permits and not one.state.over
    }


def _address(node: str) -> str:
    there = address_of(node)
    try:
        found = socket.getaddrinfo(there, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ClusterError(
            f"node {node}: {there} isn't known here ({error.strerror}): set its NodeAddr"
        ) from error
    return str(found[0][4][0])


def _squeue() -> str:
    return ask("squeue", "--noheader", "--states=all", f"--name={NAME}", "--format=%A|%u|%T|%r|%N")


def _read(said: str) -> dict[int, Listed]:
    found = {}
    for line in said.splitlines():
        job, account, name, reason, node = (part.strip() for part in line.split("|"))
        found[int(job)] = Listed(account, State(name, "" if reason == "None" else reason, node))
    return found
