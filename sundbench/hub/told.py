"""Refusals on their way through JupyterHub to the one who asked."""

from __future__ import annotations

import asyncio
import logging

from tornado import web

from sundbench.errors import DatabaseError
from sundbench.governance.permits import Registered
from sundbench.hub import rights
from sundbench.hub.deployment import deployment
from sundbench.hub.refusal import Refused

_log = logging.getLogger(__name__)


class _Told(web.HTTPError):
    """Carries what JupyterHub's pages and its API look for."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.status, refusal.en)
        self.jupyterhub_message = f"{refusal.en} / {refusal.da}"
        self.jupyterhub_html_message = refusal.html


def told(refusal: Refused) -> web.HTTPError:
    """A refusal as an error that JupyterHub shows in both languages."""
    return _Told(refusal)


async def standing() -> rights.Standing:
    """Who may do what just now, for a page.

    Raises:
        tornado.web.HTTPError: governance's database can't be read: locked, lost, or its disk is full.
    """
    try:
        return await asyncio.to_thread(rights.standing, deployment().site)
    except DatabaseError as error:
        _log.error("governance can't be asked: %s", error)
        raise told(_no_governance()) from None


async def granted(user: str, permit: str) -> Registered:
    """The permit, if the user may have a server for it today.

    Raises:
        Refused: not, or governance's database can't be read.
    """
    try:
        return await asyncio.to_thread(rights.require_work, deployment().site, user, permit)
    except DatabaseError as error:
        _log.error("governance can't be asked: %s", error)
        raise _no_governance() from None


def _no_governance() -> Refused:
    return Refused(
        "governance",
        da="Det kan ikke slås op lige nu, hvem der må hvad. Prøv igen om lidt; eller sig det til driften.",
        en="Who may do what can't be looked up just now. Try again in a while; or tell the operator.",
        status=503,
    )
