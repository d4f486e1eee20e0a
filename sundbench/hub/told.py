"""Refusals on their way through JupyterHub to the one who asked."""

from __future__ import annotations

import asyncio
import logging

from jupyterhub.spawner import SpawnException
from tornado import web

from sundbench.errors import DatabaseError
from sundbench.governance.permits import Registered
from sundbench.hub import rights
from sundbench.hub.deployment import deployment
from sundbench.hub.refusal import Refused

_log = logging.getLogger(__name__)


NO_AUDIT = Refused(
    "audit",
    da="Serveren kan ikke startes, for revisionsloggen kan ikke skrives lige nu. Prøv igen om lidt.",
    en="The server can't be started, because the audit log can't be written just now. Try again in a while.",
    status=503,
)
BROKEN = Refused(
    "broken",
    da="Serveren kan ikke startes: der er en fejl i opsætningen. Driften kan se den i loggen.",
    en="The server can't be started: there is a fault in the set-up. The operator finds it in the log.",
    status=500,
)
TOO_LATE = Refused(
    "timeout",
    da="Serveren kom ikke i gang i tide. Prøv igen; bliver det ved, så sig det til driften.",
    en="The server did not get going in time. Try again; if it goes on, tell the operator.",
    status=504,
)


class NotStarted(SpawnException):  # type: ignore[misc]  # JupyterHub has no types
    """A refused start as JupyterHub passes it on: to its pages by one pair of names, to errors by another."""

    def __init__(self, refusal: Refused) -> None:
        self.jupyterhub_message = f"{refusal.en} / {refusal.da}"
        self.jupyterhub_html_message = refusal.html
        super().__init__(
            self.jupyterhub_message,
            reason=refusal.reason,
            message_html=refusal.html,
            status_code=refusal.status,
        )


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
