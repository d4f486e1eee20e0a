"""The two passes over a bucket: how often who has which code, then who has which column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.conditions import coded
from sundbench.cohort.damage import explained
from sundbench.cohort.high_dimensional.choosing import COUNTS, PERSONS
from sundbench.cohort.high_dimensional.dimensions import Dimension
from sundbench.cohort.high_dimensional.screening import Screening
from sundbench.cohort.narrowed import among
from sundbench.cohort.sources import SOURCES

SEEDS = (1, 2)
"""Of the two hashes that together tell two columns apart."""


@dataclass(frozen=True)
class Reading:
    """What the tasks of the first pass share.

    Attributes:
        screening: the rules.
        root: the extract's folder.
        registers: each register of the extract, with its columns.
        repeated: whether a person may be in several rows of the cohort.
    """

    screening: Screening
    root: Path
    registers: tuple[tuple[str, tuple[str, ...]], ...]
    repeated: bool


@dataclass(frozen=True)
class Filling(Reading):
    """What the tasks of the second pass share.

    Attributes:
        wanted: the columns, as ``Chosen.wanted`` gives them.
    """

    wanted: pl.DataFrame


@dataclass(frozen=True)
class Piece:
    """A bucket's part of the cohort.

    Attributes:
        number: the bucket's.
        people: ``row`` (the place in the cohort), ``person``, ``index``.
    """

    number: int
    people: pl.DataFrame


@dataclass(frozen=True)
class Filled:
    """A bucket's entries of the matrix.

    Attributes:
        rows: of each entry the row, ascending.
        columns: of each entry the column, ascending within the row.
        marks: by ``column`` the number of ``persons``, and two hashes over its rows, ``mark_1`` and
            ``mark_2``: exclusive or puts those of several buckets together.
    """

    rows: NDArray[np.uint32]
    columns: NDArray[np.int32]
    marks: pl.DataFrame


def count(what: Reading, piece: Piece) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first pass over a bucket: ``COUNTS`` and ``PERSONS``."""
    counts, persons = [pl.DataFrame(schema=COUNTS)], [pl.DataFrame(schema=PERSONS)]
    for number, dimension in enumerate(what.screening.dimensions):
        found = _times(what, piece, dimension)
        place = pl.lit(number, dtype=pl.UInt8).alias("dimension")
        counts.append(
            found.group_by("code", "times")
            .agg(pl.len().cast(pl.Int64).alias("rows"))
            .select(place, *(name for name in COUNTS if name != "dimension"))
        )
        many = pl.col("person").n_unique() if what.repeated else pl.len()
        persons.append(
            found.group_by("code").agg(many.cast(pl.Int64).alias("persons")).select(place, "code", "persons")
        )
    return pl.concat(counts), pl.concat(persons)


def fill(what: Filling, piece: Piece) -> Filled:
    """The second pass over a bucket: the entries of the chosen columns."""
    entries = [pl.DataFrame(schema={"row": pl.UInt32, "person": pl.Int32, "column": pl.Int32})]
    for number, dimension in enumerate(what.screening.dimensions):
        wanted = what.wanted.filter(pl.col("dimension") == number)
        if wanted.is_empty():
            continue
        entries.append(
            _times(what, piece, dimension, wanted["code"].unique())
            .join(wanted, on="code")
            .filter(pl.col("times") >= pl.col("at_least"))
            .select("row", "person", "column")
        )
    table = pl.concat(entries).sort("row", "column")
    hashes = [pl.col("row").hash(seed).bitwise_xor().alias(f"mark_{seed}") for seed in SEEDS]
    many = pl.col("person").n_unique() if what.repeated else pl.len()
    marks = table.group_by("column").agg(many.cast(pl.Int64).alias("persons"), *hashes)
    return Filled(table["row"].to_numpy(), table["column"].to_numpy(), marks)


def _times(what: Reading, piece: Piece, dimension: Dimension, only: pl.Series | None = None) -> pl.DataFrame:
    """How often each row of the cohort has each code: ``row``, ``person``, ``code``, ``times``."""
    try:
        return _occurrences(what, piece, dimension, only).collect()
    except pl.exceptions.PolarsError as error:
        raise explained(what, (piece.number,), error) from error


def _occurrences(what: Reading, piece: Piece, dimension: Dimension, only: pl.Series | None) -> pl.LazyFrame:
    people, days = piece.people, what.screening.days
    first = pl.col("index") - timedelta(days=days)
    code = dimension.cut(pl.col("code"))
    rows = _rows(Bucket(what.root, piece.number), people, dimension).with_columns(code.alias("code"))
    if only is not None:
        rows = rows.filter(pl.col("code").is_in(only.implode()))
    return (
        rows.join(people.lazy(), on="person")
        .filter((pl.col("date") >= first) & (pl.col("date") < pl.col("index")))
        .group_by("row", "code")
        .agg(pl.col("person").first(), pl.col("weight").sum().cast(pl.Int64).alias("times"))
        .filter(pl.col("times") >= 1)
    )


def _rows(bucket: Bucket, people: pl.DataFrame, dimension: Dimension) -> pl.LazyFrame:
    """The persons' rows of a dimension: ``person``, ``date``, ``code`` as registered, ``weight``."""
    source = SOURCES[dimension.view]
    assert source.code is not None  # noqa: S101 - every dimension is of a view with codes
    code = pl.col(source.code)
    chosen = among(people) & code.is_not_null() & (code != "")
    if dimension.exclude:
        chosen &= ~coded(code, dimension.exclude, prefix=True)
    if dimension.view == "dispensings":
        rows = views.dispensings(bucket, where=chosen)
    else:
        rows = getattr(views, dimension.view)(bucket).filter(chosen)
    if dimension.types:
        rows = rows.filter(pl.col("type").is_in(list(dimension.types)))
    # A row of primary care stands for several services; a correction for less than none.
    weight = pl.col("services").fill_null(1) if dimension.view == "services" else pl.lit(1)
    return rows.select("person", "date", code.alias("code"), weight.cast(pl.Int64).alias("weight"))
