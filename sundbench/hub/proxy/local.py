"""The proxy as JupyterHub starts it, finds it again and ends it."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets import default

from sundbench.hub.deployment import deployment

PROGRAM = "sundbench.hub.proxy"


class LocalProxy(ConfigurableHTTPProxy):  # type: ignore[misc]  # JupyterHub has no types
    """Runs `sundbench.hub.proxy` with this Python."""

    @default("command")
    def _with_this_python(self) -> list[str]:
        return [sys.executable, "-m", PROGRAM, "--public-url", deployment().settings.hub.public_url or ""]

    def _check_pid(self, pid: int) -> None:
        # JupyterHub ends whatever process has the number that it noted. After the machine's restart that can
        # be any other of this account's: a project's server.
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            words = []
        if PROGRAM.encode() not in words:
            raise ProcessLookupError
