"""What a server's job is told on its node: its assignment, and how it reaches the hub's machine."""

from __future__ import annotations

import contextlib
import os
import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sundbench.errors import HubError, one_line
from sundbench.hub.assignment import Assignment

Content = Literal["SUNDBENCH_KERNELS", "SUNDBENCH_HUB_CONFIG"]
"""The variables that a letter may set: programs that its job runs are given its environment."""
PORT_PATH = "/sundbench/port"
"""Below the hub's API: where the job says at which port its server listens."""


class Endpoint(BaseModel):
    """Something that listens on the hub's machine.

    Attributes:
        host, port: where.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)]


class Identity(BaseModel):
    """With what a job shows who it is, and knows who others are: PEM, as JupyterHub makes it for each start.

    Attributes:
        key, certificate: the job's own, for those who come to it and for those to whom it goes.
        authority: certificates of those who sign the hub's and the proxy's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(repr=False)
    certificate: str
    authority: str

    def context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        """A context of TLS in which the other side must have a certificate too.

        Args:
            purpose: ``SERVER_AUTH`` to go to a server, ``CLIENT_AUTH`` to be one.
        """
        context = ssl.create_default_context(purpose, cadata=self.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        # OpenSSL reads a key from a file: one that is on no disk, and gone however this process ends.
        with os.fdopen(os.memfd_create("identity"), "w", encoding="ascii") as file:
            file.write(f"{self.key}\n{self.certificate}")
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        return context


class Letter(BaseModel):
    """What one job is told.

    Attributes:
        home: the installation.
        assignment: as on one machine; its ``runtime`` is the folder on the node in which the job makes its
            own, and its ``port`` is the job's to choose.
        until: when the job must have ended: its permit's last day is over, however long it waited.
        hub, audit: where the hub and the audit's gateway listen.
        identity: what the job shows them.
        content: where the installation has its kernels and the hub's files, where not beside the library.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    assignment: Assignment
    until: AwareDatetime
    hub: Endpoint
    audit: Endpoint
    identity: Identity
    content: dict[Content, Path]

    @classmethod
    def take(cls, path: Path) -> Letter:
        """Read it, once: the file is removed.

        Raises:
            HubError: it is not there, or no letter. The message repeats no value.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise HubError(f"letter {path}: {error.strerror}: start the server anew from the hub") from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - whatever it is
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise HubError(one_line(error, f"letter {path}")) from error
