"""What a server is told when it starts: JSON through an inherited file descriptor, tokens included.

Neither an argument nor the environment that a process starts with is a place for a token: ``/proc`` shows
both.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sundbench.errors import HubError, one_line
from sundbench.registers.catalogue import Text

Bytes = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """What one server is told.

    Attributes:
        user: whose server it is; nobody else is let in, whatever the hub would allow.
        project: the permit's id.
        title: what the pages call the project.
        environment: what JupyterHub gives a server (``JUPYTERHUB_*``).
        audit_secret: what the server shows the audit's writer.
        audit_socket: where the writer listens.
        notebooks: the project's notebooks: all that the server's files are.
        kernels: folder of kernelspecs, one folder a kernel that this server may start.
        lab: folder with ``page_config.json``, ``overrides.json`` and ``labextensions``: hub_config/lab.
        upload_size: bytes of the largest file of code.
        notebook_size: bytes of the largest notebook.
        output_size: bytes that the kernel may send to the browser for one execution.
        quota: bytes that the project's notebooks may take together.
        warn_at: share of the quota from which on the user is told.
        kernel_minutes: a kernel that has computed nothing for so long is stopped.
        listener: descriptor of the socket to which visitors come; None where the server has a network.
        server_minutes: a server without kernels that nobody has asked for anything so long stops itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Annotated[str, Field(min_length=1)]
    project: Annotated[str, Field(min_length=1)]
    title: Text
    environment: dict[str, str]
    audit_secret: Annotated[str, Field(min_length=1)]
    audit_socket: Path = Path("/run/sundbench/audit.sock")
    notebooks: Path = Path("/notebooks")
    kernels: Path
    lab: Path
    upload_size: Bytes = 5 * 2**20
    notebook_size: Bytes = 20 * 2**20
    output_size: Bytes = 16 * 2**20
    quota: Bytes = 2 * 2**30
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8
    kernel_minutes: Annotated[int, Field(ge=1)] = 120
    server_minutes: Annotated[int, Field(ge=1)] = 60
    listener: int | None = None


def read(descriptor: int) -> Settings:
    """Read the settings to the descriptor's end, and close it.

    Raises:
        HubError: there is nothing to read, or it isn't settings. The message repeats no value.
    """
    try:
        with os.fdopen(descriptor, "rb") as stream:
            content = stream.read()
    except OSError as error:
        raise HubError(f"descriptor {descriptor}: {error.strerror}: start the server from the hub") from error
    try:
        return Settings.model_validate_json(content)
    except ValidationError as error:
        raise HubError(one_line(error, "the server's settings")) from error
