"""Where bench_hub's servers run: beside the hub, or as jobs of a small Slurm."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import ceil

import psutil

from sundbench.hub.supervisor import table
from sundbench.site import Site
from sundbench.slurm import accounts, folders
from sundbench.slurm.small.cluster import SmallSlurm, running
from tests.hub.installation import free_ports

NODES = 2
MEMORY = 600
"""MiB that Slurm books for a server, a kernel's included."""
_JOB = "sundbench.hub.slurm.job"


@dataclass(frozen=True)
class Place:
    """Where servers run.

    Attributes:
        name: as it is printed.
        settings: what it takes in the hub's settings.
        ready: makes a site ready for it, while it is used.
        jobs: the servers' jobs that run.
    """

    name: str
    settings: str
    ready: Callable[[Site], AbstractContextManager[None]]
    jobs: Callable[[Site], list[psutil.Process]]


@contextmanager
def beside_the_hub(_users: int) -> Iterator[Place]:
    """The profile ``local``."""

    @contextmanager
    def ready(_site: Site) -> Iterator[None]:
        yield

    yield Place("local", "", ready, lambda site: [psutil.Process(one.pid) for one in table.jobs(site)])


@contextmanager
def on_slurm(users: int) -> Iterator[Place]:
    """The profile ``slurm``, on a small cluster that offers a core to every user."""
    each = ceil(users / NODES)
    with running(nodes=NODES, cores=each, memory_mib=each * MEMORY) as slurm:
        before = os.environ.get("SLURM_CONF")
        os.environ |= slurm.environment
        try:
            yield Place("slurm", _settings(slurm), _with_accounts, _jobs)
        finally:
            os.environ.pop("SLURM_CONF")
            os.environ |= {"SLURM_CONF": before} if before else {}


def _settings(slurm: SmallSlurm) -> str:
    (audit,) = free_ports(1)
    # All start at once on few processors, which a cluster's own nodes needn't share.
    return (
        "start_timeout = 900\n"
        f'[slurm]\ncores = 1\nmemory = "{MEMORY} MiB"\n'
        f'hub_host = "{slurm.host_address}"\naudit_port = {audit}\n'
        '[kernel]\nmemory = "300 MiB"\nr = false\n[server]\nmemory = "300 MiB"\n'
    )


@contextmanager
def _with_accounts(site: Site) -> Iterator[None]:
    made = [accounts.create(folder.name) for folder in site.synthetic.iterdir()]
    try:
        for account in made:
            accounts.note(site, account)
            folders.hand_over(site, account)
        yield
    finally:
        for account in made:
            subprocess.run(["userdel", "--force", account.name], check=True, capture_output=True)


def _jobs(site: Site) -> list[psutil.Process]:
    homes = str(site.root)
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if _JOB in (words := one.info["cmdline"] or []) and words[-1].startswith(homes)
    ]
