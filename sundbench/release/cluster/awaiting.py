"""Runs that are under way on the cluster: looked at, waited for, taken home, cancelled."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sundbench.errors import ReleaseError
from sundbench.progress import Report, silent
from sundbench.release.cluster.letter import (
    LOG,
    OUT,
    PROGRESS,
    RESULT,
    TICKET,
    Progress,
    Result,
    Ticket,
    said,
    under_way,
)
from sundbench.release.disk import room_for
from sundbench.release.manifest import Manifest
from sundbench.release.run import aside_of, keep, keep_failed
from sundbench.site import Site
from sundbench.slurm import jobs
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State
from sundbench.slurm.words import how_ended, why_waiting

_LOOK, _ASK = 0.5, 3.0  # seconds between looks at the result, and between questions to Slurm
_SETTLE = 5.0  # seconds until what a node has written is seen on every machine
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_LAST_WORDS = 500


def going(site: Site) -> list[str]:
    """The runs that are under way, or done and not taken home, oldest first."""
    return sorted(
        (path.parent.name for path in under_way(site).glob(f"*/{TICKET}")), key=lambda run: run[-19:]
    )


def ticket_of(site: Site, run: str) -> Ticket:
    """A run's ticket.

    Raises:
        ReleaseError: no such run is under way.
    """
    if run not in going(site):
        raise ReleaseError(f"no run called {run} is under way: `sundbench run list` shows those there are")
    return Ticket.read(under_way(site) / run / TICKET)


def standing(site: Site, run: str) -> str:
    """Where a run stands, in a few words."""
    ticket = ticket_of(site, run)
    try:
        if said(under_way(site) / run, Result, RESULT):
            return "done; `sundbench run wait` takes it home"
        return in_words(jobs.look(ticket.job))
    except ReleaseError as error:
        return f"can't be read: {error}"
    except SlurmSilentError:
        return "Slurm doesn't answer"


def in_words(state: State) -> str:
    """What Slurm says of a job, in a few words."""
    if state.waits:
        return f"waits: {why_waiting(state).en}"
    return how_ended(state).en if state.over else f"runs on {state.node}"


def wait(
    site: Site, run: str, *, report: Report = silent, tell: Callable[[str], None] = lambda _: None
) -> Manifest:
    """Wait for a run and keep it. Whoever waits may stop and ask again, or another does.

    Args:
        site: the installation.
        run: one that is under way.
        report: told of each cell.
        tell: told, in a line, how the job stands whenever that changes.

    Returns:
        The run's manifest, as if it had been made here.

    Raises:
        ReleaseError: a cell failed, or the job ended before its time; it is kept among the runs that failed.
    """
    ticket = ticket_of(site, run)
    folder = under_way(site) / run
    told, next_question, over_since = "", 0.0, None
    while True:
        try:
            if result := said(folder, Result, RESULT):
                break
            if far := said(folder, Progress, PROGRESS):
                report(far.what, far.done, far.total)
        except ReleaseError as error:  # no job of ours wrote that, and nothing of it counts
            result, told = None, str(error)
            jobs.cancel(ticket.job)
            break
        if over_since is not None and time.monotonic() > over_since + _SETTLE:
            break
        if over_since is None and time.monotonic() >= next_question:
            next_question = time.monotonic() + _ASK
            try:
                state = jobs.look(ticket.job)
                words = in_words(state)
                over_since = time.monotonic() if state.over else None
            except SlurmSilentError:
                words = "Slurm doesn't answer; waiting for it"
            if words != told:
                tell(f"job {ticket.job}: {words}")
                told = words
        time.sleep(_LOOK)
    if told == how_ended(State("FAILED")).en:
        told += _last_words(folder)
    return _take_home(site, run, result, told)


def cancel(site: Site, run: str) -> None:
    """End a run's job. ``wait`` then tells that it was cancelled, and keeps the run among those that failed.

    Raises:
        ReleaseError: no such run is under way.
        ClusterError: Slurm doesn't answer, or this account may not.
    """
    jobs.cancel(ticket_of(site, run).job)


def _take_home(site: Site, run: str, result: Result | None, ended: str) -> Manifest:
    """Keep what a job left, and remove its folder."""
    folder, aside = under_way(site) / run, aside_of(site, run)
    with _alone(folder, run), room_for(f"run {run}"):
        ticket = ticket_of(site, run)
        try:
            shutil.rmtree(aside, ignore_errors=True)  # of one who was killed while he took it home
            (aside / "outbox").mkdir(parents=True)
            failed = result.failed if result else ended
            try:
                _copy(folder / OUT, aside, ticket.account, whole=failed is None)
            except ReleaseError as error:
                failed = failed or str(error)
            if failed is not None or result is None:
                keep_failed(site, run, aside, failed or ended)
                raise ReleaseError(f"run {run} failed{' in' if result else ':'} {failed}")
            here = ticket.surroundings
            made = keep(
                site, ticket.order, aside, result.surroundings.model_copy(update={"commit": here.commit})
            )
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            if (site.runs / run).exists() or (site.runs / "failed" / run).exists():
                shutil.rmtree(folder)
    return made


@contextlib.contextmanager
def _alone(folder: Path, run: str) -> Iterator[None]:
    """Take a run home only once."""
    try:
        descriptor = os.open(folder / TICKET, os.O_RDONLY)
    except FileNotFoundError:
        raise ReleaseError(f"run {run} was taken home meanwhile: see `sundbench run list`") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _copy(out: Path, aside: Path, account: int, *, whole: bool) -> None:
    """Copy a job's notebook and, if the whole run counts, its outputs.

    They lie in a folder of the job's account, and who copies may read more than that account: so only plain
    files of its own are taken, found without following a link.

    Raises:
        ReleaseError: there is something else.
    """
    opened = os.open(out, _FOLDER)
    try:
        with contextlib.suppress(FileNotFoundError):
            _copy_file(opened, "notebook.ipynb", aside, account)
        if not whole:
            return
        outbox = os.open("outbox", _FOLDER, dir_fd=opened)
        try:
            for name in os.listdir(outbox):  # noqa: PTH208 - a descriptor is no path
                _copy_file(outbox, name, aside / "outbox", account)
        finally:
            os.close(outbox)
    except OSError as error:
        raise ReleaseError(f"its job's folder: {error.strerror}: {error.filename}") from error
    finally:
        os.close(opened)


def _copy_file(folder: int, name: str, into: Path, account: int) -> None:
    with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as source:
        at = os.fstat(source.fileno())
        if not stat.S_ISREG(at.st_mode) or at.st_nlink != 1 or at.st_uid != account:
            raise ReleaseError(f"its job's folder: {name} is no plain file of the permit's account")
        with (into / name).open("xb") as target:
            shutil.copyfileobj(source, target)


def _last_words(folder: Path) -> str:
    """What the job said last, where it said something."""
    try:
        with os.fdopen(os.open(folder / OUT / LOG, _FILE), "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LAST_WORDS))
            lines = log.read(_LAST_WORDS).decode(errors="replace").split("\n")
    except OSError:
        return ""
    said_last = [line.strip() for line in lines if line.strip()]
    return f" (it said: {said_last[-1]})" if said_last else ""
