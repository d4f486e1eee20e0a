"""The proxy's TLS: towards browsers, the hub that changes routes, and what requests are passed on to.

Only the authorities that are named are believed: no public one can make a certificate that opens a port here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

_LOOK = 60.0
"""Seconds between looks at whether a certificate was renewed."""


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, as files.

    Attributes:
        key: file.
        certificate: file, with the certificates that lead to the authority.
    """

    key: Path
    certificate: Path


def for_browsers(own: Pair) -> ssl.SSLContext:
    """To be asked by whoever has a browser."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    return context


def demanding(own: Pair, authorities: Path) -> ssl.SSLContext:
    """To be asked only by those whose certificate one of the authorities has signed."""
    context = for_browsers(own)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authorities)
    return context


def asking(own: Pair, authorities: Path) -> ssl.SSLContext:
    """To ask those whose certificate, for the name that is asked, one of the authorities has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(own.certificate, own.key)
    context.load_verify_locations(authorities)
    return context


async def keep_fresh(context: ssl.SSLContext, own: Pair, seconds: float = _LOOK) -> None:
    """Show a renewed certificate to those who come after it was put in place; for ever."""
    shown = _age(own)
    while True:
        await asyncio.sleep(seconds)
        if (there := _age(own)) == shown:
            continue
        try:
            context.load_cert_chain(own.certificate, own.key)
        except (OSError, ssl.SSLError) as error:  # half of the pair, perhaps: the next look sees both
            _log.error("the new certificate can't be used, the old one is shown: %s", error)
        else:
            shown = there
            _log.info("a new certificate is shown from now on")


def _age(own: Pair) -> tuple[float, ...]:
    try:
        return tuple(file.stat().st_mtime for file in (own.certificate, own.key))
    except OSError:
        return ()
