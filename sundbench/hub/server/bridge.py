"""The server's two ways out of its sandbox, which has no network of the host's.

Inside, the server listens on its own loopback, and finds the hub there. A thread passes on what comes for it,
by a socket that its job made, and what it has for the hub, to a socket that its job passes on. It decides
nothing: where the ways lead is the job's.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

from sundbench.sandbox.relay import at, pass_on

HUB = Path("/run/sundbench/hub.sock")
"""Where the sandbox has the way to the hub."""
_LOOPBACK = "127.0.0.1"


def port(url: str) -> int:
    """The port of an address."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def open_ways(listener: int, own: int, hub: int) -> None:
    """Pass on from now on; the hub can be reached when this returns.

    Args:
        listener: descriptor of the socket to which visitors come. Nobody is let in before the server listens.
        own: the port on which the server will listen.
        hub: the port at which it looks for the hub.
    """
    ready = threading.Event()
    threading.Thread(
        target=lambda: asyncio.run(_serve(listener, own, hub, ready)), name="ways out", daemon=True
    ).start()
    ready.wait()


async def _serve(listener: int, own: int, hub: int, ready: threading.Event) -> None:
    async with await asyncio.start_server(lambda r, w: pass_on(r, w, at(HUB)), _LOOPBACK, hub):
        ready.set()
        await _until_listening(own)
        visitors = socket.socket(fileno=listener)
        async with await asyncio.start_unix_server(
            lambda r, w: pass_on(r, w, lambda: asyncio.open_connection(_LOOPBACK, own)), sock=visitors
        ) as server:
            await server.serve_forever()


async def _until_listening(own: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(_LOOPBACK, own)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
