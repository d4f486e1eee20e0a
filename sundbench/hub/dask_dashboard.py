"""Loaded by every Dask scheduler in a kernel: its dashboard listens on a socket that the server can reach.

A kernel has no network, so the dashboard's own port is seen by the kernel alone.
"""

from __future__ import annotations

from typing import Any

from tornado.netutil import bind_unix_socket

from sundbench.hub.inside import DASHBOARD


def dask_setup(scheduler: Any) -> None:  # noqa: ANN401 - distributed is untyped
    """Let the newest cluster of a kernel answer on the kernel's dashboard socket.

    Dask calls it by this name (``distributed.scheduler.preload``).
    """
    scheduler.http_server.add_socket(bind_unix_socket(DASHBOARD, 0o600))
