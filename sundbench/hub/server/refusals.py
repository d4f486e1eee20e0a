"""What was refused is recorded, but a refusal stands whether it could be recorded or not."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sundbench.errors import AuditError
from sundbench.governance.audit.actions import Action
from sundbench.governance.audit.async_client import AsyncClient

_pending: set[asyncio.Task[None]] = set()
_log = logging.getLogger("sundbench.server")


def note(settings: dict[str, Any], action: Action, thing: str, /, **detail: object) -> None:
    """Have a refusal recorded, without waiting for it.

    Args:
        settings: of the web application; ``sundbench_audit`` is the writer's client.
        action: what was refused.
        thing: what it would have been done to.
        detail: why, and what else should be known.
    """
    _log.warning("refused: %s %s %s", action, thing, detail)
    task = asyncio.get_running_loop().create_task(
        _record(settings["sundbench_audit"], action, thing[:500], detail)
    )
    _pending.add(task)  # an event loop keeps no task alive that nobody else does
    task.add_done_callback(_pending.discard)


async def _record(audit: AsyncClient, action: Action, thing: str, detail: dict[str, object]) -> None:
    try:
        await audit.record(action, thing, **detail)
    except AuditError as error:
        _log.error("not recorded: %s %s: %s", action, thing, error)
