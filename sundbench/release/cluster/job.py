"""A run's job on its node: ``python -m sundbench.release.cluster.job FOLDER``, as the permit's account.

What it leaves counts when its result is there, which it writes last.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from sundbench.errors import ReleaseError, SandboxError, SundbenchError
from sundbench.progress import Report
from sundbench.release.cluster.letter import (
    LETTER,
    OUT,
    PROGRESS,
    RESULT,
    STUDY,
    Letter,
    Progress,
    Resources,
    Result,
)
from sundbench.release.confined import Sandbox
from sundbench.release.run import perform
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.sandbox.policy import Limits, Policy
from sundbench.sandbox.probe import probe

log = logging.getLogger("sundbench.release.cluster")

OWN_MEMORY = 512 * 2**20
"""Bytes of the job's memory that its program outside the sandbox needs."""


def main(folder: Path) -> int:
    """Do the run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    letter, out = Letter.read(folder / LETTER), folder / OUT
    try:
        work(letter, folder, fitting(letter.resources))
        failed = None
    except (ReleaseError, SandboxError) as error:
        failed = str(error)
        log.info("failed in %s", failed)
    Result(failed=failed, surroundings=Surroundings.here()).write(out / RESULT)
    return 0


def work(letter: Letter, folder: Path, fit: Callable[[Sandbox], Sandbox]) -> None:
    """Execute the notebook.

    Raises:
        ReleaseError: a cell failed.
        SandboxError: the kernel's sandbox can't be made.
    """
    # On a machine of one's own invented persons may do without; a node has everybody's jobs.
    if not (trial := probe()).works:
        raise SandboxError(f"no sandbox can be made on this node: {trial.why}")
    perform(
        StudyFolder(folder / STUDY / letter.study),
        folder / OUT,
        extract=letter.extract,
        parameters=letter.parameters,
        seed=letter.seed,
        fit=fit,
        report=reporting(folder / OUT),
    )


def fitting(resources: Resources) -> Callable[[Sandbox], Sandbox]:
    """Makes a sandbox fit the job: it may use what the job was given, and never more than its policy."""
    return lambda sandbox: dataclasses.replace(sandbox, policy=fitted(sandbox.policy, resources))


def fitted(policy: Policy, resources: Resources) -> Policy:
    """A policy with the limits of a job."""
    most = policy.limits
    limits = {
        **most.model_dump(),
        "memory": min(most.memory, int(resources.memory) - OWN_MEMORY),
        "cores": min(most.cores, resources.cores),
    }
    return policy.model_copy(update={"limits": Limits.model_validate(limits)})


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
