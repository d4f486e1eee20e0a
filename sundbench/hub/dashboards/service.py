"""The service as the hub starts it."""

from __future__ import annotations

import os
import sys
from typing import Any

from sundbench.hub.rights import DASHBOARDS
from sundbench.hub.settings import Settings
from sundbench.hub.supervisor.table import MARK
from sundbench.site import Site

HUB = "SUNDBENCH_HUB_PID"
"""Environment variable with the number of the hub's process, with which the service ends."""

_PLACES = ("SUNDBENCH_REPORTS", "SUNDBENCH_KERNELS", "SUNDBENCH_HUB_CONFIG", "SUNDBENCH_RUNTIME")
"""What else of the hub's environment the service is given: where things are. No database, no key."""


def service(site: Site, settings: Settings) -> dict[str, Any]:
    """The entry in JupyterHub's ``services``; for the process of the hub itself.

    It has no scope of its own: with its token it can ask who someone is, and nothing else.
    """
    scheme = "https" if settings.site.profile == "slurm" else "http"
    return {
        "name": DASHBOARDS,
        "url": f"{scheme}://127.0.0.1:{settings.dashboards.port}",
        "command": [sys.executable, "-I", "-m", "sundbench.hub.dashboards"],
        "cwd": str(site.hub),
        # Reading released results gives the service no right to act for the reader: nothing to confirm.
        "oauth_no_confirm": True,
        "environment": {
            **{name: os.environ[name] for name in _PLACES if name in os.environ},
            "SUNDBENCH_HOME": str(site.root),
            MARK: str(site.root),
            HUB: str(os.getpid()),
        },
    }
