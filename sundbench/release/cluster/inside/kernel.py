"""The run's kernel over several nodes: an extension of IPython that starts Dask's scheduler.

``Study.collect(db)`` finds the client that it leaves, and spreads its work over the run's workers.
"""

from __future__ import annotations

from typing import Any

import dask

from sundbench.release.cluster.inside.ways import PORT, address, open_ways

_held: list[Any] = []  # the cluster and its client live as long as the kernel


def load_ipython_extension(shell: object) -> None:
    """Start the scheduler, and make a client of it everybody's default. IPython calls this by its name."""
    from distributed import Client, LocalCluster

    own = open_ways()
    dask.config.set(
        {
            # Relays are between members: a connection is there before who takes it is.
            "distributed.comm.timeouts.connect": "60s",
            "distributed.scheduler.worker-ttl": "60s",
        }
    )
    cluster = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=0, host=address(own), scheduler_port=PORT, protocol="tcp", dashboard_address=None
    )
    _held.extend([cluster, Client(cluster)])  # type: ignore[no-untyped-call]
