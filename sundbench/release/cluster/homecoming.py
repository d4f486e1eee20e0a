"""A run whose job has ended is taken home: kept as if it had been made here, or told why it failed."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sundbench.errors import ClusterError, ReleaseError
from sundbench.release.cluster import left
from sundbench.release.cluster.letter import Result, Ticket, under_way
from sundbench.release.disk import room_for
from sundbench.release.manifest import Manifest
from sundbench.release.reproduce import Reproduction, judged
from sundbench.release.run import aside_of, keep, keep_failed
from sundbench.site import Site
from sundbench.slurm.commands import SlurmSilentError

log = logging.getLogger(__name__)


def take_home(site: Site, ticket: Ticket, result: Result | None, ended: str) -> Manifest | Reproduction:
    """Keep what a job has left, and remove its folder.

    Args:
        site: the installation.
        ticket: the run's.
        result: what its job has said in the end, if anything.
        ended: how the job ended, for one that has said nothing.

    Returns:
        The run's manifest; or, where it repeats another, what came of that.

    Raises:
        ReleaseError: the run failed, or somebody else took it home meanwhile.
        ClusterError: what it has left can't be read now.
    """
    run = ticket.order.run
    path, aside = under_way(site) / f"{run}.json", aside_of(site, run)
    with _alone(path, run), room_for(f"run {run}"):
        try:
            shutil.rmtree(aside, ignore_errors=True)  # of one who was killed while he took it home
            (aside / "outbox").mkdir(parents=True)
            failed = _fetch(site, ticket, aside, result.failed if result else ended)
            if failed is None and result is not None:
                here = result.surroundings.model_copy(update={"commit": ticket.surroundings.commit})
                if ticket.again is None:
                    made: Manifest | Reproduction = keep(site, ticket.order, aside, here)
                else:
                    made = judged(site, ticket.again, aside / "outbox", ticket.order.study_files, here)
                _forget(site, ticket, path)
                return made
            keep_failed(site, run, aside, failed or ended)
            _forget(site, ticket, path)
            raise ReleaseError(f"run {run} failed{' in' if result else ':'} {failed}")
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _fetch(site: Site, ticket: Ticket, aside: Path, failed: str | None) -> str | None:
    """Copy what a job has left.

    Returns:
        Why the run failed; None if it didn't.
    """
    try:
        left.outputs(site, ticket, aside, whole=failed is None)
    except SlurmSilentError:  # the gate took too long, and may not the next time
        raise
    except (ReleaseError, ClusterError) as error:
        return failed or str(error)
    return failed


def _forget(site: Site, ticket: Ticket, path: Path) -> None:
    try:
        left.clear(site, ticket)
    except ClusterError as error:
        log.warning("The folder of run %s's job is still there: %s", ticket.order.run, error)
    path.unlink()


@contextlib.contextmanager
def _alone(path: Path, run: str) -> Iterator[None]:
    """Take a run home only once."""
    gone = ReleaseError(f"run {run} was taken home meanwhile: see `sundbench run list`")
    try:
        descriptor = os.open(path, os.O_RDWR)  # NFS locks nothing that is only read
    except FileNotFoundError:
        raise gone from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not path.exists():
            raise gone
        yield
    finally:
        os.close(descriptor)
