"""Refusals on their way through JupyterHub to the one who asked."""

from __future__ import annotations

from tornado import web

from sundbench.hub.refusal import Refused


class _Told(web.HTTPError):
    """Carries what JupyterHub's pages and its API look for."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.status, refusal.en)
        self.jupyterhub_message = f"{refusal.en} / {refusal.da}"
        self.jupyterhub_html_message = refusal.html


def told(refusal: Refused) -> web.HTTPError:
    """A refusal as an error that JupyterHub shows in both languages."""
    return _Told(refusal)
