"""What the page is told beside Jupyter's own: whose data this is, and why a kernel ended."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from sundbench.hub.server.kernels import ending
from sundbench.hub.server.settings import Settings
from sundbench.hub.workspaces.space import space

ADDRESS = r"/sundbench/state"


class StateHandler(APIHandler):
    """``GET sundbench/state``: project, title, space, and each kernel with its name and why it ended."""

    auth_resource = "api"
    _track_activity = False

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer in JSON."""
        settings: Settings = self.settings["sundbench"]
        kernels = {
            kernel: self.kernel_manager.get_kernel(kernel) for kernel in self.kernel_manager.list_kernel_ids()
        }
        held = await asyncio.to_thread(
            space, settings.notebooks, settings.rules.quota, settings.rules.warn_at
        )
        self.finish(
            {
                "project": settings.project,
                "title": settings.title.model_dump(),
                "space": {"used": held.used, "quota": held.quota, "near": held.near},
                "kernels": {
                    name: {
                        "kernel": kernel.kernel_name,
                        "ending": ending(kernel) or getattr(kernel, "reason", ""),
                    }
                    for name, kernel in kernels.items()
                },
            }
        )
