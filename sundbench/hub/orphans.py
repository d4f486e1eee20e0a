"""Processes of servers that no hub knows of any more, and what starts left that were broken off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sundbench.errors import AuditError
from sundbench.governance.audit import places
from sundbench.governance.audit.actions import Action
from sundbench.hub import folders
from sundbench.hub.deployment import Deployment
from sundbench.hub.supervisor import table
from sundbench.hub.supervisor.table import Process

_log = logging.getLogger(__name__)


async def end_orphans(hub: Deployment, kept: Callable[[], list[tuple[Process | None, str]]]) -> None:
    """End jobs that no spawner knows, and remove their folders: their hub was killed too early.

    Args:
        hub: the deployment.
        kept: the process and the folder of sockets of every spawner, when it is called.
    """
    running = await asyncio.to_thread(table.jobs, hub.site)
    left = folders.all_sockets(hub.site)
    # Asked for afterwards: a job that starts meanwhile is no orphan.
    known = kept()
    orphans = [one for one in running if one not in {process for process, _ in known}]
    if orphans:
        _log.warning("ending %d servers that no hub knows of", len(orphans))
        await asyncio.to_thread(table.end, orphans, 10)
        for one in orphans:
            what = f"process {one.pid}"  # whose it was, its own records say: the hub has lost it
            hub.journal.note("hub", Action.SERVER_STOP, what, why="no hub knew of it any more")
    for name in left - {folder for _, folder in known}:
        await _clear(hub, name)


async def _clear(hub: Deployment, name: str) -> None:
    """Undo a start that was recorded, and broken off before there was a job to take its assignment."""
    given = folders.untaken(hub.site, name)
    folders.remove_sockets(hub.site, name)
    if given is None:
        return
    hub.journal.note(
        given.user,
        Action.SERVER_STOP,
        f"{given.user}:{given.permit}",
        permit=given.permit,
        extract=given.extract.digest if given.extract else None,
        why="its start was broken off with the hub",
    )
    try:
        await hub.journal.forget(places.digest(given.audit_secret))
    except AuditError as error:
        _log.error("the audit's writer still knows the secret of a server that never was: %s", error)
