"""A start that was granted, and what its job is told."""

# ruff: noqa: ANN401 - JupyterHub's objects have no types
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyterhub.utils import url_path_join

from sundbench.governance.audit import places
from sundbench.governance.permits import Registered
from sundbench.hub import folders, limits, r
from sundbench.hub.assignment import Assignment
from sundbench.hub.deployment import Deployment
from sundbench.hub.server.settings import Rules
from sundbench.hub.workspaces.history import history


@dataclass(frozen=True)
class Start:
    """A start that was granted and recorded.

    Attributes:
        registered: the permit, as governance has it now.
        data: what the kernels will read.
        secret: what the server will show the audit's writer.
    """

    registered: Registered
    data: folders.Data
    secret: str


def assignment(
    spawner: Any,
    hub: Deployment,
    start: Start,
    *,
    workspace: Path,
    scratch: Path,
    outbox: Path,
    runtime: Path,
    port: int,
) -> Assignment:
    """What the job must know.

    Args:
        spawner: whose server it is.
        hub: its deployment.
        start: that was granted.
        workspace: the notebooks that the project's members share.
        scratch: the member's own folder for what kernels write.
        outbox: the member's own folder for what kernels would like to let out.
        runtime: short folder of this server's own, for its sockets.
        port: where the server listens.
    """
    site, chosen = hub.site, hub.settings
    return Assignment(
        user=spawner.user.name,
        permit=spawner.name,
        title=start.registered.permit.title,
        extract=start.data.extract,
        synthetic=start.data.synthetic,
        workspace=workspace,
        history=history(site, spawner.name).folder,
        scratch=scratch,
        outbox=outbox,
        runtime=runtime,
        audit_socket=places.socket_path(site),
        audit_secret=start.secret,
        environment=spawner.environment_of_server(),
        address=url_path_join(spawner.user.host or chosen.hub.url, spawner.server.base_url),
        port=port,
        server=limits.of_server(chosen),
        kernel=limits.of_kernel(chosen),
        kernels=chosen.kernel.per_server,
        r=r.offered(chosen),
        rules=Rules.of(chosen),
    )
