"""Sundbench's own pages in JupyterHub, and those of JupyterHub's that nobody gets.

Handlers given by an authenticator come before JupyterHub's own, so that an address here is ours.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterhub.log import log_request

from sundbench.governance.audit.actions import Action
from sundbench.hub.deployment import deployment
from sundbench.hub.journal import NOBODY
from sundbench.hub.pages.home import HomeHandler
from sundbench.hub.pages.log_in import (
    AuthorizeHandler,
    LandingHandler,
    PlainFileHandler,
    RefusedHandler,
    SignOffHandler,
    SignOnHandler,
)
from sundbench.hub.pages.navigation import HEADERS
from sundbench.hub.pages.servers import (
    AdminHandler,
    PendingHandler,
    ServerApiHandler,
    StartHandler,
    StopHandler,
)

__all__ = ["HEADERS", "handlers", "log_and_record"]


def handlers(hub_config: Path, theme: Path) -> list[tuple[Any, ...]]:
    """Addresses below ``/hub`` and who answers them.

    Args:
        hub_config: the folder with ``static``.
        theme: the folder of reports/theme, whose style the pages begin with.
    """
    static = PlainFileHandler
    return [
        (r"/", LandingHandler),
        (r"/home", HomeHandler),
        (r"/spawn", StartHandler),
        (r"/spawn/([^/]+)", StartHandler),
        (r"/spawn/([^/]+)/([^/]+)", StartHandler),
        (r"/stop/([^/]+)/([^/]+)", StopHandler),
        (r"/admin", AdminHandler),
        (r"/spawn-pending/([^/]+)", PendingHandler),
        (r"/spawn-pending/([^/]+)/([^/]+)", PendingHandler),
        (r"/login", SignOnHandler),
        (r"/logout", SignOffHandler),
        (r"/api/oauth2/authorize", AuthorizeHandler),
        (r"/sundbench/theme/(style\.css)", static, {"path": str(theme)}),
        (r"/sundbench/(.*)", static, {"path": str(hub_config / "static")}),
        (r"/api/users/([^/]+)/server", ServerApiHandler),
        (r"/api/users/([^/]+)/servers/([^/]*)", ServerApiHandler),
        (r"/token", RefusedHandler),
        (r"/accept-share", RefusedHandler),
        (r"/api/users/([^/]+)/tokens(?:/[^/]*)?", RefusedHandler),
        (r"/api/users/([^/]+)/shared(?:/.*)?", RefusedHandler),
        (r"/api/groups/([^/]+)/shared(?:/.*)?", RefusedHandler),
        (r"/api/shares(?:/.*)?", RefusedHandler),
        (r"/api/share-codes(?:/.*)?", RefusedHandler),
    ]


_REFUSALS = frozenset({401, 403, 405, 429})


def log_and_record(handler: Any) -> None:
    """Tornado's ``log_function``: JupyterHub's line, and an audit record of what was turned away."""
    log_request(handler)
    # The log-in and the spawner record their own refusals, with the reason.
    if handler.get_status() not in _REFUSALS or handler.request.path.endswith(("/login", "/oauth_callback")):
        return
    user = getattr(handler, "_jupyterhub_user", None)
    deployment().journal.refused(
        user.name if user is not None else NOBODY,
        Action.HUB_REFUSED,
        f"{handler.request.method} {handler.request.path}"[:300],
        status=handler.get_status(),
        address=handler.request.remote_ip,
    )
