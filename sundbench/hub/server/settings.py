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
from sundbench.hub import settings as operator
from sundbench.registers.catalogue import Text

Bytes = Annotated[int, Field(ge=1)]


class Rules(BaseModel):
    """What an operator sets for every server; `sundbench.hub.settings` has the defaults.

    Attributes:
        quota: bytes that the project's notebooks may take together.
        warn_at: share of the quota from which on the user is told.
        upload_size: bytes of the largest file of code.
        output_size: bytes that a kernel may send to the browser for one execution.
        kernel_minutes: a kernel that has computed nothing for so long is stopped.
        server_minutes: a server without kernels that nobody has asked for anything so long stops itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    quota: Bytes
    warn_at: Annotated[float, Field(gt=0, le=1)]
    upload_size: Bytes
    output_size: Bytes
    kernel_minutes: Annotated[int, Field(ge=1)]
    server_minutes: Annotated[int, Field(ge=1)]

    @classmethod
    def of(cls, chosen: operator.Settings) -> Rules:
        """Those among an operator's settings."""
        return cls(
            quota=chosen.workspace.quota,
            warn_at=chosen.workspace.warn_at,
            upload_size=chosen.server.upload_size,
            output_size=chosen.server.output_size,
            kernel_minutes=chosen.idle.kernel_minutes,
            server_minutes=chosen.idle.server_minutes,
        )


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
        rules: what the operator has set for it.
        notebook_size: bytes of the largest notebook.
        listener: descriptor of the socket to which visitors come; None where the server has a network.
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
    rules: Rules
    notebook_size: Bytes = 20 * 2**20
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
