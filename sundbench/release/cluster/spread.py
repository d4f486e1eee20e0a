"""A run that spreads its work over several nodes: its kernel behind the fence, and its workers."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sundbench.errors import ReleaseError
from sundbench.release.cluster import papers
from sundbench.release.cluster.crew import Crew
from sundbench.release.cluster.fence import fenced, listener
from sundbench.release.cluster.inside.ways import LISTENER, MEMBER, MEMBERS
from sundbench.release.cluster.letter import NET, Letter
from sundbench.release.cluster.limits import fitted
from sundbench.release.cluster.worker import last_words
from sundbench.release.confined import Sandbox
from sundbench.sandbox.sandboxed import Sandboxed
from sundbench.slurm import jobs
from sundbench.slurm.runs import LOG, OUT

_EXTENSION = "sundbench.release.cluster.inside.kernel"
_PROGRAM = (sys.executable, "-I", "-m", "sundbench.release.cluster.worker")
WORKER_NAME = "sundbench-worker"
_SETTLE = 10.0  # seconds until a worker's job has told how it ended


class _Kernel:
    """The run's kernel, to be ended when its workers are gone: it would wait for them for ever."""

    def __init__(self) -> None:
        self.lost: str | None = None
        self._sandboxed: Sandboxed | None = None

    def started(self, sandboxed: Sandboxed) -> None:
        self._sandboxed = sandboxed
        if self.lost is not None:
            sandboxed.kill()

    def end(self, why: str) -> None:
        self.lost = why
        if self._sandboxed is not None:
            self._sandboxed.kill()


@contextmanager
def spread(letter: Letter, folder: Path) -> Iterator[Callable[[Sandbox], Sandbox]]:
    """Begin a run's workers, and end them with the block.

    Args:
        letter: what the run's job was told.
        folder: the run's.

    Yields:
        What makes the kernel's sandbox the workers' scheduler.

    Raises:
        ReleaseError: all workers are gone for good, from the block.
        ClusterError: Slurm takes no jobs of the run's account.
    """
    members = letter.resources.workers + 1
    # Its time counts from when it began, however long it had waited.
    until = min(letter.until, datetime.now(UTC) + timedelta(minutes=letter.resources.minutes))
    out, kernel = folder / OUT, _Kernel()
    papers.issue(out / NET, letter.run, members, until)

    def begin(member: int) -> int:
        command = [*_PROGRAM, str(folder), str(member)]
        asked = jobs.Wanted(
            name=WORKER_NAME,
            cores=letter.resources.cores,
            memory=int(letter.resources.memory),
            time=until - datetime.now(UTC),
            log=out / f"{LOG}-{member}",
            partition=letter.resources.partition,
            charge=letter.resources.charge,
        )
        return jobs.submit(f"#!/bin/sh\nexec {shlex.join(command)}\n", asked)

    with tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True) as made:
        sockets = Path(made) / "net"  # in a folder that the account alone may enter
        sockets.mkdir(mode=0o755)
        visitors = listener(sockets)

        def fit(sandbox: Sandbox) -> Sandbox:
            return dataclasses.replace(
                sandbox,
                policy=fitted(sandbox.policy, letter.resources),
                mounts={**sandbox.mounts, "net": sockets},
                environment={
                    MEMBER: "0",
                    MEMBERS: str(members),
                    LISTENER: str(visitors.fileno()),
                },
                listener=visitors.fileno(),
                extension=_EXTENSION,
                started=kernel.started,
            )

        host = jobs.address(os.environ["SLURMD_NODENAME"])
        with (
            fenced(out / NET, 0, members, sockets, host),
            Crew(range(1, members), begin, lambda member: last_words(out, member), kernel.end) as crew,
        ):
            try:
                yield fit
            except ReleaseError as error:
                why = _why_killed(out, members, crew) if "KilledWorker" in str(error) else ""
                raise ReleaseError(kernel.lost or f"{error}{why}") from error


def _why_killed(out: Path, members: int, crew: Crew) -> str:
    """How a worker ended of which Dask tells that it did: it sees that at once, and never why."""
    until = time.monotonic() + _SETTLE
    while time.monotonic() < until:
        words = next(filter(None, (last_words(out, member) for member in range(1, members))), crew.ended)
        if words:
            return f" (a worker ended: {words})"
        time.sleep(0.2)
    return ""
