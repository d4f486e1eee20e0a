"""Freezes: immutable national data versions, made from deliveries.

A freeze lies in ``site.freezes/<id>/``: ``<register>/bucket-00000.parquet`` (about 10,000 persons a bucket,
all registers cut at the same persons, rows sorted by person, then date, then every other column),
``freeze.json``, ``quality.json`` and ``quality.html``. It holds the national index, never a person number.
Rows that could not be kept lie encrypted beside the vault, with their reason.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from sundbench.aside import sync_folder
from sundbench.errors import DeliveryError, StoreError
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import Catalogue
from sundbench.registers.catalogue import catalogue as own_catalogue
from sundbench.registers.delivery import Delivery, read_delivery
from sundbench.registers.persons import normalised
from sundbench.site import Site
from sundbench.store.buckets import Shape, Tally, Written, bucket_file, write_bucket
from sundbench.store.intake import PEOPLE_PER_BUCKET, FileRead, Intake
from sundbench.store.quality import write_quality
from sundbench.store.quarantine import quarantine_file, seal_quarantine
from sundbench.store.sources import Source, digest_source
from sundbench.store.vault import Vault
from sundbench.store.vault_folder import STAGING

MANIFEST = "freeze.json"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Freeze:
    """One freeze on disk.

    Attributes:
        path: its folder.
        manifest: its ``freeze.json``.
    """

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, site: Site, id: str) -> Self:  # noqa: A002 - the word of the contract
        """Open a freeze by its id.

        Raises:
            StoreError: there is none of that id, or its ``freeze.json`` is damaged.
        """
        path = site.freezes / _checked(id) / MANIFEST
        try:
            return cls(path.parent, json.loads(path.read_bytes()))
        except FileNotFoundError:
            known = ", ".join(freeze_ids(site)) or "none yet"
            raise StoreError(f"no freeze {id} in {site.freezes}: there is {known}") from None
        except ValueError:
            raise StoreError(f"{path} is damaged: restore it from a backup") from None

    @property
    def id(self) -> str:
        """The freeze's id."""
        return self.path.name

    @property
    def registers(self) -> tuple[str, ...]:
        """The registers it holds, sorted."""
        return tuple(self.manifest["registers"])

    @property
    def buckets(self) -> int:
        """How many buckets each register has, numbered from 0."""
        return int(self.manifest["buckets"])

    @property
    def persons(self) -> int:
        """How many persons have a row in any register."""
        return sum(self.manifest["persons_per_bucket"])

    @property
    def digest(self) -> str:
        """One digest over all data files: the same data, the same digest."""
        return str(self.manifest["digest"])

    def file(self, register: str, bucket: int) -> Path:
        """The file of one bucket of one register."""
        return self.path / register / bucket_file(bucket)

    def verify(self, report: Report = silent) -> tuple[str, ...]:
        """Hash every file again.

        Returns:
            One line for each file that is damaged, missing or not of this freeze; none if all is well.
        """
        wanted: dict[str, str] = dict(self.manifest["quality"])
        for register, told in self.manifest["registers"].items():
            wanted |= {f"{register}/{name}": file["sha256"] for name, file in told["files"].items()}
        there = {str(path.relative_to(self.path)) for path in self.path.rglob("*") if not path.is_dir()}
        problems = [f"{name}: missing" for name in sorted(set(wanted) - there)]
        problems += [f"{name}: not of this freeze" for name in sorted(there - set(wanted) - {MANIFEST})]
        present = sorted(set(wanted) & there)
        for number, name in enumerate(present, start=1):
            with (self.path / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted[name]:
                    problems.append(f"{name}: damaged")
            report("verify", number, len(present))
        if _digest(self.manifest["registers"]) != self.manifest["digest"]:
            problems.append(f"{MANIFEST}: damaged")
        return tuple(problems)


def freeze_ids(site: Site) -> tuple[str, ...]:
    """The ids of all freezes, sorted."""
    return tuple(sorted(path.parent.name for path in site.freezes.glob(f"[!.]*/{MANIFEST}")))


def create(
    site: Site,
    delivery: Path,
    id: str,  # noqa: A002 - the word of the contract
    *,
    catalogue: Catalogue | None = None,
    report: Report = silent,
    workers: int | None = None,
) -> Freeze:
    """Freeze a delivery.

    The vault is open, for this process alone, from beginning to end. Persons who are new to it get their
    index in the order of a keyed hash, so that the same delivery into the same vault gives the same bytes.

    Args:
        site: the installation; its vault key must be there.
        delivery: the delivery's folder.
        id: the new freeze's id: letters, digits, dot, dash, underscore.
        catalogue: what the registers are; Sundbench's own if absent.
        report: is told of what is being done.
        workers: threads; one a processor if absent.

    Returns:
        The freeze, complete, verified against what was read (rows read = kept + quarantined), read-only.

    Raises:
        DeliveryError: the delivery or one of its files is broken.
        StoreError: the id is taken, the vault is in use or has no key, the disk is full.
    """
    known = catalogue if catalogue is not None else own_catalogue()
    final = site.freezes / _checked(id)
    if final.exists():
        raise StoreError(f"freeze {id} is there already, and freezes don't change: choose another id")
    found = read_delivery(delivery, known)
    with Vault.open(site) as vault, _disk_full(final):
        site.freezes.mkdir(parents=True, exist_ok=True)
        _clean(site)
        staging = site.vault / f"{STAGING}{id}"
        # By itself, since its files are made read-only: who removes it must undo that first.
        building = site.freezes / f".{id}.{secrets.token_hex(4)}"
        staging.mkdir(mode=0o700)
        building.mkdir()
        try:
            making = _Making(
                delivery=found,
                catalogue=known,
                vault=vault,
                staging=staging,
                building=building,
                workers=workers or os.cpu_count() or 1,
                report=report,
            )
            making.make(site, id)
            vault.save()
            building.rename(final)
            sync_folder(site.freezes)
        except BaseException:
            quarantine_file(site, id).unlink(missing_ok=True)
            raise
        finally:
            _remove(staging)
            _remove(building)
    return Freeze.open(site, id)


class _Making:
    """The steps from a delivery to a freeze's folder."""

    def __init__(
        self,
        *,
        delivery: Delivery,
        catalogue: Catalogue,
        vault: Vault,
        staging: Path,
        building: Path,
        workers: int,
        report: Report,
    ) -> None:
        self.delivery, self.catalogue, self.vault = delivery, catalogue, vault
        self.staging, self.building = staging, building
        self.workers, self.report = workers, report

    def make(self, site: Site, id: str) -> None:  # noqa: A002
        """Read, stage, cut, count and describe."""
        with ThreadPoolExecutor(1) as hashing:
            digests = {file.name: hashing.submit(digest_source, file.path) for file in self.delivery.files}
            try:
                intake = Intake(self.delivery, self.catalogue, self.staging, self.workers)
                try:
                    reads = self._read(intake, digests)
                    shapes = {
                        name: Shape.of(name, intake.columns(name), self.catalogue)
                        for name in self.delivery.registers
                    }
                    staged = {name: intake.staged(name) for name in self.delivery.registers}
                    quarantined = intake.quarantine
                finally:
                    intake.close()
                sources = {name: future.result() for name, future in digests.items()}
            except BaseException:
                hashing.shutdown(wait=False, cancel_futures=True)
                raise
        written = self._cut(shapes, staged, reads)
        seal_quarantine(site, id, self.vault.key, quarantined, self.staging)
        self._describe(site, id, reads=reads, sources=sources, shapes=shapes, written=written)

    @property
    def buckets(self) -> int:
        """How many buckets the vault's persons fill."""
        return max(1, -(-self.vault.persons // PEOPLE_PER_BUCKET))

    def _read(self, intake: Intake, digests: Mapping[str, Future[Source]]) -> list[FileRead]:
        """Find all persons first, so that no row's index depends on the order of files; then read."""
        groups = intake.order
        total = sum(len(files) for files in groups)
        reads: list[FileRead] = []
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                found = pl.Series("identifier", [], dtype=pl.String)
                whose = (
                    pool.submit(lambda file: intake.identifiers(file, digests[file.name].result()), file)
                    for files in groups
                    for file in files
                )
                for number, future in enumerate(_few_at_once(whose, self.workers), start=1):
                    found = pl.concat([found, future.result()]).unique()
                    self.report("find persons", number, total)
                self.vault.add(found, self._changes())
                intake.know(self.vault.identifiers, self.buckets)
                for files in groups:
                    reading = [
                        pool.submit(lambda file: intake.read(file, digests[file.name].result()), file)
                        for file in files
                    ]
                    for finished in as_completed(reading):
                        finished.result()
                        self.report("read files", len(reads) + sum(one.done() for one in reading), total)
                    reads += [future.result() for future in reading]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return reads

    def _changes(self) -> pl.DataFrame | None:
        """The delivery's pairs of a person's older and current number."""
        name = self.delivery.settings.person_changes
        if name is None:
            return None
        try:
            table = pl.read_csv(self.delivery.folder / name, infer_schema=False)
        except (pl.exceptions.PolarsError, OSError):
            raise DeliveryError(f"{name}: can't be read as CSV with commas: mend it, or drop it") from None
        table = table.rename({column: column.strip().lower() for column in table.columns})
        if not {"pnr", "pnr_gaeldende"} <= set(table.columns):
            raise DeliveryError(f"{name}: needs the columns pnr and pnr_gaeldende")
        return pl.DataFrame(
            {"older": normalised(table["pnr"]), "current": normalised(table["pnr_gaeldende"])}
        )

    def _cut(
        self, shapes: dict[str, Shape], staged: dict[str, list[Path]], reads: list[FileRead]
    ) -> dict[str, list[Written]]:
        """Write every bucket of every register, and check that no row was lost on the way."""
        total = len(shapes) * self.buckets
        written: dict[str, list[Written]] = {}
        done = 0
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                for name, shape in shapes.items():
                    (self.building / name).mkdir()
                    futures: list[Future[Written]] = [
                        pool.submit(
                            write_bucket,
                            shape,
                            staged[name],
                            number,
                            self.building / name / bucket_file(number),
                        )
                        for number in range(self.buckets)
                    ]
                    for future in as_completed(futures):
                        future.result()
                        done += 1
                        self.report("sort and write", done, total)
                    written[name] = [future.result() for future in futures]
                    for folder in staged[name]:
                        shutil.rmtree(folder, ignore_errors=True)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        for name, files in written.items():
            kept = sum(read.kept + read.expanded for read in reads if read.file.register == name)
            if kept != sum(file.tally.rows for file in files):
                raise RuntimeError(f"{name}: {kept} rows were kept, but other than that were written")
        return written

    def _describe(
        self,
        site: Site,
        id: str,  # noqa: A002
        *,
        reads: list[FileRead],
        sources: dict[str, Source],
        shapes: dict[str, Shape],
        written: dict[str, list[Written]],
    ) -> None:
        tallies = {name: _sum(files) for name, files in written.items()}
        registers = {
            name: {
                "columns": shapes[name].columns,
                "rows": tallies[name].rows,
                "expanded": sum(read.expanded for read in reads if read.file.register == name),
                "coverage": {
                    "since": _iso(tallies[name].since),
                    "until": _iso(tallies[name].until),
                },
                "files": {
                    bucket_file(number): {"sha256": file.sha256, "rows": file.tally.rows}
                    for number, file in enumerate(files)
                },
            }
            for name, files in written.items()
        }
        persons = [
            len(np.unique(np.concatenate([files[number].persons for files in written.values()])))
            for number in range(self.buckets)
        ]
        manifest: dict[str, Any] = {
            "freeze": id,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "library": version("sundbench"),
            "catalogue_digest": self.catalogue.digest,
            "person_identifiers": self.delivery.settings.person_identifiers,
            "vault": self.vault.fingerprint,
            "synthetic": self.delivery.settings.synthetic,
            "sources": [_source(read, sources[read.file.name]) for read in reads],
            "unknown_files": list(self.delivery.unknown),
            "persons_per_bucket": persons,
            "buckets": self.buckets,
            "registers": registers,
            "digest": _digest(registers),
        }
        manifest["quality"] = write_quality(self.building, manifest, tallies, self.catalogue, _before(site))
        path = self.building / MANIFEST
        with path.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        for path in sorted(self.building.rglob("*"), reverse=True):
            path.chmod(0o555 if path.is_dir() else 0o444)
        self.building.chmod(0o555)


def _few_at_once(futures: Iterator[Future[pl.Series]], ahead: int) -> Iterator[Future[pl.Series]]:
    """Futures in their order, submitted only a few ahead: each file's persons take memory until joined."""
    waiting: deque[Future[pl.Series]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting


def _checked(id: str) -> str:  # noqa: A002
    if not _ID.fullmatch(id):
        raise StoreError(f"freeze id {id!r}: use letters, digits, dot, dash and underscore")
    return id


def _source(read: FileRead, source: Source) -> dict[str, Any]:
    return {
        "file": read.file.name,
        "register": read.file.register,
        "sha256": source.sha256,
        "bytes": source.size,
        "read": read.read,
        "kept": read.kept,
        "expanded": read.expanded,
        "quarantined": dict(sorted(read.quarantined.items())),
        "missing_columns": list(read.missing),
        "unknown_columns": list(read.unknown),
    }


def _sum(files: list[Written]) -> Tally:
    whole = Tally()
    for file in files:
        whole.add(file.tally)
    return whole


def _digest(registers: Mapping[str, Any]) -> str:
    """One digest over all files' digests: the same data, the same digest, whatever the freeze's id."""
    lines = [
        f"{register}/{name} {file['sha256']}\n"
        for register, told in sorted(registers.items())
        for name, file in sorted(told["files"].items())
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _before(site: Site) -> Mapping[str, Any] | None:
    """The quality report of the newest freeze there is."""
    freezes = [Freeze.open(site, id) for id in freeze_ids(site)]  # noqa: A001
    if not freezes:
        return None
    newest = max(freezes, key=lambda freeze: str(freeze.manifest["created"]))
    quality: Mapping[str, Any] = json.loads((newest.path / "quality.json").read_bytes())
    return quality


def _iso(day: object) -> str | None:
    return None if day is None else str(day)


def _clean(site: Site) -> None:
    """Remove what a killed freeze left; nobody else is freezing, since the vault is ours."""
    for path in (*site.vault.glob(f"{STAGING}*"), *site.freezes.glob(".*")):
        _remove(path)
    for path in (*site.vault.glob(".*.part"), *site.vault.glob("quarantine/.*.part")):
        path.unlink()


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(folder)


@contextmanager
def _disk_full(final: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL or "No space left" in str(error) or "File too large" in str(error):
            raise StoreError(
                f"{final}: no space left on the disk: make room and freeze again; nothing was left behind"
            ) from None
        raise
