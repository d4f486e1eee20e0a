"""A synthetic extract: a permit's registers and columns filled with persons who don't exist.

Drawn from the permit, the catalogue and what the studies declare (``[synthetic]`` in study.toml); neither
freeze nor extract is read, so nothing in it can be anybody's. For writing code, sharing screens and teaching.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sundbench import aside
from sundbench.errors import ReleaseError, StudyError
from sundbench.governance import database, permits
from sundbench.governance.permit import Ever, Permit, Rule, check
from sundbench.governance.permits import Registered
from sundbench.progress import Report, silent
from sundbench.registers.catalogue import Catalogue
from sundbench.registers.catalogue import catalogue as known_registers
from sundbench.registers.invented.people import People, draw
from sundbench.registers.invented.planting import Planted, Seeds, codes_of_arms, enrol, sow
from sundbench.registers.invented.rows import Registers, day_number
from sundbench.registers.invented.values import beginning
from sundbench.registers.synthetic.figures import Indices
from sundbench.registers.synthetic.run import LAST_YEAR
from sundbench.release import content
from sundbench.release.disk import room_for
from sundbench.release.study import StudyFolder, available, find
from sundbench.site import Site
from sundbench.store import swap
from sundbench.store.buckets import bucket_file, extract_bucket, extract_buckets, write_table

PERSONS = 3_000
"""Persons unless the studies need more."""

FREEZE = "synthetic"
"""What stands for a freeze in its ``extract.json``."""

_LAST_DAY = date(LAST_YEAR, 12, 31)


@dataclass(frozen=True)
class SyntheticExtract:
    """A synthetic extract as it lies on disk.

    Attributes:
        path: its folder, ``synthetic/<permit>``.
        manifest: its ``extract.json``, in which ``synthetic`` is true.
        studies: the studies of which every arm has people.
        made: False where it was there already and up to date.
    """

    path: Path
    manifest: Mapping[str, Any]
    studies: tuple[str, ...]
    made: bool


def synthetic_extract(
    site: Site,
    permit_id: str,
    *,
    persons: int = PERSONS,
    seed: int = 1,
    analyses: Path | None = None,
    today: date | None = None,
    report: Report = silent,
) -> SyntheticExtract:
    """Make a permit's synthetic extract, or find that it is there and up to date.

    Args:
        site: where all lies; no vault is opened and no key is needed.
        permit_id: a registered permit.
        persons: how many persons at least; more where the studies' arms need them.
        seed: the same permit, catalogue, studies and seed give the same bytes.
        analyses: the folder of studies; default: those that come with Sundbench.
        today: the day by which the permit must not have expired; default: this day in Denmark.
        report: told of each register.

    Returns:
        The synthetic extract.

    Raises:
        PermitError: the permit is unknown, closed or expired.
        StudyError: a study is wrong, or declares a register or column that the catalogue doesn't know.
        ReleaseError: persons or seed out of range, or the disk is full; nothing is left half-made then.
    """
    if persons < 1 or seed < 0:
        raise ReleaseError(
            f"synthetic extract: persons {persons}, seed {seed}: give at least 1, and 0 or more"
        )
    catalogue = known_registers()
    with database.reading(site) as session:
        registered = permits.usable(session, permit_id, today or permits.today())
    check(registered.permit, catalogue, f"permit {permit_id}")
    studies = {
        study.about.id: needs
        for study in runnable(registered.permit, catalogue, analyses or content.analyses())
        if (needs := study.about.synthetic) is not None and _within(needs, registered.permit)
    }
    for name, needs in studies.items():
        unknown = needs.unknown(catalogue)
        if unknown is not None:
            raise StudyError(
                f"{name}/study.toml: synthetic: the catalogue has no {unknown}: correct its name"
            )
    made_of = _made_of(registered, catalogue, studies, persons, seed)
    place = site.synthetic / permit_id
    there = _up_to_date(place, made_of)
    if there is None:
        with room_for(f"synthetic extract {permit_id}"):
            place.parent.mkdir(parents=True, exist_ok=True)
            with aside.alone(place.with_name(f".{place.name}.lock")):
                there = _up_to_date(place, made_of)  # perhaps made while this one waited
                if there is None:
                    swap.recover(place)
                    aside.sweep(place)
                    with aside.folder(place) as making:
                        drawn = _tables(registered.permit, catalogue, list(studies.values()), persons, seed)
                        manifest = _write(making, registered, drawn, made_of, report)
                        swap.put(making, place)
                    return SyntheticExtract(place, manifest, tuple(studies), made=True)
    return SyntheticExtract(place, there, tuple(studies), made=False)


def runnable(permit: Permit, catalogue: Catalogue, analyses: Path) -> Iterator[StudyFolder]:
    """The studies that a permit allows everything for.

    Raises:
        StudyError: a study is wrong.
    """
    for name in available(analyses):
        study = find(analyses, name)
        if study.about.lacks(permit, catalogue) is None:
            yield study


def _within(needs: Planted, permit: Permit) -> bool:
    """Whether anybody can enter the study in the permit's period."""
    return needs.entry.since <= permit.period.until and permit.period.since <= needs.entry.until


