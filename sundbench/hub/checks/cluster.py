"""What a hub whose servers are Slurm's jobs must have, and what of it is missing."""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Iterator

from sundbench.errors import ClusterError, DatabaseError
from sundbench.governance import database, permits
from sundbench.hub.checks.finding import Finding
from sundbench.hub.settings import Settings
from sundbench.site import Site
from sundbench.slurm import gate
from sundbench.slurm.accounts import account
from sundbench.slurm.commands import ask


def cluster(site: Site, settings: Settings) -> Iterator[Finding]:
    """Slurm answers, has the partition, and every project's jobs have their account."""
    if settings.site.profile != "slurm":
        return
    if os.geteuid() != 0:
        yield from _without_root(site)
    wanted = settings.slurm.partition
    try:
        partitions = ask("sinfo", "--noheader", "--format=%R").split()
    except ClusterError as error:
        yield Finding(
            "error", str(error), "see that sinfo answers on this machine: slurm.conf belongs in /etc/slurm"
        )
    else:
        if wanted is not None and not set(wanted.split(",")) <= set(partitions):
            there = ", ".join(sorted(set(partitions)))
            yield Finding(
                "error", f"Slurm has no partition {wanted}", f"set slurm.partition to one of {there}"
            )
    yield from _accounts(site)


def _without_root(site: Site) -> Iterator[Finding]:
    try:
        gate.require_sudo(site)
    except ClusterError as error:
        rule = f"{pwd.getpwuid(os.geteuid()).pw_name} ALL=(root) NOPASSWD: {shlex.join(gate.call(site))}"
        what = f"jobs can't be begun under other accounts: {error}"
        yield Finding("error", what, f"let root write into /etc/sudoers.d/sundbench: {rule}")
    yield Finding(
        "note",
        "workspaces of ended permits are their accounts', and root's to close and delete",
        "let root run sundbench workspace close and purge every day",
    )


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
