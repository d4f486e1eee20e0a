"""What every request to the gate is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Permit = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=30)]


class Request(BaseModel):
    """One request."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(Request):
    """What of the cluster a job asks for.

    Attributes:
        cores, memory: of its node; memory in bytes.
        minutes: after which Slurm ends it.
        partition, charge: as `sundbench.slurm.jobs.Wanted` has them.
    """

    cores: Annotated[int, Field(ge=1, le=2**16)]
    memory: Annotated[int, Field(ge=1, le=2**60)]
    minutes: Annotated[int, Field(ge=1, le=2**31 - 1)]
    partition: str | None = None
    charge: str | None = None
