"""The job of one server: a process that outlives the hub, which finds it again by who it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sundbench.hub.supervisor.table import Process


@dataclass
class Job:
    """A session leader that this hub, or one before it, started.

    Attributes:
        process: who it is.
    """

    process: Process
    _child: subprocess.Popen[bytes] | None = field(default=None, compare=False)

    @classmethod
    def start(cls, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Job:
        """Start a program in a session of its own, with its output in a log that its owner alone can read."""
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = subprocess.Popen(  # noqa: S603 - the program is ours
                list(argv),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(output)
        # One that has ended already has no start to be known by, and its exit status is kept in the handle.
        return cls(Process.of(child.pid) or Process(child.pid, 0, ""), child)

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Job:
        """The job that another hub kept word of."""
        return cls(Process(int(kept["pid"]), int(kept["started"]), str(kept["boot"])))

    def kept(self) -> dict[str, Any]:
        """What the next hub needs to find it."""
        return asdict(self.process)

    def ended(self) -> int | None:
        """None while it runs; else its exit status, or 0 where another hub was its parent."""
        if self._child is not None:
            return self._child.poll()
        return None if self.process.alive else 0

    async def stop(self, grace: float) -> None:
        """Ask it to end; after ``grace`` seconds kill it and what is left of its process group."""
        if self.ended() is None:
            self.process.send(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self.ended() is None:
                    await asyncio.sleep(0.05)
        if self.ended() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        while self.ended() is None:
            await asyncio.sleep(0.05)
