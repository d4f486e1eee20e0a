"""What a hub whose servers are Slurm's jobs must have, and what of it is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sundbench.errors import ClusterError, DatabaseError
from sundbench.governance import database, permits
from sundbench.hub.checks.finding import Finding
from sundbench.hub.settings import Settings
from sundbench.site import Site
from sundbench.slurm.accounts import account
from sundbench.slurm.commands import ask

_SUDO = Path("/usr/bin/sudo")


def cluster(site: Site, settings: Settings) -> Iterator[Finding]:
    """Slurm answers, has the partition, and every project's jobs have their account."""
    if settings.site.profile != "slurm":
        return
    if os.geteuid() != 0 and not _SUDO.exists():
        do = (
            "install sudo, and let this account call sundbench.slurm.gate (docs/operators.md), or run as root"
        )
        yield Finding("error", "jobs can't be begun under other accounts", do)
    wanted = settings.slurm.partition
    try:
        partitions = ask("sinfo", "--noheader", "--format=%R").split()
    except ClusterError as error:
        yield Finding(
            "error", str(error), "see that sinfo answers on this machine, with SLURM_CONF if need be"
        )
    else:
        if wanted is not None and not set(wanted.split(",")) <= set(partitions):
            there = ", ".join(sorted(set(partitions)))
            yield Finding(
                "error", f"Slurm has no partition {wanted}", f"set slurm.partition to one of {there}"
            )
    yield from _accounts(site)


def _accounts(site: Site) -> Iterator[Finding]:
    try:
        with database.reading(site) as session:
            active = permits.active(session, permits.today())
    except DatabaseError:
        return  # said by another look
    for permit in active:
        try:
            account(site, permit)
        except ClusterError as error:
            yield Finding("warning", f"nobody can start a server of {permit}: {error}")
