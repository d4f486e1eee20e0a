"""What a study gives: one row per person, and how they came to be chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sundbench.cohort.attrition import FlowChart, flow_chart, step_texts
from sundbench.cohort.attrition.merging import LEAST
from sundbench.cohort.database import Database
from sundbench.cohort.entering import Counts
from sundbench.cohort.following import gathered
from sundbench.cohort.language import Language
from sundbench.cohort.lexis.of_cohort import Pieces, split_cohort
from sundbench.cohort.populations.sets import Sets
from sundbench.cohort.study import Study
from sundbench.cohort.task import Part
from sundbench.errors import StudyError


@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """A collected cohort.

    Attributes:
        study: the protocol.
        table: one row per person, in the buckets' order: ``person``, ``drug``, ``index``, the covariates, the
            measures, ``<outcome>_time`` (int32, days) and ``<outcome>_event`` (bool) for each outcome,
            ``end`` and ``end_reason``. Texts of few values (``drug``, sex, region, ``end_reason``) are
            dictionaries in the order of listing.
        attrition: the flow chart: ``step``, ``persons`` left, ``dropped`` by the step, and the persons left
            by drug. Before the index day is settled a person may count under several drugs.
        fingerprint: SHA-256 over the study's digest, the extract's digest and the library's version.
        exposures: of each exposure of the protocol, the intervals of follow-up by state: ``row`` (place in
            the table), ``person``, ``start_day`` (the day before the first), ``stop_day`` (the last) and
            ``state`` (never, current, recent, past); they cover follow-up exactly.
        recurrences: of each recurrent outcome the days, since index, on which it counts.
        born: days of birth, where the protocol asks for age.
        notes: what a reader of the results must know, such as a drug that nobody starts.
    """

    study: Study
    table: pa.Table
    attrition: pd.DataFrame
    fingerprint: str
    notes: tuple[str, ...]
    exposures: Mapping[str, pa.Table] = field(default_factory=dict)
    recurrences: Mapping[str, pa.Table] = field(default_factory=dict)
    born: pa.Array | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        arms = self.table["drug"].value_counts().to_pylist() if "drug" in self.table.column_names else []
        many = {str(one["values"]): int(one["counts"]) for one in arms}
        by_arm = ", ".join(f"{arm} {many.get(arm, 0)}" for arm in self.arms)
        size = f"{len(self)} rows" + (f" ({by_arm})" if many else "")
        return "\n".join((f"Cohort: {size}, columns {', '.join(self.table.column_names)}", *self.notes))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table in pandas: dates as datetime64, ``drug``, ``sex`` and ``region`` as categories."""
        frame: pd.DataFrame = self.table.to_pandas(date_as_object=False)
        return frame

    @property
    def arms(self) -> tuple[str, ...]:
        """The drugs' names, in the order of listing."""
        return self.study.population.arms

    def flow_chart(self, language: Language = "en", *, least: int = LEAST) -> FlowChart:
        """The flow chart, safe to release: no step singles out fewer than ``least`` persons, but nobody.

        ``attrition`` is exact and stays inside; here steps that would single persons out are merged, in all
        and by arm. Printed, as a table in notebooks, and ``.figure()`` as the literature draws it;
        ``.write(sb.outputs())`` writes table and figure to the outbox.

        Example:
            >>> cohort.flow_chart()
            >>> cohort.flow_chart("da").figure()
            >>> cohort.flow_chart().write(sb.outputs())

        Of cohorts of sets (matched ones, families) it is the flow of the cases: those who are found for them
        may be in several sets, and numbers of rows are no numbers of persons.

        Args:
            language: of its texts, ``"en"`` or ``"da"``.
            least: the smallest number of persons that may be shown, besides 0.

        Raises:
            StudyError: fewer persons than that are left, or another language.
        """
        counts = [tuple(map(int, row)) for row in self.attrition.drop(columns=["step", "dropped"]).to_numpy()]
        names, arms = step_texts(self.study, language), self.arms
        of_sets = "set" in self.table.column_names
        if of_sets:
            # The last step adds those who were found for the cases, who may be in several sets: no persons.
            counts, names, arms = [(row[0], *row[2:]) for row in counts[:-1]], names[:-1], arms[1:]
        return flow_chart(names, counts, arms, language, least, of_cases=of_sets)

    def attrition_for_release(self, language: Language = "en", *, least: int = LEAST) -> pd.DataFrame:
        """The table of ``flow_chart``: ``step``, ``persons`` and, where they may be shown, those by arm.

        Raises:
            StudyError: as ``flow_chart``.
        """
        return self.flow_chart(language, least=least).table

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the values of the table and of the long ones, to compare two runs."""
        digest = hashlib.sha256()
        for table in (self.table, *self.exposures.values(), *self.recurrences.values()):
            _digest(table, digest.update)
        return digest.hexdigest()

    def split(
        self,
        outcome: str | None = None,
        *,
        age: Iterable[int] | None = None,
        calendar: Iterable[int | date | str] | None = None,
        since_entry: Iterable[int] | None = None,
        exposures: Iterable[str] = (),
        keep: Iterable[str] = (),
    ) -> Pieces:
        """Follow-up in pieces, each within one band of every scale (a Lexis diagram).

        Each day of follow-up has its age (by birthdays, as ``sb.age()``), its calendar day, its number since
        index and its state of each exposure; a piece is a run of days that agree. No piece is empty, their
        days add up to the follow-up, and an event falls in the piece whose last day it is.

        Args:
            outcome: follow each person to this outcome (or what competes with it); a recurrent one cuts on
                each of its days and goes on. If nothing is said, to the end of follow-up.
            age: the ages at which bands begin: ``[40, 65]`` gives <40, 40-64, 65+. Needs ``sb.age()`` in the
                study.
            calendar: the years (or days) with which bands begin: ``range(2010, 2020)``, ``["2014-07-01"]``.
            since_entry: the last days of bands since index: ``[30, 365]`` gives 1-30, 31-365, 366+.
            exposures: names of the study's exposures.
            keep: columns of the cohort's table to repeat in each piece.

        Returns:
            Pieces with ``.table`` (Arrow) and ``.frame`` (pandas).

        Raises:
            StudyError: an outcome, exposure or column that isn't there, or bands that aren't ascending.
        """
        return split_cohort(
            self,
            outcome,
            age=age,
            calendar=calendar,
            since_entry=since_entry,
            exposures=exposures,
            keep=keep,
        )


def _digest(table: pa.Table, update: Callable[[bytes], object]) -> None:
    update(str(table.schema).encode())
    for column in table.itercolumns():
        values = column.combine_chunks()
        if pa.types.is_dictionary(values.type):
            update("\n".join(values.dictionary.to_pylist()).encode())
            values = values.indices
        # Not the buffers as they are: what lies below a missing value is anything.
        update(pc.is_valid(values).to_numpy(zero_copy_only=False).tobytes())
        update(pc.drop_null(values).to_numpy(zero_copy_only=False).tobytes())


def assemble(
    study: Study,
    db: Database,
    parts: Sequence[Part],
    allow_empty: bool,
    notes: Sequence[str] = (),
) -> Cohort:
    """Put the buckets' parts together, in the order given.

    Args:
        study: the protocol.
        db: the extract.
        parts: what was found, bucket by bucket; of a population of sets all in one.
        allow_empty: whether nobody need be left.
        notes: what is to be said of the plan.

    Raises:
        StudyError: nobody is left and ``allow_empty`` doesn't say that this is fine.
    """
    table = pl.concat([part.table for part in parts]).rechunk()
    totals = [
        tuple(map(sum, zip(*step, strict=True))) for step in zip(*(part.steps for part in parts), strict=True)
    ]
    attrition = _attrition(study, totals)
    if table.height == 0 and not allow_empty:
        raise StudyError(f"study: nobody is left: {_where_lost(attrition)}")
    whole = _arrow(table if study.population.compares else table.drop("drug"))
    persons = whole["person"].combine_chunks()
    made_of = "\n".join((study.digest, db.digest, version("sundbench")))
    return Cohort(
        study=study,
        table=whole,
        attrition=attrition,
        fingerprint=hashlib.sha256(made_of.encode()).hexdigest(),
        notes=(*_notes(study, table), *gathered.notes(study, parts), *notes),
        exposures=gathered.exposures(study, parts, persons),
        recurrences=gathered.recurrences(study, parts, persons),
        born=gathered.born(parts),
    )


def _attrition(study: Study, totals: Sequence[Counts]) -> pd.DataFrame:
    names = step_texts(study)
    persons = [total[0] for total in totals]
    # Those who are found for cases join in the last step: it drops nobody.
    dropped = [0, *(max(before - after, 0) for before, after in pairwise(persons))]
    by_arm = {arm: [total[1 + n] for total in totals] for n, arm in enumerate(study.population.arms)}
    return pd.DataFrame({"step": names, "persons": persons, "dropped": dropped, **by_arm})


def _where_lost(attrition: pd.DataFrame) -> str:
    emptied = attrition[attrition["persons"] == 0].iloc[0]
    if emptied.name == 0:
        return f"no person of the extract has {emptied['step']}"
    step, last = emptied["step"], emptied["dropped"]
    return f"the last {last} are dropped by {step!r}; allow_empty=True gives the flow chart"


def _notes(study: Study, table: pl.DataFrame) -> list[str]:
    found = set(table["drug"].cast(pl.String).unique().to_list())
    if isinstance(study.population, Sets):  # short sets have a line of their own
        found.add(study.population.arms[0])
    return [
        f"nobody starts {arm}: nothing can be compared with it"
        for arm in study.population.arms
        if arm not in found
    ]


def _arrow(table: pl.DataFrame) -> pa.Table:
    """The table in Arrow types that every reader knows: plain strings, dictionaries of int32."""
    columns = []
    for series in table.iter_columns():
        if isinstance(series.dtype, pl.Enum):
            labels = pa.array(series.dtype.categories.to_list(), pa.string())
            codes = series.to_physical().cast(pl.Int32).to_arrow()
            columns.append(pa.DictionaryArray.from_arrays(codes, labels, ordered=False))
        else:
            columns.append(series.to_arrow())
    return pa.table(columns, names=table.columns)
