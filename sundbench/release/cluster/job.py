"""A run's job on its node: ``python -m sundbench.release.cluster.job FOLDER``, as the permit's account.

What it leaves counts when its result is there, which it writes last.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from sundbench.errors import ClusterError, ReleaseError, SandboxError, SundbenchError
from sundbench.progress import Report
from sundbench.release.cluster.letter import LETTER, PROGRESS, RESULT, STUDY, Letter, Progress, Result
from sundbench.release.cluster.limits import fitted
from sundbench.release.cluster.spread import spread
from sundbench.release.cluster.trust import require_own
from sundbench.release.confined import Sandbox
from sundbench.release.disk import room_for
from sundbench.release.run import perform
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.sandbox.probe import probe
from sundbench.slurm import jobs
from sundbench.slurm.runs import OUT

log = logging.getLogger("sundbench.release.cluster")

_ROOM = 2**16


def main(folder: Path) -> int:
    """Do the run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.umask(0o077)
    # Slurm's word that it was cancelled: an end like any other, with which its workers' jobs are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the job was told to end"))
    letter, out = Letter.read(folder / LETTER), folder / OUT
    room = out / ".room"  # so that a disk that fills up can still be told of
    room.write_bytes(bytes(_ROOM))
    try:
        require_own(letter, folder)
        with room_for("its job's folder"):
            work(letter, folder)
        failed = None
    except (ReleaseError, SandboxError, ClusterError) as error:
        failed = str(error)
        log.info("failed in %s", failed)
    room.unlink()
    Result(failed=failed, surroundings=Surroundings.here()).write(out / RESULT)
    return 0


def work(letter: Letter, folder: Path) -> None:
    """Execute the notebook.

    Raises:
        ReleaseError: a cell failed, or the workers are gone.
        SandboxError: the kernel's sandbox can't be made.
        ClusterError: it has waited for all of its time, or the workers' jobs can't be begun.
    """
    jobs.end_by(letter.until)
    # On a machine of one's own invented persons may do without; a node has everybody's jobs.
    if not (trial := probe()).works:
        raise SandboxError(f"no sandbox can be made on this node: {trial.why}")
    with spread(letter, folder) if letter.resources.workers else nullcontext(alone(letter)) as fit:
        perform(
            StudyFolder(folder / STUDY / letter.study),
            folder / OUT,
            extract=letter.extract,
            parameters=letter.parameters,
            seed=letter.seed,
            fit=fit,
            report=reporting(folder / OUT),
        )


def alone(letter: Letter) -> Callable[[Sandbox], Sandbox]:
    """Makes the sandbox of a run without workers fit its job."""
    return lambda sandbox: dataclasses.replace(sandbox, policy=fitted(sandbox.policy, letter.resources))


def reporting(out: Path) -> Report:
    """Tell of progress in a file."""

    def report(what: str, done: int, total: int) -> None:
        Progress(what=what, done=done, total=total).write(out / PROGRESS)

    return report


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except SundbenchError as error:
        sys.exit(str(error))
