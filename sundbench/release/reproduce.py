"""Running a run again: the same numbers to the last bit, or what differs and where."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from sundbench.disclosure.output import digest
from sundbench.errors import ReleaseError
from sundbench.progress import Report, silent
from sundbench.release import manifest as manifests
from sundbench.release import order
from sundbench.release.extracts import Extract, find_extract
from sundbench.release.manifest import Manifest
from sundbench.release.order import Order
from sundbench.release.run import folder_of, perform
from sundbench.release.study import StudyFolder
from sundbench.release.surroundings import Surroundings
from sundbench.site import Site


@dataclass(frozen=True)
class Reproduction:
    """What came of running a run again.

    Attributes:
        run: the run that was run again.
        compared: how many outputs were compared (tables and figures, each with its card).
        differences: one line a difference between the outputs; empty when all bytes are the same.
        surroundings: one line for everything else that is not as it was: study, library, packages, processor.
    """

    run: str
    compared: int
    differences: list[str]
    surroundings: list[str]


def reproduce(
    site: Site, run: str, find_study: Callable[[str], StudyFolder], report: Report = silent
) -> Reproduction:
    """Run a run again, with its parameters and seed, on its extract, and compare the outputs.

    Args:
        site: the installation.
        run: the run's id.
        find_study: gives the study of a name.
        report: told of each cell.

    Raises:
        ReleaseError: the manifest or an output of the run was changed, its extract is gone or another, or a
            cell failed this time.
    """
    manifest, extract = settled(site, run)
    study = find_study(manifest.study)
    again = Path(tempfile.mkdtemp(prefix=".reproduce-", dir=site.runs))
    try:
        perform(
            study, again, extract=extract, parameters=manifest.parameters, seed=manifest.seed, report=report
        )
        return judged(site, run, again / "outbox", study.digests, Surroundings.here())
    finally:
        shutil.rmtree(again, ignore_errors=True)


def place(
    site: Site, run: str, find_study: Callable[[str], StudyFolder], user: str
) -> tuple[StudyFolder, Order, Extract]:
    """Order a run again, as one of its own: for where it isn't run at once, by this process.

    Args:
        site: the installation.
        run: the run's id.
        find_study: gives the study of a name.
        user: who orders it; a researcher or analyst of the permit, which must still hold.

    Raises:
        ReleaseError: as `reproduce`.
        PermitError: the permit can't be used, or not by this user.
        StudyError: the study takes other parameters now.
    """
    manifest, _ = settled(site, run)
    study = find_study(manifest.study)
    placed, extract = order.place(
        site,
        study,
        permit=manifest.permit,
        user=user,
        freeze=manifest.freeze,
        given=manifest.parameters,
        seed=manifest.seed,
    )
    return study, placed, extract


def settled(site: Site, run: str) -> tuple[Manifest, Extract]:
    """A run that may be run again, and its extract.

    Raises:
        ReleaseError: the manifest or an output was changed, or its extract is gone or another.
    """
    folder = folder_of(site, run)
    manifest = manifests.read(site, folder)
    manifests.check_outputs(manifest, folder / "outbox")
    extract = find_extract(site, manifest.permit, manifest.freeze)
    if extract.digest != manifest.extract_digest:
        raise ReleaseError(
            f"run {run}: the extract of freeze {manifest.freeze} is another than it ran on (by its digest): "
            "restore that extract, or run anew"
        )
    return manifest, extract


def judged(
    site: Site, run: str, outbox: Path, study_files: dict[str, str], surroundings: Surroundings
) -> Reproduction:
    """What came of running a run again.

    Args:
        site: the installation.
        run: the run's id.
        outbox: what was made this time.
        study_files: the study's digests this time.
        surroundings: what it ran on this time.

    Raises:
        ReleaseError: the run's manifest was changed.
    """
    folder = folder_of(site, run)
    manifest = manifests.read(site, folder)
    return Reproduction(
        run=run,
        compared=sum(not name.endswith(".json") for name in manifest.outputs),
        differences=compare(folder / "outbox", outbox),
        surroundings=[
            *_changed_files(manifest.study_files, study_files),
            *manifest.surroundings.differences(surroundings),
        ],
    )


def compare(before: Path, after: Path) -> list[str]:
    """What differs between two outboxes, one line each; empty when all bytes are the same."""
    was, now = ({path.name: path for path in folder.iterdir()} for folder in (before, after))
    lines = []
    for name in sorted(was.keys() | now.keys()):
        if name not in now:
            lines.append(f"{name} was written then, and is not now")
        elif name not in was:
            lines.append(f"{name} was not written then, and is now")
        elif digest(was[name]) != digest(now[name]):
            if name.endswith(".parquet"):
                lines += [f"{name}: {line}" for line in _tables(was[name], now[name])]
            else:
                lines.append(f"{name}: other bytes")
    return lines


def _tables(before: Path, after: Path) -> list[str]:
    """How two tables differ: shape, else column by column with the number of rows and the largest step."""
    was, now = pl.read_parquet(before), pl.read_parquet(after)
    if was.columns != now.columns:
        return [f"columns were {', '.join(was.columns)}, are {', '.join(now.columns)}"]
    if was.height != now.height:
        return [f"had {was.height} rows, has {now.height}"]
    lines = []
    for column in was.columns:
        left, right = was[column], now[column]
        if left.dtype != right.dtype:
            lines.append(f"column {column} was {left.dtype}, is {right.dtype}")
            continue
        rows = int((~left.eq_missing(right)).sum())
        if not rows:
            continue
        line = f"column {column} differs in {rows} of {was.height} rows"
        if left.dtype.is_numeric():
            step = np.abs(left.cast(pl.Float64).to_numpy() - right.cast(pl.Float64).to_numpy())
            largest = np.nanmax(step, initial=0.0)
            line += f", at most by {largest:.3g}"
        lines.append(line)
    return lines or ["the same values in other bytes"]


def _changed_files(was: dict[str, str], now: dict[str, str]) -> list[str]:
    return [
        f"the study's {name} is not as it was"
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    ]
