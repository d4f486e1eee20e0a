"""A run is ordered from the cluster."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sundbench.errors import ClusterError, PermitError
from sundbench.governance import permits
from sundbench.release.cluster.letter import (
    LETTER,
    LOG,
    OUT,
    STUDY,
    TICKET,
    Letter,
    Resources,
    Ticket,
    under_way,
)
from sundbench.release.disk import room_for
from sundbench.release.extracts import Extract
from sundbench.release.order import Order
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site
from sundbench.slurm import jobs
from sundbench.slurm.accounts import Account, account

JOB_NAME = "sundbench-run"
"""Everybody on the cluster sees it in the queue: it says nothing of the study."""


def submit(site: Site, study: StudyFolder, order: Order, extract: Extract, resources: Resources) -> Ticket:
    """Have the cluster do a run, under its permit's account.

    Args:
        site: the installation, on a file system that the nodes have at the same path.
        study: what to run; it is copied.
        order: the run.
        extract: what it reads.
        resources: what its jobs are to have.

    Raises:
        ClusterError: the permit has no account, Slurm refuses the job, or this account may not begin it.
        PermitError: the permit ends too soon.
    """
    whose = account(site, order.permit)
    if os.geteuid() not in {0, whose.uid}:
        raise ClusterError(
            "runs on the cluster are ordered by root, who begins jobs for the permits' accounts"
        )
    until = _until(order, resources)
    folder = under_way(site) / order.run
    with room_for(f"run {order.run}"):
        try:
            _prepare(folder, whose)
            shutil.copytree(
                study.folder, folder / STUDY / study.about.id, ignore=shutil.ignore_patterns(".*")
            )
            Letter(
                run=order.run,
                study=study.about.id,
                parameters=order.parameters,
                seed=order.seed,
                extract=extract,
                resources=resources,
                until=until,
            ).write(folder / LETTER)
            _readable(folder, whose)
            job = jobs.submit(
                script("job", folder), wanted(JOB_NAME, resources, until, folder / OUT / LOG), whose
            )
            ticket = Ticket(order=order, surroundings=Surroundings.here(), account=whose.uid, job=job)
            ticket.write(folder / TICKET)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return ticket


def script(program: str, *arguments: object) -> str:
    """What a node runs: one of this package's programs."""
    command = [sys.executable, "-I", "-m", f"sundbench.release.cluster.{program}", *map(str, arguments)]
    return f"#!/bin/sh\nexec {shlex.join(command)}\n"


def wanted(name: str, resources: Resources, until: datetime, log: Path) -> jobs.Wanted:
    """A job's share of the cluster."""
    return jobs.Wanted(
        name=name,
        cores=resources.cores,
        memory=int(resources.memory),
        time=until - datetime.now(UTC),
        log=log,
        partition=resources.partition,
        charge=resources.charge,
    )


def _until(order: Order, resources: Resources) -> datetime:
    """When the run's jobs end at the latest: never after its permit."""
    now = datetime.now(UTC)
    until = min(now + timedelta(hours=resources.hours), permits.end_of(order.expires))
    if until - now < timedelta(minutes=1):
        raise PermitError(
            f"permit {order.permit} expires in less than a minute: nothing can be begun under it"
        )
    return until


def _prepare(folder: Path, whose: Account) -> None:
    """Make a run's folders."""
    for above in (folder.parent.parent, folder.parent):
        above.mkdir(mode=0o711, exist_ok=True)
        above.chmod(0o711)
    folder.mkdir(mode=0o700)
    out = folder / OUT
    out.mkdir(mode=0o700)
    os.chown(out, whose.uid, whose.gid)


def _readable(folder: Path, whose: Account) -> None:
    """Let the account's group read what was written for it, and nobody else."""
    for path in (folder, folder / LETTER, folder / STUDY, *(folder / STUDY).rglob("*")):
        os.chown(path, -1, whose.gid, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o750 if path.is_dir() else 0o640)
