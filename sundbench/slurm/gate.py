"""The one way from the hub to other accounts: ``python -I -m sundbench.slurm.gate --home HOME``, for root.

One request as JSON on standard input: begin a project's server or one of its runs (runs.py), end one, or end
whatever else runs under the project's account (account_jobs.py). What runs is fixed here, and whom it runs as
is what was set up for the permit: a hub that is taken over can begin servers and runs and end projects' jobs,
and neither begin another program, nor under another account, nor as root. It needs no right but to call this
with ``sudo``.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import secrets
import shlex
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

from pydantic import Field, TypeAdapter, ValidationError

from sundbench.errors import ClusterError, SundbenchError, one_line
from sundbench.site import Site
from sundbench.slurm import account_jobs, folders, runs
from sundbench.slurm.account_jobs import EndJobs
from sundbench.slurm.accounts import Account, account
from sundbench.slurm.acting import NO_ROOM, as_account, cancel
from sundbench.slurm.commands import SECONDS, NoRoomError, SlurmSilentError, ask, run
from sundbench.slurm.jobs import Wanted, submit
from sundbench.slurm.requests import Permit, Request, Share
from sundbench.slurm.runs import RunRequest

NAME = "sundbench"
"""What the queue calls every server's job: everybody on the cluster can read it."""
PROGRAM = (sys.executable, "-I", "-m", "sundbench.hub.slurm.job")
"""A server's job; its argument is the path of its letter."""
_LOG = re.compile(r" StdOut=\S*/([0-9a-f]{16})\.log\b")
_LARGEST = 2**20
_READING, _ANSWERING = 5, int(2.5 * SECONDS)  # it asks Slurm twice at the most
_PATIENCE = 3 * SECONDS  # until then it says itself that Slurm is silent
_SUDO = ("/usr/bin/sudo", "-n")

LetterName = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Begin(Share):
    """Begin a server's job.

    Attributes:
        permit: whose account it runs under.
        letter: what it is told; given to it in a file that its account alone can read.
    """

    do: Literal["begin"] = "begin"
    permit: Permit
    letter: Annotated[str, Field(max_length=_LARGEST)]


class End(Request):
    """End a server's job, if it is the permit's, and remove its letter, which it may never have read.

    Attributes:
        permit: whose it is.
        job: its number; None: it has ended.
        letter: the name that `Begun` gave; None: Slurm knows.
    """

    do: Literal["end"] = "end"
    permit: Permit
    job: Annotated[int, Field(ge=1)] | None
    letter: LetterName | None = None


class Begun(Request):
    """A job that was begun.

    Attributes:
        job: its number.
        letter: the name of its letter.
    """

    job: int
    letter: LetterName


Asked = Begin | End | EndJobs | RunRequest
_REQUEST: Final[TypeAdapter[Asked]] = TypeAdapter(Asked)


def begin(site: Site, request: Begin) -> Begun:
    """Begin a job, through ``sudo`` where this process isn't root.

    Raises:
        ClusterError: there is no account for it, or Slurm refuses it.
    """
    return Begun.model_validate_json(_through(site, request))


def end(site: Site, request: End) -> None:
    """End a job; one that has ended is no error.

    Raises:
        ClusterError: Slurm refuses.
    """
    _through(site, request)


def end_jobs(site: Site, request: EndJobs) -> None:
    """End jobs of a permit's account, whatever they are called.

    Raises:
        ClusterError: Slurm refuses, or the account begins new ones as fast as they end.
    """
    _through(site, request)


def call(site: Site) -> list[str]:
    """How it is called: what an account that isn't root must be let do through ``sudo``, and nothing else."""
    # A command's first line may name this Python python3.11: sudo knows it by one name alone.
    python = Path(sys.executable).with_name("python")
    return [
        str(python if python.exists() else sys.executable),
        "-I",
        "-m",
        __name__,
        "--home",
        str(site.root),
    ]


def require_sudo(site: Site) -> None:
    """See that ``sudo`` lets this account call it.

    Raises:
        ClusterError: not, or there is none.
    """
    run([*_SUDO, "-l", "--", *call(site)], "")


