"""A member's ways out of its sandbox, which has no network.

Every member has an address of the loopback, the same in all sandboxes of the run. A thread passes on what is
sent to another's, to the socket that leads there, and lets in what comes for the member itself. Where the
sockets lead is the job's, outside.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path

from sundbench.sandbox.relay import at, pass_on

SOCKETS = Path("/run/net")
"""Where the sandbox has its sockets."""
PORT = 8786
"""At which members listen."""
MEMBER, MEMBERS, LISTENER = "SUNDBENCH_MEMBER", "SUNDBENCH_MEMBERS", "SUNDBENCH_LISTENER"
"""What the environment says: which member this is, of how many, and its socket's descriptor."""


def address(member: int) -> str:
    """A member's address in the run's sandboxes."""
    return f"127.0.1.{member}"


def open_ways() -> int:
    """Pass on from now on; the others can be reached when this returns.

    Returns:
        Which member this is.
    """
    own, members, listener = (int(os.environ[variable]) for variable in (MEMBER, MEMBERS, LISTENER))
    ready = threading.Event()
    threading.Thread(
        target=lambda: asyncio.run(_serve(own, members, listener, ready)), name="ways out", daemon=True
    ).start()
    ready.wait()
    return own


async def _serve(own: int, members: int, listener: int, ready: threading.Event) -> None:
    for other in range(members):
        if other != own:
            reach = at(SOCKETS / str(other))
            await asyncio.start_server(lambda r, w, to=reach: pass_on(r, w, to), address(other), PORT)  # type: ignore[misc]
    ready.set()
    visitors = socket.socket(fileno=listener)
    async with await asyncio.start_unix_server(
        lambda r, w: pass_on(r, w, lambda: asyncio.open_connection(address(own), PORT)), sock=visitors
    ) as server:
        await server.serve_forever()
