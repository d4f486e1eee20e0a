"""From counts of codes to columns: which codes are taken, and in which grades."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from sundbench.cohort.high_dimensional.recurrence import Graded, grades
from sundbench.cohort.high_dimensional.screening import Screening

COUNTS = {"dimension": pl.UInt8, "code": pl.String, "times": pl.Int64, "rows": pl.Int64}
"""How many rows of the cohort have a code so many times."""

PERSONS = {"dimension": pl.UInt8, "code": pl.String, "persons": pl.Int64}
"""How many persons have a code."""


@dataclass(frozen=True)
class Column:
    """A column to be.

    Attributes:
        dimension: the dimension's place in the screening.
        code: the code, at the dimension's level.
        graded: its grade.
    """

    dimension: int
    code: str
    graded: Graded


@dataclass(frozen=True)
class Chosen:
    """What is taken.

    Attributes:
        columns: in their order: by dimension, by the code's rank, by grade.
        seen: how many codes each dimension has at all.
        common: how many of them enough persons have.
        taken: how many codes are taken.
    """

    columns: tuple[Column, ...]
    seen: tuple[int, ...]
    common: tuple[int, ...]
    taken: tuple[int, ...]

    def wanted(self) -> pl.DataFrame:
        """``dimension``, ``code``, ``at_least`` and ``column``, the column's number."""
        return pl.DataFrame(
            {
                "dimension": [one.dimension for one in self.columns],
                "code": [one.code for one in self.columns],
                "at_least": [one.graded.at_least for one in self.columns],
                "column": range(len(self.columns)),
            },
            schema={"dimension": pl.UInt8, "code": pl.String, "at_least": pl.Int64, "column": pl.Int32},
        )


def choose(
    screening: Screening, total: int, counts: Iterable[pl.DataFrame], persons: Iterable[pl.DataFrame]
) -> Chosen:
    """Take the codes of the highest rank in each dimension.

    Codes of equal rank are taken by the number of rows that have them, then by the code: never by chance.

    Args:
        screening: the rules.
        total: the cohort's rows.
        counts: each bucket's counts (``COUNTS``).
        persons: each bucket's numbers of persons (``PERSONS``).
    """
    people = pl.concat(persons).group_by("dimension", "code").agg(pl.col("persons").sum())
    times = pl.concat(counts).group_by("dimension", "code", "times").agg(pl.col("rows").sum())
    rows = times.group_by("dimension", "code").agg(pl.col("rows").sum())
    folded = pl.min_horizontal(pl.col("rows"), total - pl.col("rows"))
    ranked = (
        rows.join(people, on=["dimension", "code"])
        .with_columns((folded if screening.ranking == "folded" else pl.col("rows")).alias("rank"))
        .sort("dimension", "rank", "rows", "code", descending=[False, True, True, False])
    )
    common = ranked.filter(pl.col("persons") >= screening.minimum)
    taken = common.group_by("dimension", maintain_order=True).head(screening.top)
    told = taken.with_row_index("place").join(times, on=["dimension", "code"]).sort("place", "times")
    columns = [
        column
        for (dimension, code), group in groupby(
            told.select("dimension", "code", "times", "rows_right").iter_rows(), lambda row: (row[0], row[1])
        )
        for column in _columns(dimension, code, {often: many for _, _, often, many in group}, total)
    ]
    dimensions = range(len(screening.dimensions))
    return Chosen(tuple(columns), *(_by_dimension(frame, dimensions) for frame in (ranked, common, taken)))


def _columns(dimension: int, code: str, times: dict[int, int], total: int) -> list[Column]:
    """A code's columns, without those that are the same for the whole cohort: they tell nothing."""
    return [Column(dimension, code, one) for one in grades(times) if one.rows < total]


def _by_dimension(frame: pl.DataFrame, dimensions: Sequence[int]) -> tuple[int, ...]:
    """How many of a frame's codes each dimension has."""
    return tuple(frame.filter(pl.col("dimension") == number).height for number in dimensions)
