"""What the hub does for workspaces by itself: their end, when permits end, and a copy of each every day."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from datetime import date

from sundbench.errors import AuditError, ClusterError, HubError
from sundbench.governance.permits import Registered
from sundbench.hub.journal import Journal
from sundbench.hub.workspaces.backup import backup
from sundbench.hub.workspaces.fate import ACTIONS, due, ended, reachable
from sundbench.hub.workspaces.settings import WorkspaceSettings
from sundbench.site import Site

log = logging.getLogger(__name__)

HUB = "hub"
"""The actor of what nobody asked for."""
_DAY = 86_400.0


class Housekeeping:
    """Looks after the workspaces for as long as the hub runs.

    Args:
        site: the installation.
        settings: the operator's.
        journal: the audit log; what can't be recorded is left for the next look.
    """

    def __init__(self, site: Site, settings: WorkspaceSettings, journal: Journal) -> None:
        self._site = site
        self._settings = settings
        self._journal = journal
        self._copied = -_DAY
        self._copying: asyncio.Task[None] | None = None

    async def look(self, permits: Iterable[Registered], today: date, busy: Collection[str]) -> None:
        """Do what is due.

        Args:
            permits: every permit.
            today: Denmark's day.
            busy: permits with servers that run: their folders are left alone until these have stopped.
        """
        permits = [one for one in permits if reachable(self._site, one.permit.id)]
        steps = await asyncio.to_thread(due, self._site, permits, today, self._settings.keep_days)
        for step in steps:
            if step.permit in busy:
                continue
            try:
                await self._journal.record(
                    HUB, ACTIONS[step.what], step.permit, permit=step.permit, why=step.why
                )
                await asyncio.to_thread(step.take, self._site, today, self._settings.backup)
                log.warning("workspace %s: %s (%s)", step.permit, step.what, step.why)
            except (AuditError, ClusterError, HubError, OSError) as error:
                log.error("workspace %s waits (%s): %s", step.permit, step.what, error)  # noqa: TRY400 - a line
        if self._settings.backup and time.monotonic() - self._copied >= _DAY:
            self._copied = time.monotonic()
            self._copying = asyncio.create_task(asyncio.to_thread(self._copy, permits))

    def _copy(self, permits: list[Registered]) -> None:
        for one in permits:
            try:
                if self._settings.backup and not ended(self._site, one.permit.id):
                    backup(self._site, one.permit.id, self._settings.backup, self._settings.backups)
            except (ClusterError, HubError) as error:
                log.error("workspace not copied: %s", error)  # noqa: TRY400 - a line, not a traceback
