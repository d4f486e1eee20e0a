"""A permit's extract of a freeze: only its columns, rows and people, under its own pseudonyms.

``extracts/<permit>/<freeze>/<register>/bucket-*.parquet`` and ``extract.json``. Two permits' extracts of one
freeze share no pseudonym, key or order; one permit's extracts of two freezes share them all.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sundbench import aside
from sundbench.errors import PermitError, StoreError
from sundbench.governance import database, permits
from sundbench.governance.permit import Permit, check
from sundbench.governance.permits import Registered
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import Catalogue, ColumnType
from sundbench.registers.catalogue import catalogue as known_registers
from sundbench.site import Site
from sundbench.store import swap
from sundbench.store.buckets import extract_buckets
from sundbench.store.difference import difference
from sundbench.store.freeze import Freeze
from sundbench.store.population import population
from sundbench.store.shuffle import OPTED_OUT, Cut, Selection, Tally, shuffle
from sundbench.store.vault import Vault

_REASONS = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}


@dataclass(frozen=True)
class Extract:
    """An extract as it lies on disk.

    Attributes:
        path: its folder.
        manifest: its ``extract.json``.
        made: False where it was there already and up to date.
        difference: what it adds to and drops from the extract it replaced, as its ``extract-diff.json``
            says; None where it replaced none, or a damaged one.
    """

    path: Path
    manifest: Mapping[str, Any]
    made: bool
    difference: Mapping[str, Any] | None


def extract(
    site: Site,
    permit_id: str,
    freeze_id: str,
    *,
    again: bool = False,
    today: date | None = None,
    workers: int | None = None,
    report: Report = silent,
) -> Extract:
    """Make a permit's extract of a freeze, or find that it is there and up to date.

    It is up to date where permit, freeze, catalogue and the list of opt-outs are those it was made from, and
    its files have the digests that it says. Otherwise it is made anew aside and takes the old one's place at
    once, with a note of the difference.

    Args:
        site: where all lies, with the vault's key.
        permit_id: a registered permit.
        freeze_id: a freeze.
        again: make it anew even where it is up to date.
        today: the day by which the permit must not have expired; default: this day in Denmark.
        workers: threads; default: as many as processors.
        report: told of the files of the extract that is there, then of each register's buckets.

    Returns:
        The extract.

    Raises:
        PermitError: the permit is unknown, closed or expired, or its population is empty.
        StoreError: no such freeze, no key to the vault, the freeze lacks what the population rests on, the
            disk is full, its place is a link, the vault lacks persons, or the permit's extract is being made
            by another process.
    """
    catalogue = known_registers()
    with database.reading(site) as session:
        registered = permits.usable(session, permit_id, today or permits.today())
    check(registered.permit, catalogue, f"permit {permit_id}")
    freeze = Freeze.open(site, freeze_id)
    place = site.extracts / permit_id / freeze_id
    if place.is_symlink():  # replacing it would leave the old extract where it points to
        raise StoreError(f"{place} is a link: put a folder there, or link {site.extracts} as a whole")
    workers = workers or os.cpu_count() or 1
    with _alone(place):
        before = _whole(place, workers, report)
        if before is not None and not again:
            found = _up_to_date(place, before, registered, freeze, site)
            if found is not None:
                return found
        try:
            with aside.folder(place) as making:
                manifest = _make(site, registered, freeze, making, workers=workers, report=report)
                changes = difference(place, before, making, manifest) if before is not None else None
                if changes is not None:
                    _write(making / "extract-diff.json", changes)
                _write(making / "extract.json", manifest)
                swap.put(making, place)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _told(error, place) from error
    return Extract(place, manifest, made=True, difference=changes)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep others from making the same permit's extracts, and sweep up after those who died in it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(place.parent / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        swap.recover(place)
        for stale in place.parent.glob(".*.making"):
            shutil.rmtree(stale, ignore_errors=True)
        yield
    except BlockingIOError:
        raise StoreError(
            f"{place.parent}: another process is making an extract of this permit: try again when it is done"
        ) from None
    finally:
        os.close(lock)


def _whole(place: Path, workers: int, report: Report) -> dict[str, Any] | None:
    """The ``extract.json`` that is there; None where there is none, or it or one of its files is damaged."""
    try:
        manifest: dict[str, Any] = json.loads((place / "extract.json").read_bytes())
        files = {
            place / register / file: digest
            for register, entry in manifest["registers"].items()
            for file, digest in entry["files"].items()
        }
        with ThreadPoolExecutor(workers) as threads:
            found = zip(threads.map(_digest, files), files.values(), strict=True)
            for done, (digest, expected) in enumerate(found, start=1):
                report("check", done, len(files))
                if digest != expected:
                    return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _up_to_date(
    place: Path, manifest: dict[str, Any], registered: Registered, freeze: Freeze, site: Site
) -> Extract | None:
    with Vault.open(site) as vault:
        _check_vault(vault, site, freeze)
        opt_outs = _opt_outs_digest(vault.opted_out(), vault.permit_key(registered.permit.id))
    sought = {
        "permit_digest": registered.digest,
        "freeze_digest": freeze.digest,
        "catalogue_digest": known_registers().digest,
        "opt_outs_digest": opt_outs,
    }
    if any(manifest.get(name) != value for name, value in sought.items()):
        return None
    changes = place / "extract-diff.json"
    kept = json.loads(changes.read_text(encoding="utf-8")) if changes.exists() else None
    return Extract(place, manifest, made=False, difference=kept)


def _make(
    site: Site, registered: Registered, freeze: Freeze, folder: Path, *, workers: int, report: Report
) -> dict[str, Any]:
    """Write all registers into the folder; returns the manifest."""
    permit, catalogue = registered.permit, known_registers()
    members = population(freeze, permit.population, catalogue, workers=workers, report=report)
    selection, people = _name(site, permit, members, freeze)
    cuts, absent = _cuts(permit, freeze, catalogue)
    registers: dict[str, Any] = {}
    left_out = Counter(
        persons_opted_out=people["opted_out"],
        persons_outside_population=freeze.persons - int(members.sum()),
    )
    for cut in cuts:
        tally = shuffle(freeze, folder, cut, selection, workers=workers, report=report)
        held = freeze.manifest["registers"][cut.name]["coverage"]
        registers[cut.name] = _register(cut, tally, _coverage(cut, held, permit, catalogue))
        left_out.update(tally.left_out)
    files = [f"{r}/{f} {sha}" for r, entry in registers.items() for f, sha in entry["files"].items()]
    return {
        "permit": permit.id,
        "permit_version": registered.version,
        "permit_digest": registered.digest,
        "freeze": freeze.id,
        "freeze_digest": freeze.digest,
        "synthetic": bool(freeze.manifest.get("synthetic")),
        "catalogue_digest": catalogue.digest,
        "opt_outs_digest": people["digest"],
        "version": version("sundbench"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "period": {"since": str(permit.period.since), "until": str(permit.period.until)},
        "disclosure": permit.disclosure,
        "persons": people["persons"],
        "buckets": selection.buckets,
        "digest": hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest(),
        "left_out": dict(left_out),
        "absent": absent,
        "registers": registers,
    }


def _name(
    site: Site, permit: Permit, members: np.ndarray, freeze: Freeze
) -> tuple[Selection, dict[str, Any]]:
    """Take out who said no, and give the others their pseudonyms."""
    if not members.any():
        raise PermitError(
            f"permit {permit.id}: nobody in freeze {freeze.id} is in its population: "
            "check how its rule spells the codes, and its dates"
        )
    with Vault.open(site) as vault:
        _check_vault(vault, site, freeze)
        if np.flatnonzero(members)[-1] >= vault.persons:
            # It would find none of those who opted out, either.
            raise StoreError(
                f"vault {site.vault} doesn't know all persons of freeze {freeze.id}: restore it from a "
                "backup made after that freeze"
            )
        said_no = vault.opted_out()
        key = vault.permit_key(permit.id)
        out = np.zeros(len(members), dtype=bool)
        out[said_no[said_no < len(members)]] = True
        chosen = np.flatnonzero(members & ~out)
        if len(chosen) == 0:
            raise PermitError(f"permit {permit.id}: everyone in its population has opted out")
        names = np.zeros(len(members), dtype=np.int32)
        names[members & out] = OPTED_OUT
        names[chosen] = vault.pseudonyms(permit.id, chosen.astype(np.int32))
        vault.save()
    persons = len(np.unique(names[chosen]))
    buckets = extract_buckets(persons)
    people = {
        "persons": persons,
        "opted_out": int((members & out).sum()),
        "digest": _opt_outs_digest(said_no, key),
    }
    return Selection(names, key, permit.period, buckets), people


def _check_vault(vault: Vault, site: Site, freeze: Freeze) -> None:
    """Refuse a vault that the freeze was not made with: its opt-outs and indices are other persons'.

    Raises:
        StoreError: it is another one. Freezes from before they named their vault are taken on trust.
    """
    if freeze.manifest.get("vault", vault.fingerprint) != vault.fingerprint:
        raise StoreError(
            f"freeze {freeze.id} was made with another vault than {site.vault}: put that vault there and name"
            " its key in SUNDBENCH_VAULT_KEY_FILE, or freeze the delivery again with this one"
        )


def _opt_outs_digest(said_no: np.ndarray, key: bytes) -> str:
    """Tells whether the list has changed; keyed, so that it tells nothing else."""
    return blake2b(np.sort(said_no).astype("<i4").tobytes(), digest_size=16, key=key).hexdigest()


def _cuts(permit: Permit, freeze: Freeze, catalogue: Catalogue) -> tuple[list[Cut], dict[str, list[str]]]:
    """What leaves of each register; and what the permit allows but the freeze hasn't got."""
    cuts: list[Cut] = []
    absent: dict[str, list[str]] = {}
    for name in sorted(permit.registers):
        wanted = permit.columns(name, catalogue)
        if name not in freeze.registers:
            absent[name] = list(wanted)
            continue
        held = pl.read_parquet_schema(freeze.file(name, 0))
        missing = [column for column in wanted if column not in held]
        if missing:
            absent[name] = missing
        dated_by = catalogue.date_column(name)
        undated = permit.registers[name].undated
        if dated_by is not None and dated_by not in held:
            if not undated:
                raise StoreError(
                    f"freeze {freeze.id}: register {name} has no {dated_by}, so it can't be cut to the "
                    f"permit's period: if all of it is approved, say undated = true at registers.{name} "
                    "of the permit"
                )
            dated_by = None
        types = {column: _type(name, column, catalogue) for column in wanted if column in held}
        spaces = {
            column: catalogue[name].columns[column].space or "" for column, t in types.items() if t == "key"
        }
        dated_type = _type(name, dated_by, catalogue) if dated_by else None
        cuts.append(Cut(name, types, spaces, dated_by, dated_type, undated))
    if not cuts:
        raise StoreError(f"freeze {freeze.id} holds none of the registers of permit {permit.id}")
    return cuts, absent


