"""The two passes over a bucket: how often who has which code, then who has which column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.damage import explained
from sundbench.cohort.events.conditions import coded
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
        mostly: from so many rows of the cohort on, most of a bucket's persons are in it.
    """

    screening: Screening
    root: Path
    registers: tuple[tuple[str, tuple[str, ...]], ...]
    repeated: bool
    mostly: int


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
    row = table["row"].to_numpy()
    hashes = [pl.Series(f"mark_{seed}", _mixed(row, seed)) for seed in SEEDS]
    many = pl.col("person").n_unique() if what.repeated else pl.len()
    marks = (
        table.with_columns(hashes)
        .group_by("column")
        .agg(many.cast(pl.Int64).alias("persons"), *(pl.col(one.name).bitwise_xor() for one in hashes))
    )
    return Filled(row, table["column"].to_numpy(), marks)


def _mixed(rows: NDArray[np.uint32], seed: int) -> NDArray[np.uint64]:
    """A hash of each row's number, the same in every process: SplitMix64's (Steele et al., OOPSLA 2014)."""
    mixed = (rows.astype(np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _times(what: Reading, piece: Piece, dimension: Dimension, only: pl.Series | None = None) -> pl.DataFrame:
    """How often each row of the cohort has each code: ``row``, ``person``, ``code``, ``times``."""
    try:
        return _occurrences(what, piece, dimension, only).collect()
    except pl.exceptions.PolarsError as error:
        raise explained(what, (piece.number,), error) from error


def _occurrences(what: Reading, piece: Piece, dimension: Dimension, only: pl.Series | None) -> pl.LazyFrame:
    people, days = piece.people, timedelta(days=what.screening.days)
    index = pl.col("index")
    # A row of primary care stands for several services; a correction for less than none.
    services = dimension.view == "services"
    times = pl.col("services").fill_null(1).sum() if services else pl.len()
    code = SOURCES[dimension.view].code
    assert code is not None  # noqa: S101 - every dimension is of a view with codes
    return (
        _rows(what, piece, dimension, code, only)
        .filter(_in_somebodys_window(people, days))
        .select(
            "person", "date", dimension.cut(pl.col(code)).alias("code"), *(["services"] if services else [])
        )
        .join(people.lazy(), on="person")
        .filter((pl.col("date") >= index - days) & (pl.col("date") < index) & (pl.col("code") != ""))
        .group_by("row", "code")
        .agg(pl.col("person").first(), times.cast(pl.Int64).alias("times"))
        .filter(pl.col("times") >= 1)
    )


def _rows(
    what: Reading, piece: Piece, dimension: Dimension, code: str, only: pl.Series | None
) -> pl.LazyFrame:
    """The view's rows that may count: those of a dimension's codes, or of some of them."""
    bucket = Bucket(what.root, piece.number)
    chosen = []
    if only is not None:
        chosen.append(dimension.cut(pl.col(code)).is_in(only.implode()))
    if dimension.exclude:
        chosen.append(~coded(pl.col(code), dimension.exclude, prefix=True))
    if dimension.types:
        chosen.append(pl.col("type").is_in(list(dimension.types)))
    if piece.people.height < what.mostly:  # else looking each row's person up costs more than it saves
        chosen.append(among(piece.people))
    where = pl.all_horizontal(chosen) if chosen else None
    if dimension.view == "dispensings":
        return views.dispensings(bucket, where=where)
    rows: pl.LazyFrame = getattr(views, dimension.view)(bucket)
    return rows if where is None else rows.filter(where)


def _in_somebodys_window(people: pl.DataFrame, days: timedelta) -> pl.Expr:
    """Whether a row's day lies in the window of anybody at all: cheap, and most days don't."""
    first, last = people["index"].min(), people["index"].max()
    assert isinstance(first, date)  # noqa: S101 - a piece has somebody
    return pl.col("date").is_between(first - days, last, closed="left")
