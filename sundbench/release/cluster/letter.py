"""What a run's job is told, what it leaves behind, and where both lie.

Who orders a run keeps its ticket, ``<home>/runs/.under-way/<run>.json``: what its manifest will say. The job
has a folder that its permit's account alone may open (`sundbench.slurm.runs`):

    letter.json   what the job is told; no secrets
    study/        the study as it was when the run was ordered
    out/          what the job leaves
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel, ByteSize, ConfigDict, Field, ValidationError

from sundbench import aside
from sundbench.errors import ReleaseError, one_line
from sundbench.release.extracts import Extract
from sundbench.release.order import Order
from sundbench.release.parameters import Value
from sundbench.release.study import Identifier
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site
from sundbench.slurm.requests import Permit

LETTER, RESULT, PROGRESS = "letter.json", "result.json", "progress.json"
STUDY, NET = "study", "net"
MOST_WORKERS = 200


class _Paper(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def write(self, path: Path) -> None:
        """Write it so that nobody reads half of it."""
        aside.write(path, self.model_dump_json(), mode=0o666)

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
        minutes: after which they end; a permit that ends earlier ends them earlier.
        workers: jobs beside the run's own, over which it spreads its work; none: it does all itself.
        partition: of the cluster; by default Slurm's.
        charge: whom Slurm's accounting charges; by default the account's.
    """

    cores: int = Field(ge=1)
    memory: ByteSize = Field(ge=2**30)
    minutes: int = Field(ge=1)
    workers: int = Field(default=0, ge=0, le=MOST_WORKERS)
    partition: str | None = None
    charge: str | None = None


class Ticket(_Paper):
    """What is kept of a run that is under way.

    Attributes:
        order: what it is to be.
        surroundings: of who ordered it: the node doesn't know the commit.
        job: its job's number.
        again: the run that it repeats, to be compared with it and not kept.
    """

    order: Order
    surroundings: Surroundings
    job: int
    again: str | None = None


class Letter(_Paper):
    """What a run's job is told.

    Attributes:
        until: when its permit ends.
    """

    run: str
    permit: Permit
    study: Identifier
    parameters: dict[str, Value]
    seed: int
    extract: Extract
    resources: Resources
    until: AwareDatetime


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


def under_way(site: Site) -> Path:
    """The folder of the tickets of runs that are under way."""
    return site.runs / ".under-way"
