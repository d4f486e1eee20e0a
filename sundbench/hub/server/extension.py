"""The server as Jupyter starts it: JupyterHub's single-user app, configured and then closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser.extension import JupyterHubSingleUser

from sundbench.governance.audit.async_client import AsyncClient
from sundbench.hub.server import dashboard, packages, state, versions
from sundbench.hub.server.configuration import configuration
from sundbench.hub.server.identity import ProjectIdentity
from sundbench.hub.server.requests import make_plain
from sundbench.hub.server.routes import RefusedHandler, close
from sundbench.hub.server.settings import Settings


class ProjectServer(JupyterHubSingleUser):  # type: ignore[misc]
    """JupyterHub's single-user app with a project's identity and addresses.

    It loads JupyterLab and nothing else: what happens to be installed beside it is not asked.
    """

    load_other_extensions = False
    serverapp_config = {"jpserver_extensions": {"jupyterlab": True}}  # noqa: RUF012 - Jupyter's own form

    @classmethod
    def get_extension_package(cls) -> str:
        """Where Jupyter finds the extension."""
        return "sundbench.hub.server.extension"

    def load_config_file(self) -> None:
        """JupyterHub's configuration, then this project's."""
        super().load_config_file()
        self.config.ServerApp.identity_provider_class = ProjectIdentity
        self.config.ServerApp.default_url = "/lab"
        self.serverapp.update_config(self.config)

    def initialize_handlers(self) -> None:
        """This package's own addresses."""
        self.handlers.extend(
            [
                (dashboard.ADDRESS, dashboard.DaskHandler),
                (packages.ADDRESS, packages.PackagesHandler),
                (state.ADDRESS, state.StateHandler),
                (versions.ADDRESS, versions.VersionsHandler),
                (r"/files/.*", RefusedHandler),  # Jupyter has none without downloads; who asks is recorded
            ]
        )


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "sundbench.hub.server.extension", "app": ProjectServer}]


def prepared(settings: Settings, private: Path) -> ServerApp:
    """The server, ready to start.

    Args:
        settings: what it was told.
        private: folder for what Jupyter writes for itself.
    """
    for name in ("runtime", "data", "settings", "workspaces"):
        (private / name).mkdir(exist_ok=True)
    app: ServerApp = ProjectServer.initialize_server(argv=[], config=configuration(settings, private))
    app.web_app.settings["sundbench_audit"] = AsyncClient(settings.audit_socket, settings.audit_secret)
    for unknown in close(app.web_app):
        app.log.error("closed, since nobody has judged it: %s", unknown)
    make_plain(app.web_app)
    return app


def launch(settings: Settings, private: Path) -> None:
    """Run the server until it is stopped."""
    prepared(settings, private).start()
