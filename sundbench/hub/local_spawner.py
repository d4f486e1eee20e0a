"""Jobs on one machine: each is a process beside the hub, under its account."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from traitlets import List, Unicode

from sundbench.hub import folders
from sundbench.hub.assignment import FILE
from sundbench.hub.deployment import Deployment
from sundbench.hub.orphans import end_orphans
from sundbench.hub.process import Job
from sundbench.hub.refusal import Refused
from sundbench.hub.spawner import ProjectSpawner
from sundbench.hub.start import Start, assignment
from sundbench.hub.supervisor.table import MARK
from sundbench.hub.workspaces import layout

_KEPT = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", MARK),
    *("SUNDBENCH_HOME", "SUNDBENCH_KERNELS", "SUNDBENCH_HUB_CONFIG"),
)
"""Of the hub's environment, what a job may have: not its secrets, not the vault's key."""


class LocalSpawner(ProjectSpawner):
    """Starts, finds again and stops the process of one project server."""

    command = List(
        Unicode(),
        default_value=[sys.executable, "-m", "sundbench.hub.job"],
        config=True,
        help="The program of the job; its argument is the path of its assignment.",
    )

    def _reset(self) -> None:
        super()._reset()
        self._job: Job | None = None
        self._folder = ""

    @property
    def has_job(self) -> bool:
        """A process was started, and not yet forgotten."""
        return self._job is not None

    @property
    def ended(self) -> int | None:
        """Its exit status, or 0 where another hub was its parent; None while it runs."""
        return None if self._job is None else self._job.ended()

    def get_state(self) -> dict[str, Any]:
        """Who the process is, and the name of its folder of sockets."""
        state = super().get_state()
        if self._job is not None:
            state |= {"job": self._job.kept(), "folder": self._folder}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the process that another hub started."""
        super().load_state(state)
        if "job" in state:
            self._job, self._folder = Job.restored(state["job"]), state["folder"]

    async def begin(self, start: Start) -> None:
        """Make the folders of the server, write down what its job must know, and start it."""
        site = self._hub.site
        self._folder = secrets.token_hex(4)
        runtime = folders.sockets(site, self._folder)
        scratch, outbox = folders.own(site, self.name, self.user.name)
        title = start.registered.permit.title
        workspace = await asyncio.to_thread(layout.prepare, site, self.name, title, self.user.name)
        self.ip, self.port = "127.0.0.1", _free_port()
        given = assignment(
            self,
            self._hub,
            start,
            workspace=workspace,
            scratch=scratch,
            outbox=outbox,
            runtime=runtime,
            port=self.port,
        )
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._job = Job.start([*self.command, str(given.write(runtime / FILE))], kept, self._log_file)

    async def up(self) -> str:
        """Wait until the server takes connections, or its process has ended."""
        async with asyncio.timeout(self._hub.settings.hub.start_timeout):
            while True:
                if self.ended is not None:
                    log = self._log_file
                    self.log.error(
                        "The job of %s ended before its server was up: see %s", self._log_name, log
                    )
                    raise Refused(
                        "ended",
                        da="Serveren standsede, før den var klar. Prøv igen, og sig det ellers til driften.",
                        en="The server stopped before it was ready. Try again; or tell the operator.",
                        status=500,
                    )
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(self.ip, self.port)
                    writer.close()
                    return f"http://{self.ip}:{self.port}"
                await asyncio.sleep(0.1)

    async def end(self, grace: float) -> None:
        """End the process, and after the grace kill it with what is left of its group."""
        if self._job is not None:
            await self._job.stop(grace)

    async def tidy(self) -> None:
        """Remove its folder of sockets."""
        folders.remove_sockets(self._hub.site, self._folder)

    @classmethod
    async def end_unknown(cls, hub: Deployment, spawners: Callable[[], Iterable[Self]]) -> None:
        """End processes of servers that no spawner knows, and remove their folders."""
        await end_orphans(
            hub, lambda: [(one._job.process if one._job else None, one._folder) for one in spawners()]
        )

    @property
    def _log_file(self) -> Path:
        return self._hub.site.hub / "logs" / "servers" / f"{self.user.name}-{self.name}.log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
