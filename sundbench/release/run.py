"""Runs: a study executed once, with given parameters, on one extract, and what is kept of it."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sundbench.disclosure.profile import profile
from sundbench.errors import PermitError, ReleaseError, SandboxError
from sundbench.governance import database, permits
from sundbench.governance.permits import Registered
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import catalogue
from sundbench.release import confined, content
from sundbench.release import manifest as manifests
from sundbench.release.confined import Sandbox
from sundbench.release.disk import room_for
from sundbench.release.extracts import Extract, find_extract
from sundbench.release.kernel import execute
from sundbench.release.manifest import Manifest, Policy
from sundbench.release.outputs import OUTBOX
from sundbench.release.parameters import bind
from sundbench.release.study import StudyFile, StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.sandbox.policy import read as read_policy
from sundbench.sandbox.probe import probe
from sundbench.site import Site

log = logging.getLogger(__name__)

EXTRACT, SEED = "SUNDBENCH_EXTRACT", "SUNDBENCH_SEED"
FAILED = "failed"
"""The folder beside the runs that keeps those that failed."""

_MAY_RUN = frozenset({"researcher", "analyst"})


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
    """Run a study and keep the run.

    Args:
        site: the installation.
        study: what to run.
        permit: under which permit.
        user: who runs it; a researcher or analyst of the permit.
        freeze: which of the permit's extracts; by default the newest.
        given: parameters that differ from their defaults.
        seed: of random draws; by default the study's.
        report: told of each cell.

    Returns:
        The run's manifest. Its folder is ``runs/<run>/``: notebook.ipynb, manifest.json and outbox/.

    Raises:
        StudyError: a parameter is unknown, of the wrong type or outside its domain; nothing has run then.
        PermitError: the permit can't be used, by this user or for this study.
        ReleaseError: there is no extract; or a cell failed, and the run is kept in ``runs/failed/<run>/``
            with its notebook and without outputs.
        SandboxError: the extract's persons are real, and there can be no sandbox here; nothing has run then.
    """
    # A study that takes its seed as a parameter has one seed, not two.
    asked = dict(given or {})
    if seed is not None and "seed" in study.about.parameters:
        asked["seed"] = seed
    parameters = bind(study.about.parameters, asked)
    registered = _allowed(site, permit, user, study.about)
    extract = find_extract(site, permit, freeze)
    if extract.permit_digest != registered.digest:
        raise PermitError(
            f"permit {permit} was amended after its extract of freeze {extract.freeze} was made, which may "
            "hold what it no longer allows: make it anew with "
            f"`sundbench extract {permit} --freeze {extract.freeze}`"
        )
    moment = datetime.now(UTC)
    run = f"{study.about.id}-{moment:%Y%m%d%H%M%S}-{secrets.token_hex(2)}"
    policy = Policy(profile=registered.permit.disclosure, digest=profile(registered.permit.disclosure).digest)
    chosen = int(parameters.get("seed", study.about.seed if seed is None else seed))
    files = study.digests
    aside = site.runs / f".{run}.part"
    with room_for(f"run {run}"):
        try:
            perform(study, aside, extract=extract, parameters=parameters, seed=chosen, report=report)
            made = Manifest(
                run=run,
                user=user,
                study=study.about.id,
                study_files=files,
                parameters=parameters,
                seed=chosen,
                permit=permit,
                permit_digest=registered.digest,
                freeze=extract.freeze,
                extract_digest=extract.digest,
                synthetic=extract.synthetic,
                policy=policy,
                surroundings=Surroundings.here(),
                started=moment,
                finished=datetime.now(UTC),
                outputs=manifests.digests(aside / "outbox"),
            )
            manifests.write(site, aside, made)
            aside.rename(site.runs / run)
        except ReleaseError as error:
            _keep_failed(site, aside, run, str(error))
            raise ReleaseError(f"run {run} failed in {error}") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return made


def perform(
    study: StudyFolder,
    folder: Path,
    *,
    extract: Extract,
    parameters: Mapping[str, object],
    seed: int,
    report: Report = silent,
) -> None:
    """Execute a study's notebook into a folder: notebook.ipynb and outbox/.

    Raises:
        ReleaseError: a cell failed.
        SandboxError: the extract's persons are real, and there can be no sandbox here.
    """
    outbox = folder / "outbox"
    outbox.mkdir(parents=True)
    sandbox = sandbox_for(study, extract, outbox)
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


def _allowed(site: Site, permit: str, user: str, study: StudyFile) -> Registered:
    """The permit, if this user may run this study under it today."""
    with database.reading(site) as session:
        registered = permits.usable(session, permit, permits.today())
    if not registered.permit.roles(user) & _MAY_RUN:
        raise PermitError(f"{user} is neither researcher nor analyst in permit {permit}: ask the steward")
    lacking = study.lacks(registered.permit, catalogue())
    if lacking is not None:
        raise PermitError(f"study {study.id} needs {lacking}, which permit {permit} doesn't allow: amend it")
    return registered


def _keep_failed(site: Site, aside: Path, run: str, why: str) -> None:
    """Keep the notebook of a failed run, and nothing that it wrote."""
    shutil.rmtree(aside / "outbox", ignore_errors=True)
    if not aside.is_dir():
        return
    (aside / "error.txt").write_text(f"{why}\n", encoding="utf-8")
    kept = site.runs / FAILED
    kept.mkdir(parents=True, exist_ok=True)
    os.rename(aside, kept / run)  # noqa: PTH104 - never over an earlier one
