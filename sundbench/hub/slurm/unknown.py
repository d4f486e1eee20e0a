"""Jobs that no hub knows of: theirs was killed after it had begun them, and had not written that down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from sundbench.errors import ClusterError
from sundbench.governance.audit.actions import Action
from sundbench.hub.deployment import Deployment
from sundbench.hub.slurm.queue import Queue, of_the_site
from sundbench.slurm import gate


async def end_unknown(hub: Deployment, queue: Queue, spawners: Callable[[], Iterable[Any]]) -> None:
    """End the jobs of this installation's accounts that no spawner knows.

    Args:
        hub: the deployment.
        queue: Slurm's.
        spawners: all of the hub's, when it is called.

    Raises:
        ClusterError: Slurm doesn't say which there are, or one of them can't be ended.
    """
    left = of_the_site(hub.site, await queue.jobs())
    known = {int(one.job_id) for one in spawners() if one.job_id}
    # A job that is just being begun isn't written down yet.
    starting = {one.name for one in spawners() if one.pending == "spawn" and not one.job_id}
    failed = None
    for job in left.keys() - known:
        if left[job] in starting:
            continue
        try:
            await asyncio.to_thread(gate.end, hub.site, gate.End(permit=left[job], job=job))
        except ClusterError as error:
            failed = error  # which is no reason to let the others go on
            continue
        hub.journal.note(
            "hub", Action.SERVER_STOP, f"job {job}", permit=left[job], why="no hub knew of it any more"
        )
    if failed is not None:
        raise failed
