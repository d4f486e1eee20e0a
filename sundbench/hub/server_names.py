"""Names of servers on a cluster's nodes: each start has one of its own, for which alone its certificate is.

A certificate for a node's address would be as good for any other server there: whoever gets hold of one job's
key could listen in the place of another that has ended, and be given its visitors. So the hub and its proxy
know a server by a name in which the node's address stands too, and which no name server is asked for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import socket
from typing import Any, Final

from tornado.netutil import DefaultLoopResolver, Resolver

_DOMAIN: Final = "servers.sundbench.internal"
_WHOLE = re.compile(rf"([0-9a-f]{{8}}|[0-9a-f]{{32}})\.[0-9a-f]{{16}}\.{re.escape(_DOMAIN)}")


def new() -> str:
    """A name for one start."""
    return f"{secrets.token_hex(8)}.{_DOMAIN}"


def certified(server: str) -> str:
    """What the certificate of a start is for: its name at whatever node it comes to."""
    return f"*.{server}"


def at(server: str, address: str) -> str:
    """The name of a start at its node's address."""
    return f"{ipaddress.ip_address(address).packed.hex()}.{server}"


def address_in(host: str) -> str:
    """The address that stands in a server's name; every other host as it is."""
    found = _WHOLE.fullmatch(host)
    return str(ipaddress.ip_address(bytes.fromhex(found[1]))) if found else host


def known_to_tornado() -> None:
    """Have this process's Tornado find servers by their names."""
    Resolver.configure(_ForTornado)


class ForAiohttp:
    """Finds servers by their names for aiohttp; as its ``AbstractResolver``."""

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[dict[str, Any]]:
        """Where a host is reached."""
        found = await asyncio.get_running_loop().getaddrinfo(
            address_in(host), port, type=socket.SOCK_STREAM, family=family
        )
        return [
            {"hostname": host, "host": there[0], "port": port, "family": kind, "proto": proto, "flags": 0}
            for kind, _, proto, _, there in found
        ]

    async def close(self) -> None:
        """Nothing is held open."""


class _ForTornado(DefaultLoopResolver):
    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        return await super().resolve(address_in(host), port, family)
