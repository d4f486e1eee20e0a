"""What people see while the hub's own database doesn't answer: that, and not the log-in's page.

JupyterHub takes whoever it can't look up for a stranger, and draws its page of errors with the user's name,
which it can't look up either. So its handlers are told here, all of them, in the one class that they share.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

import logging
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from tornado import web

from sundbench.hub.metrics import DATABASE_AWAY
from sundbench.hub.refusal import Refused
from sundbench.hub.told import told

_log = logging.getLogger(__name__)


def teach() -> None:
    """Change JupyterHub's handlers; once, before it serves."""
    prepare, handle = BaseHandler.prepare, BaseHandler._handle_request_exception

    async def prepared(handler: Any) -> None:
        handler.expanded_scopes = set()
        try:
            await handler.get_current_user()  # JupyterHub asks again, and gets what was found
        except (DBAPIError, PendingRollbackError):
            raise
        except Exception:
            handler.log.exception("Failed to get current user")
        await prepare(handler)

    def handle_request_exception(handler: Any, error: BaseException) -> None:
        if not isinstance(error, DBAPIError | PendingRollbackError):
            handle(handler, error)
            return
        try:
            raise _away(handler)
        except web.HTTPError as away:  # Tornado shows what is being handled, whatever it is given
            handle(handler, away)

    BaseHandler.prepare = prepared
    BaseHandler._handle_request_exception = handle_request_exception


def roll_back(session: Any) -> None:
    """Begin anew after an error: until then JupyterHub's one session refuses everything."""
    try:
        session.rollback()
    except SQLAlchemyError as error:
        _log.error("the database: %s", error)


def _away(handler: Any) -> web.HTTPError:
    _log.error("%s %s: the hub's database doesn't answer", handler.request.method, handler.request.path)
    DATABASE_AWAY.inc()
    roll_back(handler.db)
    handler._jupyterhub_user = None  # the page of errors would ask the database for the name
    handler.expanded_scopes, handler.parsed_scopes = set(), {}
    return told(
        Refused(
            "database",
            da="Hubbens database svarer ikke lige nu. Intet er tabt: prøv igen om lidt, "
            "eller sig det til driften.",
            en="The hub's database doesn't answer just now. Nothing is lost: try again in a while, "
            "or tell the operator.",
            status=503,
        )
    )
