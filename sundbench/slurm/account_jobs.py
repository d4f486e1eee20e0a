"""All jobs of the projects' accounts, whatever they are called and whoever began them.

An account that has broken out of its sandbox can begin jobs of its own, under any name. Names are therefore
only ever asked for, and never read: they may hold anything.
"""

from __future__ import annotations

import time
from typing import Annotated, Final, Literal

from pydantic import Field

from sundbench.errors import ClusterError
from sundbench.site import Site
from sundbench.slurm.accounts import Account, name_of, noted
from sundbench.slurm.commands import ask
from sundbench.slurm.jobs import OVER, State
from sundbench.slurm.requests import Permit, Request

MOST: Final = 1000
"""Jobs that one request names."""
_ENDED: Final = "COMPLETING"
_ROUNDS: Final = 20
_PAUSE: Final = 0.2  # seconds between two rounds


class EndJobs(Request):
    """End jobs of a permit's account at once, without a moment for last words.

    A job that is asked to end has `KillWait` seconds in which it can begin the next one.

    Attributes:
        permit: whose they are; others' jobs stay.
        jobs: their numbers; None: all of them, and those that they begin meanwhile.
    """

    do: Literal["end-jobs"] = "end-jobs"
    permit: Permit
    jobs: Annotated[
        tuple[Annotated[int, Field(ge=1, lt=2**32)], ...] | None, Field(min_length=1, max_length=MOST)
    ]


def going(site: Site, *names: str) -> dict[int, str]:
    """The jobs of an installation's accounts that wait or run, with their permits.

    Args:
        site: the installation.
        names: of these names alone; none: whatever they are called.

    Raises:
        ClusterError: Slurm doesn't say, or who has which account can't be read.
    """
    permits = {name_of(one): one for one in noted(site)}
    if not permits:  # nor, perhaps, a Slurm
        return {}
    found = {}
    of = [f"--name={','.join(names)}"] if names else []
    for line in _squeue("%A|%u|%T", *of).splitlines():
        job, account, state = (part.strip() for part in line.split("|"))
        if account in permits and state != _ENDED and not State(state).over:
            found[int(job)] = permits[account]
    return found


def end(whose: Account, request: EndJobs) -> None:
    """Do what is asked, as root.

    Raises:
        ClusterError: Slurm refuses, or the account begins new ones as fast as they end.
    """
    if request.jobs is not None:
        _kill(whose, *map(str, request.jobs))
        return
    quiet = 0
    for _ in range(_ROUNDS):
        _kill(whose)
        states = _squeue("%T", f"--user={whose.name}").split()
        quiet = quiet + 1 if all(state == _ENDED or State(state).over for state in states) else 0
        if quiet > 1:  # what a job had just asked for when it was ended is there by now
            return
        time.sleep(_PAUSE)
    raise ClusterError(
        f"account {whose.name} begins jobs as fast as they are ended: close its partition, or drain the nodes"
    )


def _kill(whose: Account, *jobs: str) -> None:
    try:
        # Whose they are is told as well: a number may be another's job by now.
        ask("scancel", f"--user={whose.name}", "--signal=KILL", "--full", *jobs)
    except ClusterError as error:
        if not any(over in str(error) for over in OVER):
            raise


def _squeue(shown: str, *of: str) -> str:
    return ask("squeue", "--noheader", "--states=all", *of, f"--format={shown}")
