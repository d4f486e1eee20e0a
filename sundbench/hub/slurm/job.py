"""A server's job on a node: ``python -m sundbench.hub.slurm.job LETTER.json``, started by Slurm.

As `sundbench.hub.job`, under the permit's account, with the hub on another machine: what goes to the hub and
to the audit log, and what comes from the proxy, is TLS from here on, and both sides show certificates. The
server in its sandbox sees none of it, and no key.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import os
import signal
import ssl
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from sundbench.errors import HubError, SundbenchError
from sundbench.hub import job
from sundbench.hub.slurm.letter import PORT_PATH, Endpoint, Letter
from sundbench.hub.slurm.runtime import folder_on_the_node
from sundbench.hub.slurm.trust import require_own
from sundbench.hub.workspaces import layout
from sundbench.sandbox.listening import Serve
from sundbench.sandbox.relay import Reach, relaying
from sundbench.site import Site
from sundbench.slurm.jobs import end_by

log = logging.getLogger("sundbench.hub.slurm.job")

_PATIENCE = 120.0  # seconds that the hub may be away while a server starts
_WRITER_CONNECTIONS = 64
_CLOCK = 10.0  # seconds between looks at it


async def work(letter: Letter, runtime: Path) -> int:
    """Run the server as `sundbench.hub.job.work` does.

    Args:
        letter: what this job was told.
        runtime: its folder of sockets on this node.
    """
    given = letter.assignment
    site = Site(letter.home, "")  # governance is asked by the hub alone
    for folder in (given.scratch, given.outbox):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.prepare(site, given.permit, given.title, given.user)
    out = letter.identity.context(ssl.Purpose.SERVER_AUTH)
    incoming = letter.identity.context(ssl.Purpose.CLIENT_AUTH)

    async def listen(serve: Serve) -> asyncio.Server:
        server = await asyncio.start_server(serve, "0.0.0.0", 0, ssl=incoming)  # noqa: S104 - with certificates
        port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.to_thread(report, letter, out, port)
        except HubError as error:
            log.error("%s", error)  # noqa: TRY400 - a line, not a traceback
            signal.raise_signal(signal.SIGTERM)
        return server

    ways = job.Ways(hub=_reach(letter.hub, out), receiving=lambda visitors: job.receiving(visitors, listen))
    writer = runtime / "writer.sock"
    given = given.model_copy(update={"runtime": runtime, "audit_socket": writer})
    async with relaying(writer, _reach(letter.audit, out), connections=_WRITER_CONNECTIONS):
        ending = asyncio.create_task(_end_at(letter.until))
        try:
            return await job.work(given, ways)
        finally:
            ending.cancel()


async def _end_at(until: datetime) -> None:
    """Have this job end at a time, also where Slurm, which was told too, doesn't see to it."""
    while (left := (until - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(left, _CLOCK))  # the machine may sleep, and its clock be set
    log.warning("the permit's time is over")
    signal.raise_signal(signal.SIGTERM)


def report(letter: Letter, context: ssl.SSLContext, port: int) -> None:
    """Tell the hub at which port the server listens.

    Raises:
        HubError: the hub won't have it, or doesn't answer for long.
    """
    told = letter.assignment.environment
    path = urlsplit(told["JUPYTERHUB_API_URL"]).path.rstrip("/") + PORT_PATH
    until = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            hub = http.client.HTTPSConnection(letter.hub.host, letter.hub.port, context=context, timeout=10)
            headers = {"Authorization": f"token {told['JUPYTERHUB_API_TOKEN']}"}
            hub.request("POST", path, json.dumps({"port": port}), headers)
            status = hub.getresponse().status
            hub.close()
            if status < 300:
                return
            if status < 500:
                raise HubError(f"the hub knows nothing of this server any more (status {status})")
        if time.monotonic() > until:
            raise HubError(f"the hub at {letter.hub.host}:{letter.hub.port} doesn't answer")
        time.sleep(1)


def _reach(there: Endpoint, context: ssl.SSLContext) -> Reach:
    return lambda: asyncio.open_connection(there.host, there.port, ssl=context)


def main(arguments: list[str]) -> int:
    """Run a job; its folder on the node is gone when it ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s job %(process)d: %(message)s")
    os.umask(0o077)
    try:
        letter = Letter.take(Path(arguments[0]))
        require_own(letter, Path(arguments[0]))
        os.environ |= {name: str(folder) for name, folder in letter.content.items()}
        given = letter.assignment
        log.info("job of server %s of %s", given.permit, given.user)
        end_by(letter.until)
        with folder_on_the_node(given.runtime) as runtime:
            return asyncio.run(work(letter, runtime))
    except SundbenchError as error:
        log.error("%s", error)  # noqa: TRY400 - the operator's to mend, not a bug
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
