"""Which packages kernels have, and how a member asks for another: an entry in the audit log."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.hub.workspaces.packages import packages

ADDRESS = r"/sundbench/packages"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST = 500


class PackagesHandler(APIHandler):
    """``GET sundbench/packages`` lists them, ``POST`` asks the operator for one."""

    auth_resource = "kernels"

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer in JSON."""
        found = await asyncio.to_thread(packages)
        self.finish({"packages": [asdict(one) for one in found]})

    @authenticated
    @authorized
    async def post(self) -> None:
        """Ask: ``{"language": "Python" or "R", "name": ..., "why": ...}``."""
        asked: dict[str, Any] = self.get_json_body() or {}
        language, name, why = (str(asked.get(key) or "").strip() for key in ("language", "name", "why"))
        if language not in {"Python", "R"} or not _NAME.fullmatch(name) or not why:
            raise HTTPError(400, reason="Give a language, a package's name, and what you need it for")
        try:
            await self.settings["sundbench_audit"].record(
                Action.PACKAGE_REQUEST, name, language=language, why=why[:_LONGEST]
            )
        except AuditError as error:
            raise HTTPError(503, reason="The request can't be recorded now: try again later") from error
        self.set_status(201)
        self.finish({})
