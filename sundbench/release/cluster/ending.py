"""What a permit's end ends on the cluster: its runs, and all else that goes on under its account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sundbench.errors import ReleaseError
from sundbench.governance import database, permits
from sundbench.governance.permit import parse
from sundbench.release.cluster.letter import Ticket, under_way
from sundbench.site import Site
from sundbench.slurm import account_jobs, gate
from sundbench.slurm.account_jobs import EndJobs
from sundbench.slurm.runs import EndRun


class Tickets(NamedTuple):
    """Of the runs that are under way.

    Attributes:
        by_job: those that can be read, by the number of their job.
        damaged: what is wrong with the others.
    """

    by_job: dict[int, Ticket]
    damaged: list[str]


def tickets(site: Site) -> Tickets:
    """Read them all."""
    found = Tickets({}, [])
    for path in under_way(site).glob("[!.]*.json"):
        try:
            ticket = Ticket.read(path)
        except FileNotFoundError:  # taken home meanwhile
            continue
        except (ReleaseError, OSError) as error:
            found.damaged.append(str(error))
        else:
            found.by_job[ticket.job] = ticket
    return found


def why(site: Site, ticket: Ticket) -> str | None:
    """Why a run may not go on, in a few words; None where it may.

    Raises:
        DatabaseError: governance's database can't be read.
    """
    order = ticket.order
    with database.reading(site) as session:
        now = permits.current(session, order.permit)
        texts = {one.digest: one.text for one in permits.versions(session, order.permit)}
    standing = now.standing(permits.today())
    if standing == "closed":
        return f"permit {order.permit} was closed ({now.closed_why})"
    if standing == "expired":
        return f"permit {order.permit} expired on {now.permit.expires}"
    before = texts.get(order.permit_digest, now.text)
    if before != now.text and parse(before, f"permit {order.permit}").scope != now.permit.scope:
        return f"permit {order.permit} was amended, and gives other data than the run was given"
    return None


def end(site: Site, ticket: Ticket) -> None:
    """End a run's job; one that has ended is no error.

    Raises:
        ClusterError: Slurm doesn't answer.
    """
    gate.ask_for_run(site, EndRun(permit=ticket.order.permit, job=ticket.job))


def end_all_of(site: Site, permit: str, *, hub: bool) -> tuple[list[str], int]:
    """End what goes on under the account of a permit that has ended.

    Args:
        site: the installation.
        permit: the permit.
        hub: one is up, and stops project servers itself. Without one nobody would end what a job begins while
            it is let end tidily, so all end at once.

    Returns:
        The runs that were under way; and how many other jobs of its account there were.

    Raises:
        ClusterError: Slurm doesn't answer; the hub ends them when it does.
    """
    runs = {job: one for job, one in tickets(site).by_job.items() if one.order.permit == permit}
    others = _of(permit, account_jobs.going(site)) - runs.keys()
    servers = _of(permit, account_jobs.going(site, gate.NAME))
    if not hub:
        if runs or others:
            gate.end_jobs(site, EndJobs(permit=permit, jobs=None))
        for job in servers:
            gate.end(site, gate.End(permit=permit, job=job))  # and its letter, which it may never have read
        return _names(runs), len(others)
    for ticket in runs.values():
        end(site, ticket)
    others -= servers
    if others:
        gate.end_jobs(site, EndJobs(permit=permit, jobs=tuple(sorted(others)[: account_jobs.MOST])))
    return _names(runs), len(others)


def _names(runs: Mapping[int, Ticket]) -> list[str]:
    return [ticket.order.run for ticket in runs.values()]


def _of(permit: str, jobs: dict[int, str]) -> set[int]:
    return {job for job, whose in jobs.items() if whose == permit}
