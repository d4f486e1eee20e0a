"""Keeps a workspace's versions for one member's server, from the job outside its sandbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

from sundbench.errors import HubError
from sundbench.hub.workspaces.history import History
from sundbench.hub.workspaces.layout import foreign

log = logging.getLogger(__name__)

SWEEP_EVERY = 300.0
"""Seconds between two looks for what no save told of."""
_SETTLED = 30.0


class Keeper:
    """Records in one member's name; one thing after the other, in a thread of its own.

    Args:
        history: the workspace's.
        user: whose server it is.
    """

    def __init__(self, history: History, user: str) -> None:
        self._history = history
        self._user = user
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="versions")

    def saved(self, paths: Iterable[str]) -> None:
        """Record what the member changed, soon."""
        self._worker.submit(self._quietly, "save", lambda: self._history.record(list(paths), self._user))

    def versions(self, path: str) -> list[dict[str, Any]]:
        """What was recorded of a file, newest first.

        Raises:
            HubError: it can't be asked for.
        """
        found = self._worker.submit(self._history.versions, path).result()
        return [
            {"id": one.id, "moment": one.moment.isoformat(), "by": one.by, "what": one.what[:80]}
            for one in found
        ]

    def restore(self, path: str, version: str) -> None:
        """Write a file as it was.

        Raises:
            HubError: no such version or file, or it is another member's.
        """
        if foreign(path, self._user):
            raise HubError(f"{path}: another member's own place: only they change it")
        self._worker.submit(self._history.restore, path, version, self._user).result()

    def _quietly(self, what: str, work: Any) -> None:  # noqa: ANN401 - a call
        """A failure to keep a version is the operator's; the file itself is saved."""
        try:
            work()
        except HubError as error:
            log.error("version not kept (%s): %s", what, error)  # noqa: TRY400 - a line, not a traceback
        except Exception:
            log.exception("version not kept (%s)", what)

    async def _sweep(self) -> None:
        while True:
            self._worker.submit(self._quietly, "sweep", lambda: self._history.sweep(_SETTLED))
            self._worker.submit(self._quietly, "tidy", self._history.tidy)
            await asyncio.sleep(SWEEP_EVERY)

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Sweep from time to time; when it ends, what was asked for is done and all is swept."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping
            self._worker.submit(self._quietly, "sweep", self._history.sweep)
            await asyncio.to_thread(self._worker.shutdown)
