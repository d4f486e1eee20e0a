"""The addresses of the service: the list, and one for each dashboard. There are no others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from sundbench.governance.audit.actions import Action
from sundbench.hub.dashboards import offers
from sundbench.hub.dashboards.openings import Openings
from sundbench.hub.journal import NOBODY, Journal
from sundbench.hub.pages import HEADERS
from sundbench.hub.refusal import Refused
from sundbench.site import Site

SETTING = "sundbench"
"""Where handlers find the `Desk` among tornado's settings."""

_DRAWN = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content policy of a drawn dashboard: the theme's style and its one script."""


@dataclass(frozen=True)
class Desk:
    """What the handlers work with.

    Attributes:
        site: the installation.
        reports: the folder of reports.
        openings: dashboards that are being opened.
        journal: the audit log.
        pages: templates of the service's own pages.
        words: what every page of theirs is told.
        script: the digest of the theme's script.
    """

    site: Site
    reports: Path
    openings: Openings
    journal: Journal
    pages: Environment
    words: dict[str, Any]
    script: Callable[[], str]


class Page(JupyterHandler):
    """A page in the hub's look; what goes wrong is told in it."""

    turned_away: str | None

    @property
    def desk(self) -> Desk:
        """What it works with."""
        desk: Desk = self.settings[SETTING]
        return desk

    def set_default_headers(self) -> None:
        """Set the hub's headers; nothing is kept by browsers or proxies."""
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")

    def show(self, template: str, **more: object) -> None:
        """Finish with a page of one's own."""
        user = self.current_user
        self.finish(self.desk.pages.get_template(template).render(**self.desk.words, user=user, **more))

    def refuse(self, refusal: Refused) -> None:
        """Finish with a refusal."""
        self.set_status(refusal.status)
        self.show("refusal.html", status=refusal.status, refusal=refusal)

    def write_error(self, status_code: int, **_: object) -> None:
        """Tell what is wrong, in words of the page's own."""
        self.current_user = getattr(self, "_jupyter_current_user", None)
        self.show("refusal.html", status=status_code, refusal=None)

    def on_finish(self) -> None:
        """Record what was turned away."""
        if self.get_status() in {401, 403, 405}:
            user = getattr(self, "_jupyter_current_user", None)
            actor = user.username if user is not None else getattr(self, "turned_away", None)
            self.desk.journal.refused(
                actor or NOBODY,
                Action.DASHBOARD_REFUSED,
                f"{self.request.method} {self.request.path}"[:300],
                status=self.get_status(),
            )


class Index(Page):
    """The dashboards that can be opened."""

    @web.authenticated
    async def get(self) -> None:
        """Show them."""
        found = await asyncio.to_thread(offers.offers, self.desk.site, self.desk.reports)
        self.show("index.html", offers=found)


class Dashboard(Page):
    """One dashboard."""

    @web.authenticated
    async def get(self, name: str) -> None:
        """Show it, or that it is being opened."""
        offer = await asyncio.to_thread(offers.offer, self.desk.site, self.desk.reports, name)
        if offer is None:
            raise web.HTTPError(404)
        try:
            page = await self.desk.openings.page(self.current_user.username, offer)
        except Refused as refusal:
            self.refuse(refusal)
            return
        if page is None:
            self.set_status(202)
            self.show("opening.html", offer=offer)
            return
        self.set_header("Content-Security-Policy", _DRAWN.format(digest=self.desk.script()))
        self.finish(page)


class Nothing(Page):
    """Every other address."""

    @web.authenticated
    async def get(self) -> None:
        """Say so."""
        raise web.HTTPError(404)
