"""The section ``[tls]`` of the operator's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import model_validator

from sundbench.hub.section import Section


class TlsSettings(Section):
    """Whether the proxy speaks TLS with browsers itself, and on how many hosts.

    Attributes:
        certificate: PEM file, with the certificates that lead to the authority; None: no TLS here.
        key: PEM file of its key.
        subdomains: each person's servers have a host of their own below that of ``hub.public_url``, so that
            to browsers they are another origin than the hub, and than other people's. The certificate and
            the DNS need ``*.`` before the host's name.
    """

    certificate: Path | None = None
    key: Path | None = None
    subdomains: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) is not (self.key is None):
            raise ValueError("certificate and key: name both, or neither")
        return self

    @property
    def used(self) -> bool:
        """Whether the proxy speaks TLS."""
        return self.certificate is not None

    def below(self, folder: Path) -> TlsSettings:
        """With relative paths taken from a folder."""
        files = {"certificate": self.certificate, "key": self.key}
        return self.model_copy(update={name: folder / file for name, file in files.items() if file})
