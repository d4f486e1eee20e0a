"""The limits of sandboxes that follow from an operator's settings."""

from __future__ import annotations

from sundbench.hub.settings import Settings
from sundbench.sandbox.policy import Limits


def of_server(chosen: Settings) -> Limits:
    """What a project's server may use."""
    server = chosen.server
    # Notebooks, whose size the server itself limits, and its own state.
    largest = max(8 * server.upload_size, 64 * 2**20)
    return Limits(
        memory=server.memory,
        cores=1,
        processes=server.processes,
        file_size=largest,
        # The server itself refuses what goes over the quota; while it writes, the old file is still there.
        disk=chosen.workspace.quota + largest,
        tmp=64 * 2**20,
    )


def of_kernel(chosen: Settings) -> Limits:
    """What each of its kernels may use."""
    kernel = chosen.kernel
    return Limits(
        memory=kernel.memory,
        cores=kernel.cores,
        processes=kernel.processes,
        cpu_seconds=kernel.cpu_seconds or None,
        file_size=kernel.file_size,
        disk=kernel.disk,
        tmp=kernel.tmp,
    )