def answer(site: Site, text: str | bytes) -> str:
    """Do what is asked, as root.

    Raises:
        SundbenchError: it isn't a request, or can't be done.
    """
    try:
        request: Asked = _REQUEST.validate_json(text)
    except ValidationError as error:
        raise ClusterError(one_line(error, "request")) from error
    whose = account(site, request.permit)
    if isinstance(request, RunRequest):
        said = runs.answer(site, whose, request)
        return said if isinstance(said, str) else base64.b64encode(said).decode()
    if isinstance(request, EndJobs):
        account_jobs.end(whose, request)
        return ""
    if isinstance(request, Begin):
        return _begin(site, whose, request).model_dump_json()
    letter = request.letter
    if request.job is not None:
        letter = letter or _letter_of(request.job)
        cancel(whose, NAME, request.job)
    if letter is not None:
        _remove(whose, _letter(site, whose, letter))
    return ""


def _begin(site: Site, whose: Account, request: Begin) -> Begun:
    name = secrets.token_hex(8)
    letter = _letter(site, whose, name)
    wanted = Wanted(
        name=NAME,
        cores=request.cores,
        memory=request.memory,
        time=timedelta(minutes=request.minutes),
        log=letter.with_suffix(".log"),
        partition=request.partition,
        charge=request.charge,
    )
    _sweep(whose, letter.parent)
    _write(whose, letter, request.letter)
    script = f"#!/bin/sh\nexec {shlex.join([*PROGRAM, str(letter)])}\n"
    try:
        return Begun(job=submit(script, wanted, whose), letter=name)
    except ClusterError:
        _remove(whose, letter)
        raise


def _letter_of(job: int) -> str | None:
    """The name of a job's letter, which is that of its log; None where Slurm doesn't know the job."""
    try:
        found = _LOG.search(ask("scontrol", "show", "job", str(job), "--oneliner"))
    except ClusterError:
        return None
    return found and found[1]


def _letter(site: Site, whose: Account, name: str) -> Path:
    return folders.letters(site, whose) / f"{name}.json"


def _write(whose: Account, path: Path, text: str) -> None:
    """Write a new file as its account, all of it or nothing: half a letter holds secrets too."""
    what = f'set -C; exec 3> "$1"; cat >&3 || {{ rm -f -- "$1"; exit {NO_ROOM}; }}'
    try:
        as_account(whose, what, path, given=text.encode())
    except NoRoomError:
        raise NoRoomError(str(path.parent)) from None
    except ClusterError as error:
        raise ClusterError(
            f"{path.parent}: account {whose.name} can't write there: sundbench hub accounts --set-up, as root"
        ) from error


def _sweep(whose: Account, folder: Path) -> None:
    """Remove letters that no job will read: whoever wrote them was killed before Slurm had the job."""
    listed = ask("squeue", "--noheader", f"--user={whose.name}", f"--name={NAME}", "--Format=STDOUT:4096")
    waiting = [f"{Path(log.strip()).stem}.json" for log in listed.splitlines()]
    # Not those of the last minutes: theirs may be on its way to Slurm.
    what = 'in=$1; shift; exec find "$in" -maxdepth 1 -type f -name "*.json" -mmin +5 "$@" -delete'
    as_account(whose, what, folder, *(word for name in waiting for word in ("!", "-name", name)))


def _remove(whose: Account, path: Path) -> None:
    as_account(whose, 'rm -f -- "$1"', path)


def ask_for_run(site: Site, request: RunRequest) -> str:
    """Ask for something that a run needs, through ``sudo`` where this process isn't root.

    Returns:
        The job's number where one was begun; what was read, as base64.

    Raises:
        ClusterError: there is no account for it, Slurm refuses, or it can't be read.
    """
    return _through(site, request).strip()


def _through(site: Site, request: Asked) -> str:
    if os.geteuid() == 0:
        return answer(site, request.model_dump_json())
    return run([*_SUDO, "--", *call(site)], request.model_dump_json(), _PATIENCE, ours=True)


def _too_long(_signal: int, _frame: object) -> NoReturn:
    """End in time by oneself: who calls through sudo may not kill what runs as root."""
    raise SlurmSilentError("Slurm doesn't answer, or the request never ends")


def main(arguments: list[str]) -> int:
    """Answer the one request of standard input."""
    reading = argparse.ArgumentParser(prog="sundbench.slurm.gate", allow_abbrev=False)
    reading.add_argument("--home", type=Path, required=True)
    home = reading.parse_args(arguments).home
    # Where sudo was told to keep it: Slurm's programs load, as root, the plugins that the file names.
    os.environ.pop("SLURM_CONF", None)
    signal.signal(signal.SIGALRM, _too_long)
    try:
        signal.alarm(_READING)
        request = sys.stdin.buffer.read(2 * runs.LARGEST)
        signal.alarm(_ANSWERING)
        # The database's address is none of its business.
        print(answer(Site(home, ""), request))
    except SundbenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
