"""Runs: a study executed once, with given parameters, on one extract, and what is kept of it."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sundbench.errors import ReleaseError, SandboxError
from sundbench.progress import Report, silent
from sundbench.release import confined, content, order
from sundbench.release import manifest as manifests
from sundbench.release.confined import Sandbox
from sundbench.release.disk import room_for
from sundbench.release.extracts import Extract
from sundbench.release.kernel import execute
from sundbench.release.manifest import Manifest
from sundbench.release.order import Order
from sundbench.release.outputs import OUTBOX
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.sandbox.policy import read as read_policy
from sundbench.sandbox.probe import probe
from sundbench.site import Site

log = logging.getLogger(__name__)

EXTRACT, SEED = "SUNDBENCH_EXTRACT", "SUNDBENCH_SEED"
FAILED = "failed"
"""The folder beside the runs that keeps those that failed."""


def start(
    site: Site,
    study: StudyFolder,
    *,
    permit: str,
    user: str,
    freeze: str | None = None,
    given: Mapping[str, object] | None = None,
    seed: int | None = None,
    report: Report = silent,
) -> Manifest:
    """Run a study here and keep the run; the arguments are those of ``order.place``.

    Returns:
        The run's manifest. Its folder is ``runs/<run>/``: notebook.ipynb, manifest.json and outbox/.

    Raises:
        StudyError: a parameter is unknown, of the wrong type or outside its domain; nothing has run then.
        PermitError: the permit can't be used, by this user or for this study.
        ReleaseError: there is no extract; or a cell failed, and the run is kept in ``runs/failed/<run>/``
            with its notebook and without outputs.
        SandboxError: the extract's persons are real, and there can be no sandbox here; nothing has run then.
    """
    placed, extract = order.place(
        site, study, permit=permit, user=user, freeze=freeze, given=given, seed=seed
    )
    aside = aside_of(site, placed.run)
    with room_for(f"run {placed.run}"):
        try:
            perform(
                study,
                aside,
                extract=extract,
                parameters=placed.parameters,
                seed=placed.seed,
                report=report,
            )
            return keep(site, placed, aside, Surroundings.here())
        except ReleaseError as error:
            keep_failed(site, placed.run, aside, str(error))
            raise ReleaseError(f"run {placed.run} failed in {error}") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def aside_of(site: Site, run: str) -> Path:
    """Where a run is put together; it becomes the run's folder when all of it is there.

    Named by the run alone, which is nobody else's: who takes it home from a cluster begins anew there.
    """
    return site.runs / f".{run}.part"


def keep(site: Site, placed: Order, aside: Path, surroundings: Surroundings) -> Manifest:
    """Sign what a run has made, and keep it.

    Args:
        site: the installation.
        placed: the run's order.
        aside: its notebook and outbox.
        surroundings: what it ran on.
    """
    made = Manifest.model_validate(
        {
            **placed.model_dump(exclude={"expires"}),
            "surroundings": surroundings,
            "finished": datetime.now(UTC),
            "outputs": manifests.digests(aside / "outbox"),
        }
    )
    manifests.write(site, aside, made)
    aside.rename(site.runs / placed.run)
    return made


def keep_failed(site: Site, run: str, aside: Path, why: str) -> None:
    """Keep the notebook of a failed run, where it has one, and nothing else that it wrote."""
    shutil.rmtree(aside / "outbox", ignore_errors=True)
    if aside.is_dir():
        (aside / "error.txt").write_text(f"{why}\n", encoding="utf-8")
        kept = site.runs / FAILED
        kept.mkdir(parents=True, exist_ok=True)
        os.rename(aside, kept / run)  # noqa: PTH104 - never over an earlier one


def perform(
    study: StudyFolder,
    folder: Path,
    *,
    extract: Extract,
    parameters: Mapping[str, object],
    seed: int,
    fit: Callable[[Sandbox], Sandbox] = lambda sandbox: sandbox,
    report: Report = silent,
) -> None:
    """Execute a study's notebook into a folder: notebook.ipynb and outbox/.

    Args:
        study: what to execute.
        folder: made here.
        extract: what the notebook reads.
        parameters: of the study, all of them.
        seed: of random draws.
        fit: makes the kernel's sandbox one for the place that it runs in.
        report: told of each cell.

    Raises:
        ReleaseError: a cell failed.
        SandboxError: the extract's persons are real, and there can be no sandbox here.
    """
    outbox = folder / "outbox"
    outbox.mkdir(parents=True)
    sandbox = sandbox_for(study, extract, outbox)
    sandbox = fit(sandbox) if sandbox else None
    reads, writes = (confined.DATA, confined.OUTBOX) if sandbox else (extract.folder, outbox)
    execute(
        study.notebook,
        folder / "notebook.ipynb",
        given={EXTRACT: str(reads), OUTBOX: str(writes), SEED: str(seed)},
        parameters=parameters,
        timeout=study.about.timeout,
        sandbox=sandbox,
        report=report,
    )


def sandbox_for(study: StudyFolder, extract: Extract, outbox: Path) -> Sandbox | None:
    """Where a run's kernel runs; None where there can be no sandbox and its persons are invented.

    Raises:
        SandboxError: there can be no sandbox, and its persons are real.
    """
    trial = probe()
    if trial.works:
        about = read_policy(content.kernels() / "run")
        return Sandbox(
            policy=about.model_copy(update={"cwd": str(confined.STUDY)}),
            mounts={"extract": extract.folder.resolve(), "study": study.notebook.parent.resolve()},
            outbox=outbox,
        )
    if not extract.synthetic:
        raise SandboxError(f"a run over real persons needs a sandbox, and none can be made here: {trial.why}")
    log.warning("No sandbox here (%s): the run sees what you see, which invented persons can bear", trial.why)
    return None


def runs(site: Site) -> list[str]:
    """The ids of the runs that worked, oldest first."""
    folders = [path for path in site.runs.glob("[!.]*") if (path / manifests.FILE).is_file()]
    return [
        path.name for path in sorted(folders, key=lambda path: (path / manifests.FILE).stat().st_mtime_ns)
    ]


def failed(site: Site) -> list[str]:
    """The ids of the runs that failed, by name."""
    return sorted(path.name for path in (site.runs / FAILED).glob("*") if path.is_dir())


def folder_of(site: Site, run: str) -> Path:
    """A run's folder.

    Raises:
        ReleaseError: no such run.
    """
    # A run's id becomes a path: only what is listed is taken.
    if run in runs(site):
        return site.runs / run
    if run in failed(site):
        raise ReleaseError(f"run {run} failed: see {site.runs / FAILED / run}, mend the study and run again")
    raise ReleaseError(f"no run called {run}: `sundbench run list` shows those there are")
