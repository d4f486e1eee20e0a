"""A worker of a run, in its sandbox: ``python -m sundbench.release.cluster.inside.worker``."""

from __future__ import annotations

import asyncio
import os

import dask

from sundbench.release.cluster.inside.ways import PORT, address, open_ways

_GIVE_UP = "60s"  # without a scheduler


async def work() -> None:
    """Work until the scheduler ends, or is reached no more."""
    from distributed import Worker

    own = open_ways()
    memory = int(os.environ["SUNDBENCH_MEMORY"])
    async with Worker(
        f"tcp://{address(0)}:{PORT}",
        host=address(own),
        port=PORT,
        nthreads=max(1, round(float(os.environ["SUNDBENCH_CORES"]))),
        memory_limit=memory - memory // 8,
        local_directory="/work",
        dashboard=False,
        death_timeout=_GIVE_UP,
    ) as worker:
        await worker.finished()


if __name__ == "__main__":
    dask.config.set({"distributed.comm.timeouts.connect": _GIVE_UP})
    asyncio.run(work())
