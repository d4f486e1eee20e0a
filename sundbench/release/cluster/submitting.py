"""A run is ordered from the cluster."""

from __future__ import annotations

import base64
import io
import os
import pwd
import tarfile
from datetime import UTC, datetime, timedelta

from sundbench.errors import ClusterError, PermitError, StudyError
from sundbench.governance import permits
from sundbench.release.cluster.letter import LETTER, STUDY, Letter, Resources, Ticket, under_way
from sundbench.release.disk import room_for
from sundbench.release.extracts import Extract
from sundbench.release.order import Order
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site
from sundbench.slurm import gate, runs

_LARGEST = runs.LARGEST // 4 * 3  # it travels as base64


def submit(
    site: Site,
    study: StudyFolder,
    order: Order,
    extract: Extract,
    resources: Resources,
    *,
    again: str | None = None,
) -> Ticket:
    """Have the cluster do a run, under its permit's account.

    Args:
        site: the installation, on a file system that the nodes have at the same path.
        study: what to run; it is copied.
        order: the run.
        extract: what it reads.
        resources: what its jobs are to have.
        again: the run that it repeats, if it is to be compared and not kept.

    Raises:
        ClusterError: the permit has no account, Slurm refuses the job, or this account may not begin it.
        PermitError: the permit ends too soon.
        StudyError: the study's folder is too large to be sent.
    """
    _of_the_installation(site)
    minutes = _minutes(order, resources)
    letter = Letter(
        run=order.run,
        permit=order.permit,
        study=study.about.id,
        parameters=order.parameters,
        seed=order.seed,
        extract=extract,
        resources=resources,
        until=permits.end_of(order.expires),
    )
    request = runs.BeginRun(
        permit=order.permit,
        run=order.run,
        told=base64.b64encode(_packed(study, letter)),
        cores=resources.cores,
        memory=int(resources.memory),
        minutes=minutes,
        partition=resources.partition,
        charge=resources.charge,
    )
    with room_for(f"run {order.run}"):
        tickets = under_way(site)
        tickets.mkdir(mode=0o700, parents=True, exist_ok=True)
        job = int(gate.ask_for_run(site, request))
        ticket = Ticket(order=order, surroundings=Surroundings.here(), job=job, again=again)
        try:
            ticket.write(tickets / f"{order.run}.json")
        except BaseException:  # nobody would know of the job
            gate.ask_for_run(site, runs.EndRun(permit=order.permit, job=job))
            raise
    return ticket


def _of_the_installation(site: Site) -> None:
    """Refuse whoever would leave files that the installation's own account couldn't read afterwards.

    And root, in folders that are another account's: a link in them would lead its powers anywhere.
    """
    owner = site.root.stat().st_uid
    if os.geteuid() != owner:
        raise ClusterError(
            f"runs on the cluster are ordered by the account that {site.root} belongs to: "
            f"run it as {pwd.getpwuid(owner).pw_name}"
        )


def _packed(study: StudyFolder, letter: Letter) -> bytes:
    """What a run's folder is to hold, as a tar: plain files, whatever the study's folder has."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        told = {LETTER: letter.model_dump_json().encode()}
        for name in study.digests:
            told[f"{STUDY}/{study.about.id}/{name}"] = (study.folder / name).read_bytes()
        for name, content in told.items():
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(content), 0o600
            tar.addfile(about, io.BytesIO(content))
    if len(packed.getvalue()) > _LARGEST:
        raise StudyError(
            f"study {study.about.id} has more than {_LARGEST // 2**20} MiB: only code belongs in its folder"
        )
    return packed.getvalue()


def _minutes(order: Order, resources: Resources) -> int:
    """How long the run's job may run, if it begins now: never past the end of its permit."""
    left = (permits.end_of(order.expires) - datetime.now(UTC)) // timedelta(minutes=1)
    if left < 1:
        raise PermitError(
            f"permit {order.permit} expires in less than a minute: nothing can be begun under it"
        )
    return min(resources.minutes, left)
