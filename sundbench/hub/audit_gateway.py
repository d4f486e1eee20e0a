"""The way into the audit log for jobs on other machines: ``python -m sundbench.hub.audit_gateway``.

It stands on the hub's machine. A job shows the certificate of its start, and what it sends is passed on to
the writer's socket, line by line, if it is a record of its own: the writer then knows by the start's secret
whose it is. What only the hub may ask of the writer can't come this way, whatever secret it shows. A job has
few connections and a pace; with the writer down it is hung up on, and so may do nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import ssl
import sys
from collections import Counter, OrderedDict
from pathlib import Path

from certipy import Certipy, CertNotFoundError  # type: ignore[import-untyped]

from sundbench.errors import SundbenchError
from sundbench.governance.audit import places
from sundbench.governance.audit.messages import MESSAGE_BYTES
from sundbench.hub.proxy import tls
from sundbench.hub.settings import read
from sundbench.sandbox.pace import Pace
from sundbench.sandbox.relay import BURST, RATE
from sundbench.site import Site

_log = logging.getLogger("sundbench.hub.audit_gateway")

CONNECTIONS = 16
"""At once, with one certificate: those of a server, its broker, and of the start before it, for a moment."""
_ALL = 384  # fewer than the writer takes: the hub itself must always find room
_SECONDS = 10.0  # for the handshake, for the first line to come, and for any line to end
_PACES = 2000
_CLAIMS = {"actor", "permit", "extract"}


def certificates(site: Site) -> Path:
    """Where JupyterHub keeps the authorities and certificates of the inner connections."""
    return site.hub / "certificates"


def context(site: Site) -> ssl.SSLContext | None:
    """TLS with the hub's own certificate, for jobs' certificates alone; None before the hub has made them."""
    store = Certipy(store_dir=str(certificates(site))).store
    try:
        own, jobs = store.get_record("hub-internal")["files"], store.get_record("notebooks-ca")["files"]
    except CertNotFoundError:
        return None
    return tls.demanding(tls.Pair(Path(own["key"]), Path(own["cert"])), Path(jobs["cert"]))


class Gateway:
    """Passes on what jobs record.

    Args:
        writer: the socket of the audit log's writer.
    """

    def __init__(self, writer: Path) -> None:
        self._writer = writer
        self._open: Counter[str] = Counter()
        self._paces: OrderedDict[str, Pace] = OrderedDict()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, and close it."""
        who = _name(writer)
        if self._open[who] >= CONNECTIONS or self._open.total() >= _ALL:
            _log.warning("%s has too many connections, or all have", who)
            writer.close()
            return
        self._open[who] += 1
        try:
            await self._pass_on(who, reader, writer)
        except (OSError, EOFError, TimeoutError) as error:
            _log.info("%s: %s", who, type(error).__name__)
        finally:
            self._open[who] -= 1
            writer.close()

    async def _pass_on(self, who: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._writer)
        asks = asyncio.create_task(self._questions(who, reader, back))
        answers = asyncio.create_task(_answers(there, writer))
        try:
            # Whoever ends first ends both: a question without its answer is as good as none.
            done, _ = await asyncio.wait((asks, answers), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            asks.cancel()
            answers.cancel()
            await asyncio.gather(asks, answers, return_exceptions=True)
            back.close()

    async def _questions(self, who: str, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        pace = self._pace(who)
        async with asyncio.timeout(_SECONDS):
            first = await reader.readexactly(1)
        while first:
            async with asyncio.timeout(_SECONDS):
                line = first if first == b"\n" else first + await _rest(reader)
            if not is_record(line):
                _log.warning("%s sent what is no record of its own", who)
                return
            await pace.take(len(line))
            back.write(line)
            await back.drain()
            first = await reader.read(1)

    def _pace(self, who: str) -> Pace:
        pace = self._paces.pop(who, None) or Pace(BURST, RATE)
        self._paces[who] = pace
        if len(self._paces) > _PACES:
            self._paces.popitem(last=False)
        return pace


def is_record(line: bytes) -> bool:
    """Whether a line is one with which somebody records in their own name."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("do") == "record" and not _CLAIMS & message.keys()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except (asyncio.LimitOverrunError, ValueError):
        raise EOFError("a line that is too long") from None


async def _answers(there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await there.read(65536):
        writer.write(piece)
        async with asyncio.timeout(_SECONDS):  # who doesn't read is hung up on
            await writer.drain()


def _name(writer: asyncio.StreamWriter) -> str:
    """The name in the certificate that was shown; TLS has checked that there is one."""
    certificate = writer.get_extra_info("peercert") or {}
    parts = dict(pair for part in certificate.get("subject", ()) for pair in part)
    return str(parts.get("commonName", ""))


async def run(site: Site, address: str, port: int) -> None:
    """Serve until asked to end."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    while (front := context(site)) is None:  # before its first start the hub has no certificates
        await asyncio.sleep(0.5)
    gateway = Gateway(places.socket_path(site))
    async with await asyncio.start_server(
        gateway.serve, address, port, ssl=front, ssl_handshake_timeout=_SECONDS, limit=MESSAGE_BYTES
    ):
        _log.info("jobs may record at %s:%s", address, port)
        await ending.wait()


def main() -> int:
    """Serve this installation's log."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s audit gateway: %(message)s")
    site = Site.from_environment()
    try:
        port = read(site).slurm.audit_port
        asyncio.run(run(site, "0.0.0.0", port))  # noqa: S104 - for the nodes, who show certificates
    except (SundbenchError, OSError) as error:
        _log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
