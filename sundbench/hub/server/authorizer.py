"""What the server's owner may do: what is on the list, and nothing else."""

from __future__ import annotations

from jupyter_server.auth import User
from jupyter_server.base.handlers import JupyterHandler
from jupyterhub.singleuser.extension import JupyterHubAuthorizer

from sundbench.governance.audit.actions import Action
from sundbench.hub.server.refusals import note

ALLOWED = frozenset(
    {
        ("api", "read"),  # the server's version, its state, who I am
        ("config", "read"),
        ("contents", "read"),
        ("contents", "write"),
        ("dask", "read"),
        ("events", "execute"),  # JupyterLab listens for what this server itself did
        ("kernels", "execute"),
        ("kernels", "read"),
        ("kernels", "write"),
        ("kernelspecs", "read"),
        ("sessions", "read"),
        ("sessions", "write"),
    }
)
"""Jupyter's names of resources and actions. Missing: ``nbconvert``, ``terminals``, ``server`` (its shutdown,
which is the hub's), ``lsp``, writing ``config`` and ``events``, and whatever a later version adds."""


class ProjectAuthorizer(JupyterHubAuthorizer):  # type: ignore[misc]
    """JupyterHub's scopes first, then the list; that it is the owner who asks, `identity` has seen to."""

    def is_authorized(self, handler: JupyterHandler, user: User, action: str, resource: str) -> bool:
        """Whether this request may go on; a refusal is recorded."""
        if not super().is_authorized(handler, user, action, resource):
            reason = "scope"
        elif (resource, action) not in ALLOWED:
            reason = "not on the list"
        else:
            return True
        what = Action.DOWNLOAD_REFUSED if resource == "nbconvert" else Action.SERVER_REQUEST_REFUSED
        note(handler.settings, what, f"{action} {resource}", reason=reason, by=user.username)
        return False
