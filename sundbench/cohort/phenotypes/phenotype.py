"""A phenotype: who has a condition and since when, told by rules that are data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from sundbench.cohort import engine
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.damage import explained
from sundbench.cohort.database import Database
from sundbench.cohort.features import Feature
from sundbench.cohort.phenotypes import diabetes, drug_classes, reading
from sundbench.cohort.phenotypes.definitions import Diabetes, DrugClasses, definition
from sundbench.cohort.phenotypes.result import Phenotyped
from sundbench.errors import StudyError
from sundbench.progress import Report, silent

if TYPE_CHECKING:
    from distributed import Client


def phenotype(name: str | Path, **changes: object) -> Phenotype:
    """Who has a condition and since when, by published rules.

    Example:
        >>> sb.phenotype("diabetes_osdc").collect(db)
        >>> sb.phenotype("diabetes_osdc", stable_from="2006-01-01").collect(db)
        >>> sb.phenotype("hypertension_atc").at_index()      # a feature of a study

    Args:
        name: ``diabetes_osdc`` (the Open-Source Diabetes Classifier) or ``hypertension_atc``, or the path of
            a TOML file like theirs in ``sundbench/cohort/phenotypes/data``. docs/phenotypes.md has the rules.
        changes: what to say otherwise than the file does, at its top level: ``stable_from`` for an extract
            whose patient register and prescriptions begin after 1997.

    Raises:
        StudyError: there is no such phenotype, or the file or a change makes no sense.
    """
    return Phenotype(Path(name).stem, definition(name, changes))


@dataclass(frozen=True)
class Phenotype:
    """A phenotype's rules, ready to be collected over an extract.

    Attributes:
        name: its name.
        rules: what its file says.
    """

    name: str
    rules: Diabetes | DrugClasses

    @property
    def digest(self) -> str:
        """SHA-256 of the rules: equal rules have equal digests."""
        return hashlib.sha256(self.rules.model_dump_json().encode()).hexdigest()

    def check(self, db: Database) -> None:
        """Refuse, before anything is read, what the extract can't give.

        Raises:
            StudyError: a register or column that the extract lacks.
            StoreError: a bucket file is missing.
        """
        for register in reading.held(db, self.rules.kind, self._where):
            db.files(register)

    def collect(
        self,
        db: Database,
        *,
        client: Client | None = None,
        workers: int | None = None,
        report: Report = silent,
    ) -> Phenotyped:
        """Find who has the condition in an extract, one task per bucket.

        Args:
            db: the extract.
            client: a ``distributed.Client``; else the active one if there is one, else Dask's threads.
            workers: number of threads where no client is used; all processors if nothing is said.
            report: told of progress.

        Returns:
            A pandas frame, one row per person with the condition, in the buckets' order. ``diabetes_osdc``:
            ``pid`` (the extract's pseudonym), ``raw_inclusion_date``, ``stable_inclusion_date`` (missing
            where incidence can't be told), ``has_t1d``, ``has_t2d``. ``hypertension_atc``: ``pid``,
            ``onset_date``, ``classes``.

        Raises:
            StudyError: the extract lacks a register or a column.
            StoreError: a bucket file is missing or damaged.
        """
        self.check(db)
        registers = tuple((name, db.columns(name)) for name in reading.held(db, self.rules.kind, self._where))
        shared, told = _Reading(self, db.root, registers), partial(report, self.name)
        parts = engine.in_order(_task, shared, db.buckets, client=client, workers=workers, told=told)
        made_of = "\n".join((self.digest, db.digest, version("sundbench")))
        return Phenotyped.of(
            pl.concat(parts), tuple(self._notes(db)), hashlib.sha256(made_of.encode()).hexdigest()
        )

    def classes(self) -> Feature:
        """How many of its classes of drugs were dispensed at index, as a feature of a study.

        Raises:
            StudyError: the phenotype isn't told by classes of drugs.
        """
        if not isinstance(self.rules, DrugClasses):
            raise StudyError(f"{self._where}: isn't told by classes of drugs: collect it")
        return drug_classes.NumberOfClasses(self.name, self.rules.classes, self.rules.days)

    def at_index(self) -> Feature:
        """Whether the condition is there at index, as a feature of a study.

        Raises:
            StudyError: the phenotype isn't told by classes of drugs.
        """
        classes = self.classes()
        assert isinstance(self.rules, DrugClasses)  # noqa: S101 - classes() refuses others
        return classes >= self.rules.at_least

    @property
    def _where(self) -> str:
        return f"phenotype({self.name!r})"

    def _notes(self, db: Database) -> list[str]:
        """What a reader must know of coverage."""
        if not isinstance(self.rules, Diabetes):
            return []
        stable = self.rules.stable_from
        a_year_before = date(stable.year - 1, stable.month, min(stable.day, 28))
        begins = {name: db.coverage(name) for name in ("lpr_diag", "lmdb") if name in db.registers}
        return [
            f"{name} begins on {span[0]}: stable inclusion dates need it from {a_year_before} on: "
            "say a later stable_from"
            for name, span in begins.items()
            if span is not None and span[0] > a_year_before
        ]


@dataclass(frozen=True)
class _Reading:
    """What a task needs: small, and can be pickled."""

    phenotype: Phenotype
    root: Path
    registers: tuple[tuple[str, tuple[str, ...]], ...]


def _task(what: _Reading, number: int) -> pl.DataFrame:
    try:
        return _of_bucket(what.phenotype.rules, Bucket(what.root, number)).collect()
    except pl.exceptions.PolarsError as error:
        raise explained(what, (number,), error) from error


def _of_bucket(rules: Diabetes | DrugClasses, bucket: Bucket) -> pl.LazyFrame:
    if isinstance(rules, Diabetes):
        # Each register is read once: what is found of it is asked several times.
        sources = diabetes.held(reading.of_diabetes(bucket, rules))
        return diabetes.classified(diabetes.held(diabetes.events(sources, rules)), rules)
    return drug_classes.onset(reading.of_drug_classes(bucket, rules), rules).rename({"person": "pid"})
