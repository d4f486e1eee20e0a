"""The proxy as JupyterHub starts it, finds it again and ends it."""

from __future__ import annotations

import sys
from pathlib import Path

from certipy import Certipy  # type: ignore[import-untyped]
from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets import default

from sundbench.hub.deployment import deployment

PROGRAM = "sundbench.hub.proxy"


class LocalProxy(ConfigurableHTTPProxy):  # type: ignore[misc]  # JupyterHub has no types
    """Runs `sundbench.hub.proxy` with this Python."""

    @default("command")
    def _with_this_python(self) -> list[str]:
        return [sys.executable, "-m", PROGRAM, "--public-url", deployment().settings.hub.public_url or ""]

    def _get_ssl_options(self) -> list[str]:
        # JupyterHub's proxy would let servers and services ask for routes as well: the hub alone does.
        said: list[str] = super()._get_ssl_options()
        store = Certipy(store_dir=self.app.internal_certs_location).store
        said[said.index("--api-ssl-ca") + 1] = store.get_record("hub-ca")["files"]["cert"]
        return [word for word in said if not word.endswith(("-request-cert", "-reject-unauthorized"))]

    def _check_pid(self, pid: int) -> None:
        # JupyterHub ends whatever process has the number that it noted. After the machine's restart that can
        # be any other of this account's: a project's server.
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            words = []
        if PROGRAM.encode() not in words:
            raise ProcessLookupError
