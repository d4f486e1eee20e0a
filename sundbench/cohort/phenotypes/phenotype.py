"""A phenotype: who has a condition and since when, told by rules that are data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import polars as pl

from sundbench.cohort import engine
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.damage import explained
from sundbench.cohort.database import Database
from sundbench.cohort.events.onsets import TYPES, OnsetOf, Told, TypeAtIndex
from sundbench.cohort.features.feature import Feature
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


@dataclass(frozen=True, eq=False)
class Phenotype:
    """A phenotype's rules, ready to be collected over an extract, or to be asked for in a study.

    In a study its onset is an event like others (``onset``), and whether a person has it at index a feature
    (``at_index``).

    Attributes:
        name: its name.
        rules: what its file says.
    """

    name: str
    rules: Diabetes | DrugClasses

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phenotype) and (self.name, self.digest) == (other.name, other.digest)

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the rules: equal rules have equal digests."""
        return hashlib.sha256(self.rules.model_dump_json().encode()).hexdigest()

    def check(self, db: Database) -> None:
        """Refuse, before anything is read, what the extract can't give.

        Raises:
            StudyError: a register or column that the extract lacks.
            StoreError: a bucket file is missing.
        """
        for register in self.registers(db):
            db.files(register)

    def registers(self, db: Database, place: str = "") -> tuple[str, ...]:
        """The registers that it reads of an extract.

        Args:
            db: the extract.
            place: what a message begins with.

        Raises:
            StudyError: a register or column that the extract lacks.
        """
        return reading.held(db, self.rules.kind, f"{place}{self._where}")

    def until(self, db: Database) -> date | None:
        """The last day on which the extract can tell all that it must know."""
        return reading.until(db, self.rules.kind)

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
        registers = tuple((name, db.columns(name)) for name in self.registers(db))
        shared, told = _Reading(self, db.root, registers), partial(report, self.name)
        parts = engine.in_order(_task, shared, db.buckets, client=client, workers=workers, told=told)
        made_of = "\n".join((self.digest, db.digest, version("sundbench")))
        return Phenotyped.of(
            pl.concat(parts), tuple(self.notes(db)), hashlib.sha256(made_of.encode()).hexdigest()
        )

    def classes(self) -> Feature:
        """How many of its classes of drugs were dispensed at index, as a feature of a study.

        Raises:
            StudyError: the phenotype isn't told by classes of drugs.
        """
        if not isinstance(self.rules, DrugClasses):
            raise StudyError(f"{self._where}: isn't told by classes of drugs: use at_index()")
        return drug_classes.NumberOfClasses(self.name, self.rules.classes, self.rules.days)

    def onset(self, told: Told = "stable", *, type: str | None = None) -> OnsetOf:  # noqa: A002 - its name
        """Since when a person has the condition, as an event of a study.

        It can be an outcome, end follow-up, make people enter (``sb.onset``), or be looked for in a window:
        ``.before(index_day=True).any()`` is whether, ``.before(index_day=True).first()`` since when.

        Example:
            >>> diabetes = sb.phenotype("diabetes_osdc")
            >>> sb.Study(..., require={"no diabetes": ~diabetes.at_index()},
            ...          outcomes={"diabetes": diabetes.onset()}, ...)

        Args:
            told: ``"stable"``, the date where incidence can be told: who has none has no onset. ``"raw"``,
                the day on which the rule is fulfilled. Of rules with one date the two are the same.
            type: ``"type 1"`` or ``"type 2"`` of diabetes alone.

        Raises:
            StudyError: another date, or a type of a phenotype without types.
        """
        if told not in get_args(Told):
            raise StudyError(f"{self._where}: onset({told!r}): choose among {', '.join(get_args(Told))}")
        if type is not None:
            self._refuse_untyped()
            if type not in TYPES:
                raise StudyError(f"{self._where}: onset(type={type!r}): choose among {', '.join(TYPES)}")
        return OnsetOf(self, told, type)

    def at_index(self) -> Feature:
        """Whether the condition is there at index, as a feature of a study.

        Of a phenotype told by classes of drugs: whether enough of them were dispensed in the days up to
        index. Of others: whether their raw date lies at or before index.
        """
        if isinstance(self.rules, DrugClasses):
            return self.classes() >= self.rules.at_least
        return self.onset("raw").before(index_day=True).any()

    def type_at_index(self) -> Feature:
        """The type in those who have the condition at index, missing in others, as a feature of a study.

        The type is told by all that the extract holds of a person, after index too.

        Raises:
            StudyError: the phenotype has no types.
        """
        self._refuse_untyped()
        return TypeAtIndex(self)

    def onsets(self, bucket: Bucket) -> pl.DataFrame:
        """Who of a bucket has the condition since when.

        Returns:
            ``person`` (int32), ``raw`` and ``stable`` (dates, the latter missing where incidence can't be
            told), ``type`` (text, missing where there are no types); one row a person, sorted.
        """
        found = _of_bucket(self.rules, bucket)
        person = pl.col("pid").cast(pl.Int32).alias("person")
        if isinstance(self.rules, Diabetes):
            kind = pl.when(pl.col("has_t1d")).then(pl.lit(TYPES[0])).otherwise(pl.lit(TYPES[1]))
            dates = pl.col("raw_inclusion_date").alias("raw"), pl.col("stable_inclusion_date").alias("stable")
            chosen = found.select(person, *dates, kind.alias("type"))
        else:
            day = pl.col("onset_date")
            no_type = pl.lit(None, dtype=pl.String).alias("type")
            chosen = found.select(person, day.alias("raw"), day.alias("stable"), no_type)
        return chosen.sort("person").collect()

    def _refuse_untyped(self) -> None:
        if not isinstance(self.rules, Diabetes):
            raise StudyError(f"{self._where}: it has no types")

    @property
    def _where(self) -> str:
        return f"phenotype({self.name!r})"

    def notes(self, db: Database) -> list[str]:
        """What a reader of the results must know of an extract's coverage."""
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
