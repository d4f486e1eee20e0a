"""What one project server is started with: who, which project, which folders, which limits.

The hub's spawner writes it, the job reads it once and removes it. It holds the server's tokens, so it is
readable by its owner alone and is gone before the server starts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sundbench.errors import HubError, one_line
from sundbench.hub.protocol import PROTOCOL, Spoken
from sundbench.hub.server.settings import Rules
from sundbench.registers.catalogue import Text
from sundbench.sandbox.policy import Limits

FILE = "assignment.json"
"""Its name in the runtime folder of its server."""


class Extract(BaseModel):
    """Data that a kernel reads.

    Attributes:
        folder: where they lie.
        digest: over all of their files, as ``extract.json`` says; part of the audit's records.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    digest: str


class Assignment(BaseModel):
    """One user's server in one project.

    Attributes:
        protocol: the writer's.
        user: who it belongs to.
        permit: the project.
        title: the project's title, shown with each kernel.
        extract: the project's extract; None where none has been made yet.
        synthetic: invented persons of the same shape; None where there are none.
        workspace: the notebooks that the project's members share.
        history: where the versions of those notebooks are kept; None: they aren't.
        scratch: the user's own folder for what kernels write, in this project.
        outbox: the user's own folder for what kernels would like to let out, in this project.
        runtime: short folder of this server's own, for its sockets.
        audit_socket: where the audit's writer listens.
        audit_secret: what this server shows the writer; says who it is.
        environment: what JupyterHub gives the server (``JUPYTERHUB_*``), tokens included.
        address: the server's own pages as browsers name them; ends with a slash.
        port: where the server listens.
        server: what the server may use.
        kernel: what each kernel may use.
        kernels: how many kernels may run at once.
        r: the site has R.
        rules: what else the operator has set for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Spoken = PROTOCOL
    user: Annotated[str, Field(min_length=1)]
    permit: Annotated[str, Field(min_length=1)]
    title: Text
    extract: Extract | None = None
    synthetic: Extract | None = None
    workspace: Path
    scratch: Path
    outbox: Path
    runtime: Path
    audit_socket: Path
    audit_secret: str
    environment: dict[str, str]
    address: str
    port: Annotated[int, Field(ge=0, le=65535)]
    server: Limits
    kernel: Limits
    kernels: Annotated[int, Field(ge=1)]
    rules: Rules
    r: bool = False
    history: Path | None = None

    def write(self, path: Path) -> Path:
        """Write it where its owner alone can read it.

        Args:
            path: a file that is not there yet.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.model_dump_json())
        return path

    @classmethod
    def take(cls, path: Path) -> Assignment:
        """Read it, once: the file is removed.

        Raises:
            HubError: it is not there, or not an assignment.
        """
        try:
            text = path.read_text(encoding="utf-8")
            path.unlink()
        except OSError as error:
            raise HubError(
                f"assignment {path}: {error.strerror}: start the server anew from the hub"
            ) from error
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise HubError(one_line(error, f"assignment {path}")) from error
