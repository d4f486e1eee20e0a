"""Where a job tells the hub at which port its server listens.

In the place of batchspawner's address, at which whoever holds a server's token sets any attribute of its
spawner: the command and the account of the next start among them.
"""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

from typing import Any

from batchspawner.api import BatchSpawnerAPIHandler
from jupyterhub import apihandlers
from jupyterhub.apihandlers import APIHandler
from tornado import web

_UNPRIVILEGED, _LARGEST = 1024, 65535


def take_away_batchspawners() -> None:
    """Take batchspawner's address away, which its import brings along."""
    handlers = apihandlers.default_handlers
    handlers[:] = [one for one in handlers if one[1] is not BatchSpawnerAPIHandler]


class PortHandler(APIHandler):  # type: ignore[misc]  # JupyterHub has no types
    """Takes one number, from the job of a server that is starting."""

    async def post(self) -> None:
        """Take it."""
        spawner = self._whose()
        if spawner is None:
            raise web.HTTPError(403, "No server that is starting has this token")
        told = self.get_json_body()
        port = told.get("port") if isinstance(told, dict) and told.keys() == {"port"} else None
        if type(port) is not int or not _UNPRIVILEGED <= port <= _LARGEST:
            raise web.HTTPError(400, "Tell a port, and nothing else")
        if not spawner.listens_at(port):
            raise web.HTTPError(403, "This server has told its port already")
        self.set_status(204)
        self.finish()

    def _whose(self) -> Any:
        """The spawner whose server is starting with the request's token."""
        token, user = self.get_auth_token(), self.current_user
        for spawner in getattr(user, "spawners", {}).values():
            # "check": it was starting when the hub before was killed.
            if token and spawner.pending in {"spawn", "check"} and spawner.is_told_with(token):
                return spawner
        return None
