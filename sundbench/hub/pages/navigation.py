"""What holds for every answer of the hub, and for its pages with forms."""

from __future__ import annotations

from typing import Any

from tornado import web

HEADERS = {
    # No script or style within the pages, nothing from elsewhere, in no frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}
"""HTTP headers of every answer of the hub."""


class Navigated:
    """For pages with forms: answers browsers that go there, and no script that fetches the page.

    What a cell shows may hold scripts, and they run in the hub's origin. With the token of a form they could
    start and stop servers in their reader's name, and follow a log-in into the reader's other projects.
    Browsers say what a request is for (Fetch Metadata, W3C) wherever the hub is reached over TLS or locally.
    """

    async def prepare(self) -> None:
        """Refuse scripts; JupyterHub then finds out who asks."""
        handler: Any = self
        asked = handler.request.headers
        # A frame is a navigation as well, of which a script reads what it shows: the token in its cookie.
        if (
            asked.get("Sec-Fetch-Mode", "navigate") != "navigate"
            or asked.get("Sec-Fetch-Dest", "document") != "document"
        ):
            handler._jupyterhub_user = None  # an error's page asks for it
            handler.expanded_scopes, handler.parsed_scopes = set(), {}
            raise web.HTTPError(403, "Pages are not for scripts")
        await super().prepare()  # type: ignore[misc]  # BaseHandler's
        if (unanswered := getattr(handler, "without_governance", None)) is not None:
            raise unanswered
