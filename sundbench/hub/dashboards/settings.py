"""The section ``[dashboards]`` of the operator's settings."""

from __future__ import annotations

from pydantic import Field

from sundbench.hub.section import Port, Section


class DashboardSettings(Section):
    """Dashboards over released outputs.

    Attributes:
        enabled: run the service.
        port: this machine's own.
        kernels: dashboards that may be opened at once; a kernel ends when its page is drawn.
        open_seconds: a dashboard that isn't drawn after so long is given up.
    """

    enabled: bool = True
    port: Port = 8090
    kernels: int = Field(default=8, ge=1)
    open_seconds: int = Field(default=120, ge=5)