def _type(register: str, column: str, catalogue: Catalogue) -> ColumnType:
    """A column's type; a child's date has its parent's."""
    entry = catalogue[register]
    while column not in entry.columns and entry.parent is not None:
        entry = catalogue[entry.parent.name]
    return entry.columns[column].type


def _register(cut: Cut, tally: Tally, coverage: Mapping[str, str | None]) -> dict[str, Any]:
    """A register's part of the manifest."""
    return {
        "columns": {name: cut.types.get(name, "person") for name in tally.schema},
        "rows": tally.rows,
        "left_out": {reason: count for reason, count in sorted(tally.left_out.items()) if count},
        "coverage": coverage,
        "files": tally.files,
    }


def _coverage(
    cut: Cut, held: Mapping[str, str | None], permit: Permit, catalogue: Catalogue
) -> dict[str, str | None]:
    """The days on which the extract has all of a register's dated rows; nulls where there is none.

    That is what the catalogue, the freeze (from its first row to its last) and the permit have in common.
    """
    covered = catalogue[cut.name].coverage
    if cut.date is not None and held["since"] and held["until"]:
        since = max(covered.since, permit.period.since, date.fromisoformat(held["since"]))
        until = min(covered.until or date.max, permit.period.until, date.fromisoformat(held["until"]))
        if since <= until:
            return {"since": str(since), "until": str(until)}
    return {"since": None, "until": None}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path.chmod(0o444)


def _told(error: Exception, place: Path) -> StoreError:
    """What the user can do about a failure of the disk or a damaged freeze."""
    reason = _REASONS.get(getattr(error, "errno", None) or 0)
    if reason is None and "No space left" in str(error):
        reason = _REASONS[errno.ENOSPC]
    if reason is not None:
        return StoreError(f"{place}: {reason}: nothing was kept; free some space and try again")
    if isinstance(error, OSError) and error.strerror:
        return StoreError(f"{place}: could not be made: {error.strerror}: nothing was kept")
    return StoreError(
        f"{place}: freeze {place.name} can't be read: `sundbench freeze verify {place.name}` tells where; "
        "nothing was kept"
    )
