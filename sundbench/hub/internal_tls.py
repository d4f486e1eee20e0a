"""Whom the hub's own TLS believes: JupyterHub's inner authorities, and none of the machine's public ones.

JupyterHub adds those that the system trusts. A certificate for clients that any public authority has signed
would then pass at the hub's inner port, and one for servers in a job's place.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import jupyterhub.app
import jupyterhub.objects
import jupyterhub.user
import jupyterhub.utils
from jupyterhub.app import JupyterHub

from sundbench.hub.proxy import tls


def context(
    keyfile: str, certfile: str, cafile: str | None = None, *, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH
) -> ssl.SSLContext | None:
    """As ``jupyterhub.utils.make_ssl_context``, without the machine's authorities.

    Args:
        keyfile: the own key; empty: no TLS.
        certfile: the own certificate.
        cafile: whose certificates are believed.
        purpose: ``SERVER_AUTH`` to ask, ``CLIENT_AUTH`` to be asked.
    """
    if not keyfile or not certfile or not cafile:
        return None
    make = tls.asking if purpose == ssl.Purpose.SERVER_AUTH else tls.demanding
    return make(tls.Pair(Path(keyfile), Path(certfile)), Path(cafile))


def believe_only_the_inner_authorities() -> None:
    """Have this process's JupyterHub make its contexts here, and ask its services with one for asking."""
    for module in (jupyterhub.utils, jupyterhub.app, jupyterhub.objects, jupyterhub.user):
        module.make_ssl_context = context
    start = JupyterHub.start_service

    async def started(
        hub: Any, name: str, service: Any, _to_be_asked_with: ssl.SSLContext | None = None
    ) -> bool:
        # JupyterHub gives its own server's, with which Python refuses to ask; without one it makes one.
        return bool(await start(hub, name, service))

    JupyterHub.start_service = started
