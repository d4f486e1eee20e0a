"""Who may read dashboards: as the hub says, by the scope that policymakers have."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

from typing import Any

from jupyterhub.services.auth import HubOAuth
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider
from jupyterhub.utils import url_path_join
from traitlets import default

_REMEMBERED = 5
"""Seconds for which the hub's answer about someone holds; the hub itself asks governance every ten."""


class ReaderIdentity(JupyterHubIdentityProvider):  # type: ignore[misc]
    """JupyterHub's identity below the service's own address, for cookies of the log-in alone."""

    @default("hub_auth")
    def _default_hub_auth(self) -> HubOAuth:
        return HubOAuth(parent=self, cache_max_age=_REMEMBERED, allow_token_in_url=False)

    async def get_user(self, handler: Any) -> Any:
        """Who asks; None for whoever may not read, who is noted as turned away."""
        user = await super().get_user(handler)
        if user is None and not hasattr(handler, "turned_away"):
            known = await self.hub_auth.get_user(handler, sync=False)
            handler.turned_away = known["name"] if known else None
        return user

    def get_handlers(self) -> list[tuple[Any, ...]]:
        """Log-in and log-out; JupyterHub's own list has them at the root, where nobody would reach them."""
        prefix = self.hub_auth.base_url
        return [(url_path_join(prefix, path), *rest) for path, *rest in super().get_handlers()]
