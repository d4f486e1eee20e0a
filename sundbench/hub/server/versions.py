"""Earlier versions of the workspace's files: told to and asked of the broker, which keeps them outside."""

from __future__ import annotations

import asyncio
import json
import logging

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from sundbench.errors import HubError
from sundbench.hub.provisioner import ask, broker_socket

ADDRESS = r"/sundbench/versions"

_pending: set[asyncio.Task[None]] = set()
_log = logging.getLogger("sundbench.server")


def changed(*paths: str) -> None:
    """Have what the user changed kept, without waiting for it: a sweep finds what is missed."""
    task = asyncio.get_running_loop().create_task(_tell(paths))
    _pending.add(task)  # an event loop keeps no task alive that nobody else does
    task.add_done_callback(_pending.discard)


async def _tell(paths: tuple[str, ...]) -> None:
    try:
        await ask(broker_socket(), do="save", paths=paths)
    except HubError as error:
        _log.warning("version not kept yet: %s", error)


class VersionsHandler(APIHandler):
    """``GET sundbench/versions?path=...`` lists a file's versions, ``POST`` writes the file as it was."""

    auth_resource = "contents"

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer in JSON, newest first."""
        self.finish(await self._ask("versions", path=self.get_query_argument("path")))

    @authenticated
    @authorized
    async def post(self) -> None:
        """Restore: ``{"path": ..., "version": ...}``."""
        asked = self.get_json_body() or {}
        self.finish(
            await self._ask("restore", path=str(asked.get("path")), version=str(asked.get("version")))
        )

    async def _ask(self, what: str, **request: str) -> str:
        try:
            return json.dumps(await ask(broker_socket(), do=what, **request))
        except HubError as error:
            raise HTTPError(400, str(error), reason="No such version") from error
