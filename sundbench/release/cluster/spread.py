"""A run that spreads its work over several nodes: its kernel behind the fence, and its workers."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sundbench.errors import ReleaseError
from sundbench.release.cluster import papers
from sundbench.release.cluster.crew import Crew
from sundbench.release.cluster.fence import fenced, listener
from sundbench.release.cluster.inside.ways import LISTENER, MEMBER, MEMBERS
from sundbench.release.cluster.letter import LOG, NET, OUT, Letter
from sundbench.release.cluster.limits import fitted
from sundbench.release.cluster.submitting import script, wanted
from sundbench.release.confined import Sandbox
from sundbench.sandbox.sandboxed import Sandboxed
from sundbench.slurm import jobs

_EXTENSION = "sundbench.release.cluster.inside.kernel"
WORKER_NAME = "sundbench-worker"


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
    out, kernel = folder / OUT, _Kernel()
    papers.issue(out / NET, letter.run, members, letter.until)

    def begin(member: int) -> int:
        log = out / f"{LOG}-{member}"
        asked = wanted(WORKER_NAME, letter.resources, letter.until, log)
        return jobs.submit(script("worker", folder, member), asked)

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
        with fenced(out / NET, 0, members, sockets, host), Crew(range(1, members), begin, kernel.end):
            try:
                yield fit
            except ReleaseError as error:
                raise ReleaseError(kernel.lost or str(error)) from error
