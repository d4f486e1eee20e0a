"""Runs through the gate: a run's job is begun in a folder of its account's, read there, ended, cleared away.

``<home>/jobs/<account>/runs/<run>/`` is the permit's account's alone: the gate writes and reads it as that
account, so that no link in it leads root anywhere.
"""

from __future__ import annotations

import shlex
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Base64Bytes, Field

from sundbench.errors import ClusterError
from sundbench.site import Site
from sundbench.slurm import folders
from sundbench.slurm.accounts import Account
from sundbench.slurm.acting import as_account, cancel
from sundbench.slurm.jobs import Wanted, submit
from sundbench.slurm.requests import Permit, Request, Share

NAME = "sundbench-run"
"""What the queue calls every run's job, to everybody on the cluster: it says nothing of the study."""
PROGRAM = (sys.executable, "-I", "-m", "sundbench.release.cluster.job")
"""A run's job; its argument is the path of its folder."""
OUT, LOG = "out", "log"
"""In its folder: what the job leaves, and in that the file to which it speaks."""
LARGEST = 64 * 2**20
"""Bytes of what a run is told, and of all that it may leave to be taken home."""

RunId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}-[0-9]{14}-[0-9a-f]{4}$")]


class BeginRun(Share):
    """Begin a run's job.

    Attributes:
        permit: whose account it runs under.
        run: its id.
        told: a tar of what it is told, which becomes its folder.
    """

    do: Literal["begin-run"] = "begin-run"
    permit: Permit
    run: RunId
    told: Annotated[Base64Bytes, Field(max_length=LARGEST)]


class EndRun(Request):
    """End a run's job, if it is the permit's.

    Attributes:
        permit: whose it is.
        job: its number.
    """

    do: Literal["end-run"] = "end-run"
    permit: Permit
    job: Annotated[int, Field(ge=1)]


class ReadRun(Request):
    """Read what a run's job has left so far.

    Attributes:
        permit: whose it is.
        run: its id.
        what: how far it has come, or all that is to be taken home, each as a tar; or its log's last words.
    """

    do: Literal["read-run"] = "read-run"
    permit: Permit
    run: RunId
    what: Literal["standing", "outputs", "words"]


class ClearRun(Request):
    """Remove a run's folder.

    Attributes:
        permit: whose it is.
        run: its id.
    """

    do: Literal["clear-run"] = "clear-run"
    permit: Permit
    run: RunId


RunRequest = BeginRun | EndRun | ReadRun | ClearRun

# What the account can't read itself is not its to give; what changes while it is read (1) is read again.
_TAR: Final = '-print0 | tar -c --ignore-failed-read --null --no-recursion -T - || [ "$?" = 1 ]'
_READ: Final = {
    "standing": rf'cd -- "$1" && find . -maxdepth 1 -name "[pr]*.json" {_TAR}',
    "outputs": rf'cd -- "$1" && find ./notebook.ipynb ./outbox -maxdepth 1 {_TAR}',
    "words": r'find "$1" -maxdepth 1 -name log -type f -exec tail -c 500 -- {} \;',
}


def folder_of(site: Site, whose: Account, run: str) -> Path:
    """The folder of a run's job."""
    return folders.letters(site, whose) / "runs" / run


def answer(site: Site, whose: Account, request: RunRequest) -> str | bytes:
    """Do what is asked, as root.

    Returns:
        The job's number, or what was read.

    Raises:
        ClusterError: it can't be done.
    """
    match request:
        case BeginRun():
            return str(_begin(folder_of(site, whose, request.run), whose, request))
        case EndRun():
            cancel(whose, NAME, request.job)
            return ""
        case ReadRun():
            out = folder_of(site, whose, request.run) / OUT
            return as_account(whose, _READ[request.what], out, most=LARGEST)
        case ClearRun():
            _clear(folder_of(site, whose, request.run), whose)
            return ""


def _begin(folder: Path, whose: Account, request: BeginRun) -> int:
    make = 'mkdir -p -- "$1" && mkdir -- "$2" "$2/out" && tar -x --no-same-owner -C "$2"'
    as_account(whose, make, folder.parent, folder, given=request.told)
    wanted = Wanted(
        name=NAME,
        cores=request.cores,
        memory=request.memory,
        time=timedelta(minutes=request.minutes),
        log=folder / OUT / LOG,
        partition=request.partition,
        charge=request.charge,
    )
    try:
        return submit(f"#!/bin/sh\nexec {shlex.join([*PROGRAM, str(folder)])}\n", wanted, whose)
    except ClusterError:
        _clear(folder, whose)
        raise


def _clear(folder: Path, whose: Account) -> None:
    as_account(whose, 'rm -rf -- "$1"', folder)
