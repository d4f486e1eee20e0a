"""Voila, configured in code: no file of a user's, an environment's or the machine's is read."""

# ruff: noqa: ANN401 - Voila has no types
from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from jupyterhub.utils import url_path_join
from traitlets.config import Config
from voila.app import Voila

from sundbench.governance.audit.actions import Action
from sundbench.hub.dashboards.drawing import TEMPLATE, Studio
from sundbench.hub.dashboards.handlers import SETTING, Dashboard, Desk, Index, Nothing
from sundbench.hub.dashboards.identity import ReaderIdentity
from sundbench.hub.dashboards.offers import Offer
from sundbench.hub.dashboards.openings import Openings
from sundbench.hub.journal import Journal
from sundbench.hub.proxy import tls
from sundbench.hub.settings import Settings
from sundbench.release import content
from sundbench.release.report import script_digest
from sundbench.sandbox import policy
from sundbench.site import Site

_NOT_OURS = ("contents_manager", "kernel_manager", "kernel_spec_manager", "config_manager", "server_root_dir")
"""What Voila's own handlers would work with. None of them is there, and none could begin to work."""


def configuration(folder: Path, address: str, prefix: str) -> Config:
    """Everything that differs from Voila's own defaults.

    Args:
        folder: for sockets and what else lasts as long as the service.
        address: where to listen, as the hub says: ``http://127.0.0.1:8090``.
        prefix: the service's address below the hub's.
    """
    listen = urlsplit(address)
    c = Config()
    c.Voila.ip = listen.hostname
    c.Voila.port = listen.port
    c.Voila.port_retries = 0
    c.Voila.base_url = prefix
    c.Voila.root_dir = str(folder)
    c.Voila.connection_dir_root = str(folder)
    c.Voila.open_browser = False
    c.Voila.identity_provider_class = ReaderIdentity
    c.VoilaConfiguration.template = TEMPLATE
    c.VoilaConfiguration.allow_template_override = "NO"
    c.VoilaConfiguration.allow_theme_override = "NO"
    c.VoilaConfiguration.strip_sources = True
    c.VoilaConfiguration.show_tracebacks = False
    c.VoilaConfiguration.http_header_envs = []
    c.VoilaConfiguration.preheat_kernel = False
    c.VoilaConfiguration.progressive_rendering = False
    c.VoilaConfiguration.file_allowlist = []
    return c


def _inner_tls() -> ssl.SSLContext | None:
    """TLS with the certificate that the hub gave, for hub and proxy alone; None where it gave none."""
    given = [os.environ.get(f"JUPYTERHUB_SSL_{what}", "") for what in ("KEYFILE", "CERTFILE", "CLIENT_CA")]
    if not all(given):
        return None
    key, certificate, authorities = map(Path, given)
    return tls.demanding(tls.Pair(key, certificate), authorities)


class Dashboards(Voila):  # type: ignore[misc]
    """Voila without its addresses: it executes and renders, and nothing of it can be reached.

    A report has no widgets, so a kernel ends as soon as its page is drawn, and no browser ever speaks to one.

    Args:
        site: the installation.
        settings: the operator's.
    """

    def __init__(self, site: Site, settings: Settings, **traits: Any) -> None:
        super().__init__(**traits)
        self._site = site
        self._settings = settings
        self._hub_config = content.hub_config()
        self._reports = content.reports()

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """None is read."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """As Voila's; the hub ends its services with SIGINT, which is to be as tidy as SIGTERM."""
        super().initialize(argv)
        signal.signal(signal.SIGINT, self._handle_signal_stop)

    def setup_template_dirs(self) -> None:
        """The templates are the deployment's, in one place."""
        self.template_paths = [str(self._hub_config / "dashboards" / "template"), str(self._reports)]
        self.static_paths: list[str] = []

    def init_settings(self) -> dict[str, Any]:
        """What handlers may work with."""
        given: dict[str, Any] = super().init_settings()
        for name in _NOT_OURS:
            given.pop(name, None)
        self._openings = Openings(self._studio().draw, self._record, self._settings.dashboards.kernels)
        self._journal = Journal(self._site)
        given[SETTING] = self._desk()
        given["default_handler_class"] = Nothing
        given["allow_unauthenticated_access"] = False
        return given

    def init_handlers(self) -> list[tuple[Any, ...]]:
        """The list, the dashboards, log-in and log-out."""
        prefix = re.escape(self.base_url)
        return [
            *self.identity_provider.get_handlers(),
            (prefix, Index),
            (prefix + r"([a-z][a-z0-9_]{0,59})", Dashboard),
        ]

    def listen(self) -> None:
        """Serve, with an eye on pages that were closed."""
        loop = asyncio.get_event_loop()
        sweeping = loop.create_task(self._openings.sweep())
        if (context := _inner_tls()) is not None:
            self.app.listen = partial(self.app.listen, ssl_options=context)
        try:
            super().listen()
        finally:
            sweeping.cancel()
            loop.run_until_complete(self._openings.close())

    async def _record(self, user: str, offer: Offer) -> None:
        await self._journal.record(user, Action.DASHBOARD_OPEN, offer.about.id, release=offer.release)

    def _studio(self) -> Studio:
        return Studio(
            site=self._site,
            reports=self._reports,
            templates=self._hub_config / "dashboards" / "template",
            policy=policy.read(content.kernels() / "dashboard"),
            folder=Path(self.connection_dir),
            configuration=self.voila_configuration,
            config=self.config,
            home=self.base_url,
            seconds=self._settings.dashboards.open_seconds,
        )

    def _desk(self) -> Desk:
        pages = [self._hub_config / "dashboards" / "pages", self._hub_config / "templates"]
        hub = self.identity_provider.hub_auth.hub_prefix
        return Desk(
            site=self._site,
            reports=self._reports,
            openings=self._openings,
            journal=self._journal,
            pages=Environment(loader=FileSystemLoader([str(one) for one in pages]), autoescape=True),
            words={
                "base_url": hub,
                "dashboards_url": self.base_url,
                "logout_url": url_path_join(hub, "logout"),
                "site_name": self._settings.site.name.model_dump(),
                "demonstration": self._settings.site.demonstration,
                "parsed_scopes": (),
                "version_hash": "",
            },
            script=lambda: script_digest(self._reports),
        )