def _made_of(
    registered: Registered,
    catalogue: Catalogue,
    studies: Mapping[str, Planted],
    persons: int,
    seed: int,
) -> dict[str, Any]:
    """All that the bytes depend on."""
    return {
        "permit_digest": registered.digest,
        "catalogue_digest": catalogue.digest,
        "version": version("sundbench"),
        "drawn": {
            "persons": persons,
            "seed": seed,
            "studies": {
                name: hashlib.sha256(study.model_dump_json(by_alias=True).encode()).hexdigest()
                for name, study in studies.items()
            },
        },
    }


def _up_to_date(place: Path, made_of: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ``extract.json`` that is there, if it is made of the same; its files were written before it."""
    try:
        manifest: dict[str, Any] = json.loads((place / "extract.json").read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if all(manifest.get(name) == value for name, value in made_of.items()) else None


def _tables(
    permit: Permit, catalogue: Catalogue, studies: list[Planted], persons: int, seed: int
) -> tuple[Registers, People]:
    window = day_number(permit.period.since), day_number(permit.period.until)
    if permit.period.since <= _LAST_DAY:  # nobody knows what registers will hold later
        window = window[0], min(window[1], day_number(_LAST_DAY))
    streams = (seed, zlib.crc32(permit.id.encode()))
    rng = np.random.default_rng(streams)
    enrolled, planted = enrol(studies, window, rng)
    # The arms are a part of the persons: there is always somebody who is in none.
    size = max(persons, ceil(1.5 * len(enrolled.person)))
    born = _born(permit.population)
    people = draw(size, window, enrolled, born, rng)
    seeds = sow(planted, people.death, rng)
    seeds = [one for one in seeds if one.register in permit.registers]
    others = np.setdiff1d(np.arange(size), enrolled.person)
    population = _Population(permit, people, Registers(people, window, catalogue, streams), rng)
    seeds += population.seeds(permit.population, others)
    avoid = codes_of_arms(studies, catalogue)
    return Registers(people, window, catalogue, streams, seeds=seeds, avoid=avoid), people


def _born(rule: Rule) -> tuple[int, int] | None:
    """The days of birth that everybody in the population has."""
    if rule.born is not None:
        return day_number(rule.born.since), day_number(rule.born.until)
    return next((born for one in rule.every or () if (born := _born(one)) is not None), None)


@dataclass(frozen=True)
class _Population:
    """Rows by which persons fulfil the permit's rule, as far as its registers are approved."""

    permit: Permit
    people: People
    registers: Registers
    rng: np.random.Generator

    def seeds(self, rule: Rule, persons: Indices) -> list[Seeds]:
        if rule.every is not None:
            return [seeds for one in rule.every for seeds in self.seeds(one, persons)]
        if rule.some is not None:
            open_to = [one for one in rule.some if self._plantable(one)]
            choice = self.rng.integers(0, max(len(open_to), 1), len(persons))
            return [
                seeds
                for number, one in enumerate(open_to)
                for seeds in self.seeds(one, persons[choice == number])
            ]
        if rule.ever is None or not self._plantable(rule):
            return []
        return self._coded(rule.ever, persons)

    def _plantable(self, rule: Rule) -> bool:
        if rule.ever is None:
            return True
        approved = rule.ever.source in self.permit.registers
        return approved and self.registers.window(rule.ever.source) is not None

    def _coded(self, ever: Ever, persons: Indices) -> list[Seeds]:
        window = self.registers.window(ever.source)
        assert window is not None  # noqa: S101 - plantable
        low = np.maximum(window[0], self.people.birth[persons]).astype(np.int64)
        span = np.minimum(window[1], self.people.death[persons]) - low + 1
        day = (low + np.floor(self.rng.random(len(persons)) * np.maximum(span, 1))).astype(np.int32)
        kept = (span > 0) & self.people.resident(persons, day)
        register = known_registers()[ever.source]
        codes = [code for prefix in ever.prefixes for code in beginning(register, ever.column, prefix)]
        which = self.rng.integers(0, len(codes), len(persons))
        return [
            Seeds(ever.source, persons[chosen], day[chosen], {ever.column: code})
            for number, code in enumerate(codes)
            if (chosen := kept & (which == number)).any()
        ]


def _write(
    folder: Path,
    registered: Registered,
    drawn: tuple[Registers, People],
    made_of: Mapping[str, Any],
    report: Report,
) -> dict[str, Any]:
    registers, people = drawn
    permit, catalogue = registered.permit, known_registers()
    buckets = extract_buckets(len(people.name))
    written: dict[str, Any] = {}
    for done, name in enumerate(sorted(permit.registers), start=1):
        columns = permit.columns(name, catalogue)
        table = registers.table(name, columns)
        (folder / name).mkdir()
        files = {}
        bucket = extract_bucket(table["person"].to_numpy(), buckets)
        for number in range(buckets):
            file = bucket_file(number)
            files[file] = write_table(table.filter(pl.Series(bucket == number)), folder / name / file)
            (folder / name / file).chmod(0o444)
        window = registers.window(name) if catalogue.date_column(name) else None
        edges = np.array(window or (), dtype="datetime64[D]")
        written[name] = {
            "columns": {column: _type(name, column, catalogue) for column in table.columns},
            "rows": table.height,
            "left_out": {},
            "coverage": {
                "since": str(edges[0]) if len(edges) else None,
                "until": str(edges[1]) if len(edges) else None,
            },
            "files": files,
        }
        report("registers", done, len(permit.registers))
    listed = [f"{r}/{f} {sha}" for r, entry in written.items() for f, sha in entry["files"].items()]
    manifest = {
        "permit": permit.id,
        "permit_version": registered.version,
        "freeze": FREEZE,
        "synthetic": True,
        **made_of,
        "period": {"since": str(permit.period.since), "until": str(permit.period.until)},
        "disclosure": permit.disclosure,
        "persons": len(people.name),
        "buckets": buckets,
        "digest": hashlib.sha256("\n".join(sorted(listed)).encode()).hexdigest(),
        "left_out": {},
        "absent": {},
        "registers": written,
    }
    path = folder / "extract.json"
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path.chmod(0o444)
    return manifest


def _type(register: str, column: str, catalogue: Catalogue) -> str:
    if column == "person":
        return column
    entry = catalogue[register]
    while column not in entry.columns and entry.parent is not None:
        entry = catalogue[entry.parent.name]
    return entry.columns[column].type
