"""The hub's services, listed in one place: each with its own token and no more rights than it needs."""

from __future__ import annotations

from typing import Any

from jupyterhub.utils import subdomain_hook_idna

from sundbench.hub import metrics
from sundbench.hub.dashboards import service as dashboards
from sundbench.hub.deployment import Deployment
from sundbench.hub.runtime import secret
from sundbench.hub.supervisor.winding_down import SERVICE as SUPERVISOR


def services(hub: Deployment) -> list[dict[str, Any]]:
    """JupyterHub's ``services``."""
    found = [
        {"name": SUPERVISOR, "api_token": secret(hub.site, SUPERVISOR), "display": False},
        metrics.service(secret(hub.site, metrics.SERVICE)),
    ]
    if hub.settings.dashboards.enabled:
        found.append(dashboards.service(hub.site, hub.settings))
    return found


def service_roles(hub: Deployment) -> list[dict[str, Any]]:
    """What services may do, as entries of JupyterHub's ``load_roles``."""
    return [
        {
            "name": "supervisor",
            "description": "To stop the platform",
            "scopes": ["shutdown"],
            "services": [SUPERVISOR],
        },
        metrics.role(),
    ]


def host(name: str, domain: str, kind: str) -> str:
    """The host of a person's servers, or of a service; for JupyterHub's ``subdomain_hook``.

    A service has the hub's own: its pages are drawn with the hub's style and scripts, and run no others.
    """
    return str(subdomain_hook_idna(name, domain, kind)) if kind == "user" else domain
