"""The sections ``[idle]``, ``[kernel]`` and ``[server]`` of the operator's settings: what servers may use."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sundbench.hub.section import Section, Size

_LEAST_MEMORY = 16 * 2**20
"""What `sundbench.sandbox.policy.Limits` takes; less is told when settings are read, not at every start."""


class IdleSettings(Section):
    """When what nobody uses is stopped; a kernel that computes is in use.

    Attributes:
        kernel_minutes: a kernel that has computed nothing for so long.
        server_minutes: a server without kernels and without anyone looking.
        session_hours: after so long people log in again.
    """

    kernel_minutes: int = Field(default=120, ge=1)
    server_minutes: int = Field(default=60, ge=1)
    session_hours: float = Field(default=12, gt=0)


class KernelSettings(Section):
    """What one kernel may use; whether a limit is hard or soft here, ``sundbench hub check`` says.

    Attributes:
        per_server: kernels that one server may have at once.
        memory: bytes.
        cores: processors' worth of time; Dask starts as many workers.
        processes: processes and threads.
        cpu_seconds: processor time until the kernel is ended; 0: no end.
        file_size: bytes of the largest file it may write.
        disk: bytes in scratch, and in the outbox.
        tmp: bytes in its own ``/tmp``.
        r: offer the R kernel; ``"auto"``: where R and IRkernel are installed.
    """

    per_server: int = Field(default=4, ge=1)
    memory: Size = Field(default=4 * 2**30, ge=_LEAST_MEMORY)
    cores: float = Field(default=2, gt=0)
    processes: int = Field(default=512, ge=32)
    cpu_seconds: int = Field(default=0, ge=0)
    file_size: Size = Field(default=8 * 2**30, ge=2**20)
    disk: Size = Field(default=20 * 2**30, ge=2**20)
    tmp: Size = Field(default=512 * 2**20, ge=2**20)
    r: bool | Literal["auto"] = "auto"


class ServerSettings(Section):
    """What one Jupyter server may use and pass on.

    Attributes:
        memory: bytes.
        processes: processes and threads.
        upload_size: bytes of the largest file of code that may be uploaded.
        output_size: bytes of output that one execution may send to the browser.
    """

    memory: Size = Field(default=2**30, ge=_LEAST_MEMORY)
    processes: int = Field(default=128, ge=32)
    upload_size: Size = Field(default=5 * 2**20, ge=2**17)  # the server may write files of 8 times that
    output_size: Size = Field(default=16 * 2**20, ge=1)
