"""The sections ``[slurm]`` and ``[slurm.run]`` of the operator's settings."""

from __future__ import annotations

import socket

from pydantic import Field

from sundbench.hub.section import Port, Section, Size


class RunSettings(Section):
    """What each job of a run (``sundbench run --on slurm``) may have; a run may ask for less.

    Attributes:
        partition: of the cluster; None: the servers'.
        cores: processors of one job.
        memory: bytes of one job.
        minutes: for which a run may last; its permit's last day may end it before.
        workers: jobs over which a run may spread its work, beside its own.
    """

    partition: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._,-]{1,64}$")
    cores: int = Field(default=2, ge=1)
    memory: Size = Field(default=8 * 2**30, ge=2**30)
    minutes: int = Field(default=1440, ge=1)
    workers: int = Field(default=16, ge=0, le=200)


class SlurmSettings(Section):
    """What each server's job asks of Slurm, in the profile ``slurm``.

    Attributes:
        partition: of the cluster; None: Slurm's default.
        charge: whom Slurm's accounting charges; None: the default of the project's account.
        cores: processors of one server, its kernels included.
        memory: bytes of one server, its kernels included.
        minutes: for which a server may run; its permit's last day may end it before.
        queue_minutes: for which a start waits in Slurm's queue before it is given up.
        hub_host: the name or address by which nodes reach the hub's machine; None: its own full name.
        audit_port: the port of the audit log's gateway, at which nodes record.
        run: what the jobs of runs ask for.
    """

    partition: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._,-]{1,64}$")
    charge: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    cores: int = Field(default=2, ge=1)
    memory: Size = Field(default=8 * 2**30, ge=2**28)
    minutes: int = Field(default=600, ge=1)
    queue_minutes: int = Field(default=30, ge=1)
    hub_host: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,253}$")
    audit_port: Port = 8082
    run: RunSettings = RunSettings()

    @property
    def host(self) -> str:
        """By what nodes reach the hub's machine."""
        return self.hub_host or socket.getfqdn()
