"""What a run's job is told, what it leaves behind, and where both lie.

``<home>/jobs/runs/<run>/`` is its maker's, and the group of the permit's account reads it:

    ticket.json   its maker's alone: what the run's manifest will say
    letter.json   what the job is told; no secrets
    study/        the study as it was when the run was ordered
    out/          the account's own: what the job leaves
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError

from sundbench.errors import ReleaseError, one_line
from sundbench.release.extracts import Extract
from sundbench.release.order import Order
from sundbench.release.parameters import Value
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site

TICKET, LETTER, RESULT, PROGRESS = "ticket.json", "letter.json", "result.json", "progress.json"
STUDY, OUT, LOG, NET = "study", "out", "log", "net"
MOST_WORKERS = 200
_LONGEST = 2**20  # bytes of what a job may say about itself


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def write(self, path: Path) -> None:
        """Write it so that nobody reads half of it."""
        aside = path.with_name(f".{path.name}")
        aside.write_text(self.model_dump_json(), encoding="utf-8")
        aside.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it.

        Raises:
            FileNotFoundError: it isn't there.
            ReleaseError: it is damaged.
        """
        return cls.take(path.read_bytes(), str(path))

    @classmethod
    def take(cls, content: bytes, where: str) -> Self:
        """Check what was read.

        Raises:
            ReleaseError: it isn't what it should be.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise ReleaseError(one_line(error, where)) from error


class Resources(_Paper):
    """What a run's jobs are to have.

    Attributes:
        cores, memory: of each of its jobs.
        hours: after which they end; a permit that ends earlier ends them earlier.
        workers: jobs beside the run's own, over which it spreads its work; none: it does all itself.
        partition: of the cluster; by default Slurm's.
        charge: whom Slurm's accounting charges; by default the account's.
    """

    cores: int = Field(default=2, ge=1)
    memory: ByteSize = Field(default=ByteSize(4 * 2**30), ge=2**30)
    hours: float = Field(default=12, gt=0)
    workers: int = Field(default=0, ge=0, le=MOST_WORKERS)
    partition: str | None = None
    charge: str | None = None


class Ticket(_Paper):
    """What is kept of a run that is under way.

    Attributes:
        order: what it is to be.
        surroundings: of who ordered it: the node doesn't know the commit.
        account: the number under which its job runs.
        job: its job's number.
    """

    order: Order
    surroundings: Surroundings
    account: int
    job: int


class Letter(_Paper):
    """What a run's job is told."""

    run: str
    study: str
    parameters: dict[str, Value]
    seed: int
    extract: Extract
    resources: Resources
    until: datetime


class Result(_Paper):
    """What a job leaves when it is done.

    Attributes:
        failed: where and why the run failed; None if it didn't.
        surroundings: what it ran on.
    """

    failed: str | None
    surroundings: Surroundings


class Progress(_Paper):
    """How far a job has come."""

    what: str
    done: int
    total: int


_Said = TypeVar("_Said", Result, Progress)


def under_way(site: Site) -> Path:
    """The folder of the runs that are under way."""
    return site.root / "jobs" / "runs"


def said(folder: Path, kind: type[_Said], name: str) -> _Said | None:
    """What a job has said in a file, if it has; the job's account could have put anything there.

    Raises:
        ReleaseError: it is no file, or not what it should be.
    """
    path = folder / OUT / name
    try:
        with open(path, "rb", opener=_plainly) as file:
            content = file.read(_LONGEST) or b""
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReleaseError(f"{path}: {error.strerror}: the job's account put it there") from error
    return kind.take(content, str(path))


def _plainly(path: str, flags: int) -> int:
    """Open a file that may be a link, or a pipe at whose other end nobody is."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
