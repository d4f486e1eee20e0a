"""The sections ``[site]`` and ``[hub]`` of the operator's settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sundbench.hub.section import Port, Section
from sundbench.registers.catalogue import Text


def _four(address: str) -> str:
    """Refuse what the proxy and its addresses were never tried with."""
    if ":" in address:
        raise ValueError(
            "IPv6 is not supported: listen on an IPv4 address; the TLS proxy in front may have both"
        )
    return address


class SiteSettings(Section):
    """What the site is.

    Attributes:
        profile: which of hub_config/profiles composes the deployment.
        name: what the pages call the installation.
        demonstration: everything in it is invented; pages and checks say so.
    """

    profile: Literal["local", "slurm"] = "local"
    name: Text = Text(da="Sundbench", en="Sundbench")
    demonstration: bool = False


class HubSettings(Section):
    """How the hub is reached, and how many servers start at once.

    Attributes:
        address: where the proxy listens; anything but this machine itself needs TLS in front of it.
        port: the one port that browsers use.
        proxy_port, hub_port: this machine's own: the proxy's API and the hub behind the proxy.
        public_url: how browsers reach it where something stands in front, such as ``https://hub.site.dk/``.
        starts_at_once: servers that start at the same time; the others queue.
        start_timeout: seconds that a start may take, the wait in the queue not counted.
    """

    address: Annotated[str, AfterValidator(_four)] = "127.0.0.1"
    port: Port = 8000
    proxy_port: Port = 8001
    hub_port: Port = 8081
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+/$")
    starts_at_once: int = Field(default=4, ge=1)
    start_timeout: int = Field(default=120, ge=10)

    @property
    def url(self) -> str:
        """What to type into a browser."""
        return self.public_url or f"http://{self.address}:{self.port}/"
