"""How a server in its sandbox on a node meets the hub: on its own loopback, without TLS and without a key."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

PORT = 8888
"""On which every server listens, in the network of its own sandbox."""


def environment(told: Mapping[str, str]) -> dict[str, str]:
    """What JupyterHub tells a server, as it is true inside the sandbox."""
    api = urlsplit(told["JUPYTERHUB_API_URL"])
    hub = f"127.0.0.1:{api.port or 443}"
    kept = {name: text for name, text in told.items() if not name.startswith("JUPYTERHUB_SSL_")}
    return kept | {
        "JUPYTERHUB_API_URL": _plain(hub, told["JUPYTERHUB_API_URL"]),
        "JUPYTERHUB_ACTIVITY_URL": _plain(hub, told["JUPYTERHUB_ACTIVITY_URL"]),
        "JUPYTERHUB_SERVICE_URL": _plain(f"127.0.0.1:{PORT}", told["JUPYTERHUB_SERVICE_URL"]),
    }


def _plain(there: str, url: str) -> str:
    return urlunsplit(("http", there, urlsplit(url).path, "", ""))
