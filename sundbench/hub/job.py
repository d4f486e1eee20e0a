"""The job of one project server: ``python -m sundbench.hub.job ASSIGNMENT.json``.

It stands outside any sandbox, in a session of its own, so that it outlives the hub. It holds the broker, and
starts the server in its sandbox (`sundbench.hub.sandboxed_server`). Kernels end with the server, the server
ends with the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sundbench.errors import SundbenchError
from sundbench.governance.audit.client import Client
from sundbench.hub import kernelspecs, sandboxed_server
from sundbench.hub.assignment import Assignment
from sundbench.hub.broker.broker import Broker
from sundbench.hub.broker.offers import offers
from sundbench.hub.broker.service import serving
from sundbench.hub.server.bridge import port
from sundbench.hub.workspaces.history import History
from sundbench.hub.workspaces.keeper import Keeper
from sundbench.release import content
from sundbench.sandbox.listening import Serve
from sundbench.sandbox.pace import Pace
from sundbench.sandbox.relay import BURST, RATE, Reach, at, pass_on, relaying
from sundbench.sandbox.sandboxed import Sandboxed

log = logging.getLogger("sundbench.hub.job")

GRACE = 10.0
"""Seconds that the server has for a tidy end."""

_LOOK = 0.2
_HUB_CONNECTIONS = 32  # at once; Jupyter's client has 10


Receiving = Callable[[Path], AbstractAsyncContextManager[None]]
"""Lets visitors in to the server whose socket it is given, from when that takes them."""


Listen = Callable[[Serve], Awaitable[asyncio.Server]]
"""Listens for visitors, each of whom is served."""


@dataclass(frozen=True)
class Ways:
    """How a job reaches what is outside it, and is reached.

    Attributes:
        hub: opens a connection to the hub.
        receiving: lets visitors in.
    """

    hub: Reach
    receiving: Receiving


def on_this_machine(assignment: Assignment) -> Ways:
    """The ways of a job beside the hub: this machine's own loopback, without TLS."""
    address = urlsplit(assignment.environment.get("JUPYTERHUB_API_URL", ""))
    return Ways(
        hub=lambda: asyncio.open_connection(address.hostname, port(address.geturl())),
        receiving=lambda visitors: receiving(
            visitors, lambda serve: asyncio.start_server(serve, "127.0.0.1", assignment.port)
        ),
    )


async def work(assignment: Assignment, ways: Ways) -> int:
    """Run the server until it ends or the job is asked to end.

    Args:
        assignment: what it was started with.
        ways: out of it and into it.

    Returns:
        The server's exit code; 0 where the job was asked to end.

    Raises:
        SundbenchError: a policy, a kernelspec or a sandbox is not as it must be.
    """
    kernels, lab = content.kernels(), content.hub_config() / "lab"
    may = offers(assignment, kernels)
    sockets = assignment.runtime / "k"
    sockets.mkdir(mode=0o755)  # below a folder that its owner alone may enter; the server's account reads it
    specs = kernelspecs.write(assignment.runtime / "jupyter" / "kernels", may, assignment)
    recorder = Client(assignment.audit_socket, assignment.audit_secret)
    keeper = (
        Keeper(History(assignment.history, assignment.workspace), assignment.user)
        if assignment.history
        else None
    )
    broker = Broker(
        may,
        limits=assignment.kernel,
        sockets=sockets,
        most=assignment.kernels,
        recorder=recorder,
        keeper=keeper,
    )
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, asked.set)
    audit = assignment.runtime / "audit.sock"
    socket = assignment.runtime / "broker.sock"
    keeping = keeper.keeping() if keeper else contextlib.nullcontext()
    pace = Pace(BURST, RATE)
    hub, visitors = assignment.runtime / "hub.sock", assignment.runtime / "http.sock"
    async with (
        keeping,
        relaying(audit, assignment.audit_socket, pace=pace),
        relaying(hub, ways.hub, connections=_HUB_CONNECTIONS),
        serving(broker, socket),
    ):
        mounts = {
            "notebooks": assignment.workspace,
            "broker": socket,
            "audit": audit,
            "hub": hub,
            "sockets": sockets,
            "kernelspecs": specs.parent,
            "lab": lab,
        }
        server = sandboxed_server.begin(assignment, kernels / "server", mounts, visitors)
        log.info(
            "server %s of %s: pid %s; limits: %s",
            assignment.permit,
            assignment.user,
            server.pid,
            server.enforcement,
        )
        async with ways.receiving(visitors):
            while server.poll() is None and not asked.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asked.wait(), _LOOK)
        if server.poll() is None:
            await _end(server)
            log.info("stopped")
            return 0
        log.info("the server ended: %s", server.ending)
        return server.poll() or 0


@contextlib.asynccontextmanager
async def receiving(visitors: Path, listen: Listen) -> AsyncIterator[None]:
    """Pass on to the server what comes for it, from when it takes visitors: the hub waits for that.

    Args:
        visitors: the server's socket.
        listen: opens the address that visitors come to.
    """

    async def receive() -> None:
        while True:
            try:
                _, writer = await at(visitors)()
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            break
        server = await listen(lambda r, w: pass_on(r, w, at(visitors)))
        async with server:
            await server.serve_forever()

    opened = asyncio.create_task(receive())
    try:
        yield
    finally:
        opened.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opened


async def _end(server: Sandboxed) -> None:
    """End the server tidily, or after the grace by force."""
    server.terminate()
    for _ in range(int(GRACE / _LOOK)):
        if server.poll() is not None:
            return
        await asyncio.sleep(_LOOK)
    server.kill()


def main(arguments: list[str]) -> int:
    """Run a job; its folder is gone when it ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s job %(process)d: %(message)s")
    try:
        assignment = Assignment.take(Path(arguments[0]))
        log.info("job of server %s of %s", assignment.permit, assignment.user)
        try:
            return asyncio.run(work(assignment, on_this_machine(assignment)))
        finally:
            shutil.rmtree(assignment.runtime, ignore_errors=True)
    except SundbenchError as error:
        log.error("%s", error)  # noqa: TRY400 - the operator's to mend, not a bug
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
