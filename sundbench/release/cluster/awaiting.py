"""Runs that are under way on the cluster: looked at, waited for, cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable

from sundbench.errors import PermitError, ReleaseError, SundbenchError
from sundbench.governance import database, people, permits
from sundbench.governance.models import Role
from sundbench.progress import Report, silent
from sundbench.release.cluster import ending, left
from sundbench.release.cluster.homecoming import take_home
from sundbench.release.cluster.letter import Ticket, under_way
from sundbench.release.manifest import Manifest
from sundbench.release.reproduce import Reproduction
from sundbench.site import Site
from sundbench.slurm import jobs
from sundbench.slurm.commands import SlurmSilentError
from sundbench.slurm.jobs import State
from sundbench.slurm.words import how_ended, why_waiting

_SOONEST, _LATEST = 0.5, 3.0  # seconds between looks: the longer nothing happens, the rarer
_SETTLE = 5.0  # seconds until what a node has written is seen on every machine
_MAY_HAVE_RESULTS = frozenset({"COMPLETED", jobs.GONE})


def going(site: Site) -> list[str]:
    """The runs that are under way, or done and not taken home, oldest first."""
    return sorted((path.stem for path in under_way(site).glob("[!.]*.json")), key=lambda run: run[-19:])


def ticket_of(site: Site, run: str) -> Ticket:
    """A run's ticket.

    Raises:
        ReleaseError: no such run is under way.
    """
    if run not in going(site):
        raise ReleaseError(f"no run called {run} is under way: `sundbench run list` shows those there are")
    return Ticket.read(under_way(site) / f"{run}.json")


def standing(site: Site, ticket: Ticket) -> str:
    """Where a run stands, in a few words."""
    try:
        result, far = left.standing(site, ticket)
        if result:
            return "done; `sundbench run wait` takes it home"
        words = in_words(jobs.look(ticket.job))
        if why := ending.why(site, ticket):
            words = f"{why}: {words}"
    except ReleaseError as error:
        return f"can't be read: {error}"
    except SundbenchError as error:
        return str(error)
    return f"{words}, {far.done} of {far.total} {far.what}" if far else words


def in_words(state: State) -> str:
    """What Slurm says of a job, in a few words."""
    if state.waits:
        return f"waits: {why_waiting(state).en}"
    return how_ended(state).en if state.over else f"runs on {state.node}"


def wait(
    site: Site,
    run: str,
    user: str,
    *,
    report: Report = silent,
    tell: Callable[[str], None] = lambda _: None,
) -> Manifest | Reproduction:
    """Wait for a run and keep it. Whoever waits may stop and ask again, or another does.

    Args:
        site: the installation.
        run: one that is under way.
        user: who asks; of its permit.
        report: told of each cell.
        tell: told, in a line, how the job stands whenever that changes.

    Returns:
        The run's manifest, as if it had been made here; or, where it repeats another, what came of that.

    Raises:
        ReleaseError: a cell failed, or the job ended before its time; it is kept among the runs that failed.
        PermitError: it is of a permit that the user is no member of.
        ClusterError: what it has left can't be read now.
    """
    ticket = ticket_of(site, run)
    _only_its_members(site, ticket, user)
    told, why, ended, pause = "", None, 0.0, _SOONEST
    before: object = None
    while True:
        try:
            result, far = left.standing(site, ticket)
        except ReleaseError as error:  # no job of ours wrote that, and nothing of it counts
            result, far, why = None, None, why or _end(site, ticket, str(error))
        if far:
            report(far.what, far.done, far.total)
        if result or (ended and (why or time.monotonic() > ended)):
            break
        if not ended:
            why = why or _over(site, ticket)
            words, ended = _look(ticket)
            if words != told:
                tell(f"job {ticket.job}: {words}")
                told = words
        pause = _SOONEST if ended or before != (far, told) else min(1.5 * pause, _LATEST)
        before = (far, told)
        time.sleep(pause)
    return take_home(site, ticket, result, why or told + _in_its_own_words(site, ticket, told))


def cancel(site: Site, run: str, user: str) -> None:
    """End a run's job. ``wait`` then tells that it was cancelled, and keeps the run among those that failed.

    Args:
        site: the installation.
        run: one that is under way.
        user: who asks: who ordered it, or an admin.

    Raises:
        ReleaseError: no such run is under way.
        PermitError: it is another's.
        ClusterError: Slurm doesn't answer.
    """
    ticket = ticket_of(site, run)
    if user != ticket.order.user:
        with database.reading(site) as session:
            if Role.ADMIN not in people.roles(session, user):
                raise PermitError(f"run {run} is {ticket.order.user}'s: they cancel it, or an admin")
    _end(site, ticket)


def _end(site: Site, ticket: Ticket, why: str = "") -> str:
    ending.end(site, ticket)
    return why


def _look(ticket: Ticket) -> tuple[str, float]:
    """What Slurm says of a run's job; and, once it is over, until when its result may still be to be seen."""
    try:
        state = jobs.look(ticket.job)
    except SlurmSilentError:
        return "Slurm doesn't answer; waiting for it", 0.0
    settles = _SETTLE if state.name in _MAY_HAVE_RESULTS else 0.0
    return in_words(state), time.monotonic() + settles if state.over else 0.0


def _only_its_members(site: Site, ticket: Ticket, user: str) -> None:
    permit = ticket.order.permit
    with database.reading(site) as session:
        if not permits.current(session, permit).permit.roles(user) and user != ticket.order.user:
            raise PermitError(f"run {ticket.order.run} is of permit {permit}, of which {user} is no member")


def _over(site: Site, ticket: Ticket) -> str | None:
    """End a run whose permit has ended, and say so."""
    why = ending.why(site, ticket)
    return why and _end(site, ticket, why)


def _in_its_own_words(site: Site, ticket: Ticket, told: str) -> str:
    """What a job, or Slurm in its log, said last, where Slurm itself says no more than that it ended."""
    if told not in {how_ended(State(name)).en for name in ("FAILED", jobs.GONE)}:
        return ""
    said = left.last_words(site, ticket)
    return f" (it said: {said})" if said else ""
