"""Who a request comes from: as JupyterHub says; the page gets no token."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider, JupyterHubUser
from jupyterhub.utils import url_path_join
from tornado.web import HTTPError

from sundbench.governance.audit.actions import Action
from sundbench.hub.server.refusals import note
from sundbench.hub.server.settings import Settings


class ProjectIdentity(JupyterHubIdentityProvider):  # type: ignore[misc]
    """JupyterHub's identity, without the token that it would put into the page.

    A script in a cell's output reads the page. Requests from it are those of the user either way, but a token
    can be carried elsewhere; the cookie that JupyterLab uses without one is out of a script's reach.
    """

    async def get_user(self, handler: JupyterHandler) -> JupyterHubUser | None:
        """Who asks, if it is the server's owner; an administrator's scopes open no project either.

        Raises:
            HTTPError: 403 it is somebody else.
        """
        user: JupyterHubUser | None = await super().get_user(handler)
        settings: Settings = handler.settings["sundbench"]
        if user is not None and user.username != settings.user:
            handler._jupyterhub_user = None  # type: ignore[attr-defined]
            handler.current_user = None
            note(
                handler.settings,
                Action.SERVER_REQUEST_REFUSED,
                f"{handler.request.method} {handler.request.path}",
                reason="another's server",
                by=user.username,
            )
            raise HTTPError(403, reason="This server is another user's")
        return user

    def page_config_hook(self, handler: JupyterHandler, page_config: dict[str, Any]) -> dict[str, Any]:
        """Tell the page about the hub and the project."""
        config: dict[str, Any] = super().page_config_hook(handler, page_config)
        settings: Settings = handler.settings["sundbench"]
        config["token"] = ""
        config["shareUrl"] = ""
        config["fullMathjaxUrl"] = ""  # JupyterLab has a MathJax of its own; this would be a public address
        config["sundbench"] = {
            "project": settings.project,
            "title": settings.title.model_dump(),
            "user": settings.user,
            "projects_url": self.hub_auth.hub_host + url_path_join(self.hub_auth.hub_prefix, "home"),
        }
        return config
