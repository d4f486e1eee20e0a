"""High-dimensional covariates of a cohort: screened, graded, as a sparse matrix."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
from scipy.sparse import csr_array

from sundbench.cohort import engine
from sundbench.cohort.database import Database
from sundbench.cohort.high_dimensional.assembling import marks, matrix
from sundbench.cohort.high_dimensional.choosing import Chosen, choose
from sundbench.cohort.high_dimensional.counting import Filling, Piece, Reading, count, fill
from sundbench.cohort.high_dimensional.dimensions import Dimension
from sundbench.cohort.high_dimensional.held import held, notes_of_coverage, refuse_truncation
from sundbench.cohort.high_dimensional.screening import Ranking, Screening, screening
from sundbench.cohort.high_dimensional.titles import titles
from sundbench.cohort.language import Language
from sundbench.cohort.result import Cohort
from sundbench.errors import StudyError
from sundbench.progress import Report, silent
from sundbench.store.buckets import extract_bucket

if TYPE_CHECKING:
    from distributed import Client

WHERE, WHAT = "high_dimensional()", "high-dimensional covariates"


@dataclass(frozen=True, eq=False)
class HighDimensional:
    """High-dimensional covariates of a cohort.

    Attributes:
        screening: the rules by which they were found.
        matrix: 0 and 1 (int32), a row for each of the cohort's in its order, a column for each row of
            ``columns``.
        columns: ``name``, ``dimension``, ``code``, ``grade`` (once, sporadic, frequent), ``cut_off`` (has the
            code at least so often), ``prevalence`` (share of the cohort's rows), ``persons``, and the code's
            ``title_da`` and ``title_en`` where the catalogue has one.
        table: by dimension: ``codes`` seen, those that are ``common`` enough, those ``taken``, ``columns``.
        fingerprint: SHA-256 over the rules' digest, the cohort's fingerprint, the extract's digest and the
            library's version.
        notes: what a reader must know, such as columns that equal others.
    """

    screening: Screening
    matrix: csr_array
    columns: pd.DataFrame
    table: pd.DataFrame
    fingerprint: str
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.columns["name"])

    def in_words(self, language: Language = "en") -> str:
        """The rules, as a protocol says them."""
        return self.screening.in_words(language)


def high_dimensional(
    cohort: Cohort,
    db: Database,
    dimensions: str | Dimension | Iterable[str | Dimension],
    *,
    top: int = 200,
    days: int = 365,
    minimum: int = 100,
    ranking: Ranking = "folded",
    allow_truncated_lookback: bool = False,
    client: Client | None = None,
    workers: int | None = None,
    report: Report = silent,
) -> HighDimensional:
    """The commonest codes of each data dimension before the index day, graded by how often they occur.

    Steps 1 to 3 of the high-dimensional propensity score (Schneeweiss S, Rassen JA, Glynn RJ, Avorn J,
    Mogun H, Brookhart MA. Epidemiology 2009;20:512-522). In each dimension the ``top`` codes are taken that
    the largest share of the cohort has in [index - days, index - 1], and each becomes up to three columns:
    has it at least once, at least as often as the median of those who have it, at least as often as their
    75th percentile. ``prioritise`` is the next step.

    Example:
        >>> found = sb.high_dimensional(cohort, db, ["diagnoses", "dispensings", "procedures"])
        >>> found.matrix.shape, found.columns.head()

    Args:
        cohort: of ``study.collect(db)``; where persons are in several rows, each row has its own window.
        db: the extract that it was collected from.
        dimensions: ``diagnoses``, ``procedures``, ``dispensings``, ``hospital_medicines``, ``services``,
            ``laboratory``, or what ``sb.dimension(...)`` gives; one or several.
        top: how many codes at most are taken of each dimension.
        days: how far to look back.
        minimum: codes that fewer persons have are left out; 100 as in the paper.
        ranking: ``"folded"`` ranks codes by the smaller of p and 1 - p, as the paper does, so that a code
            that nearly everybody has comes last; ``"prevalence"`` ranks by p.
        allow_truncated_lookback: take a look-back that starts before a register does as it is.
        client: a ``distributed.Client``; else the active one if there is one, else Dask's threads.
        workers: number of threads where no client is used; all processors if nothing is said.
        report: told of progress.

    Raises:
        StudyError: the cohort is empty, the extract lacks a register or column, the look-back starts before a
            register does, or no code is common enough.
        StoreError: a bucket file is missing or damaged.
    """
    rules = screening(WHERE, dimensions, top=top, days=days, minimum=minimum, ranking=ranking)
    if not len(cohort):
        raise StudyError(f"{WHERE}: the cohort has nobody: no code is common among nobody")
    for register in held(db, rules, WHERE):
        db.files(register)
    people = _people(cohort)
    first, last = people["index"].min(), people["index"].max()
    assert isinstance(first, date)  # noqa: S101 - every row of a cohort has its index day
    assert isinstance(last, date)  # noqa: S101
    if not allow_truncated_lookback:
        refuse_truncation(db, rules, first, WHERE)
    pieces = _pieces(people, db)
    registers = tuple((name, db.columns(name)) for name in db.registers)
    repeated = people["person"].n_unique() < people.height
    mostly = int(db.manifest["persons"]) // (2 * len(db.buckets))
    reading = Reading(rules, db.root, registers, repeated, mostly)

    def told(done: int, total: int, before: int = 0) -> None:
        report(WHAT, before + done, 2 * total)

    counted = engine.in_order(count, reading, pieces, client=client, workers=workers, told=told)
    chosen = choose(rules, len(cohort), (one for one, _ in counted), (one for _, one in counted))
    if not chosen.columns:
        raise StudyError(
            f"{WHERE}: no code of {', '.join(one.name for one in rules.dimensions)} tells at least {minimum} "
            f"persons from the others from day -{days} to day -1: lower minimum=, or look back further"
        )
    filling = Filling(rules, db.root, registers, repeated, mostly, chosen.wanted())
    second = partial(told, before=len(pieces))
    parts = engine.in_order(fill, filling, pieces, client=client, workers=workers, told=second)
    marked = marks(parts, len(chosen.columns))
    kept = (marked["column"] == marked["same"]).to_numpy()
    made_of = "\n".join((rules.digest, cohort.fingerprint, db.digest, version("sundbench")))
    columns = _columns(rules, chosen, marked, len(cohort))
    return HighDimensional(
        screening=rules,
        matrix=matrix(parts, kept, len(cohort)),
        columns=columns[kept].reset_index(drop=True),
        table=_table(rules, chosen, kept),
        fingerprint=hashlib.sha256(made_of.encode()).hexdigest(),
        notes=(
            *(
                f"{one.name}: no code of at least {minimum} persons"
                for one, many in zip(rules.dimensions, chosen.taken, strict=True)
                if not many
            ),
            *notes_of_coverage(db, rules, first - timedelta(days=days), last),
            *(
                f"{columns['name'][column]} equals {columns['name'][same]} and is left out"
                for column, same in marked.filter(pl.col("column") != pl.col("same"))
                .select("column", "same")
                .iter_rows()
            ),
        ),
    )


def _people(cohort: Cohort) -> pl.DataFrame:
    """The cohort's ``row``, ``person`` and ``index``."""
    table = pl.from_arrow(cohort.table.select(["person", "index"]))
    assert isinstance(table, pl.DataFrame)  # noqa: S101 - of a table
    return table.with_row_index("row").with_columns(pl.col("person").cast(pl.Int32))


def _pieces(people: pl.DataFrame, db: Database) -> list[Piece]:
    """The cohort cut by bucket, in the buckets' order; buckets without anybody are not read."""
    number = extract_bucket(people["person"].to_numpy(), len(db.buckets))
    parts = people.with_columns(pl.Series("bucket", number)).partition_by(
        "bucket", as_dict=True, include_key=False
    )
    return [Piece(int(key[0]), parts[key]) for key in sorted(parts)]


def _columns(rules: Screening, chosen: Chosen, marked: pl.DataFrame, rows: int) -> pd.DataFrame:
    """What each column is, those that equal others included."""
    persons = marked["persons"].to_list()
    told = []
    for one, many in zip(chosen.columns, persons, strict=True):
        dimension = rules.dimensions[one.dimension]
        title = titles(dimension, one.code)
        told.append(
            {
                "name": f"{dimension.name}_{one.code}_{one.graded.grade}",
                "dimension": dimension.name,
                "code": one.code,
                "grade": one.graded.grade,
                "cut_off": one.graded.cut_off,
                "prevalence": one.graded.rows / rows,
                "persons": many,
                "title_da": title.da if title is not None else None,
                "title_en": title.en if title is not None else None,
            }
        )
    return pd.DataFrame(told)


def _table(rules: Screening, chosen: Chosen, kept: np.ndarray) -> pd.DataFrame:
    """How many codes and columns each dimension gave."""
    stayed = [one.dimension for one, stays in zip(chosen.columns, kept, strict=True) if stays]
    return pd.DataFrame(
        {
            "dimension": [one.name for one in rules.dimensions],
            "codes": chosen.seen,
            "common": chosen.common,
            "taken": chosen.taken,
            "columns": [stayed.count(number) for number in range(len(rules.dimensions))],
        }
    )
