"""Putting the buckets' entries together: one sparse matrix, equal columns once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sundbench.cohort.high_dimensional.counting import SEEDS, Filled

MARKS = [f"mark_{seed}" for seed in SEEDS]


def marks(parts: Sequence[Filled], columns: int) -> pl.DataFrame:
    """``column``, ``persons`` who have it and ``same``, the first column with the same rows."""
    merged = (
        pl.concat([part.marks for part in parts])
        .group_by("column")
        .agg(pl.col("persons").sum(), *(pl.col(mark).bitwise_xor() for mark in MARKS))
    )
    every = pl.DataFrame({"column": range(columns)}, schema={"column": pl.Int32})
    return (
        every.join(merged, on="column", how="left", maintain_order="left")
        .with_columns(pl.col("persons").fill_null(0), pl.col("column").first().over(MARKS).alias("same"))
        .select("column", "persons", "same")
    )


def matrix(parts: Sequence[Filled], kept: NDArray[np.bool_], rows: int) -> csr_array:
    """The matrix of 0 and 1, its rows in the cohort's order.

    Args:
        parts: the buckets' entries.
        kept: of each column whether it stays.
        rows: of the cohort.
    """
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    stays = [kept[part.columns] for part in parts]
    row = np.concatenate([part.rows[stay] for part, stay in zip(parts, stays, strict=True)])
    column = np.concatenate([number[part.columns[stay]] for part, stay in zip(parts, stays, strict=True)])
    if np.any(row[1:] < row[:-1]):  # a cohort that isn't in the buckets' order
        column = column[np.argsort(row, kind="stable")]
    starts = np.zeros(rows + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=rows), out=starts[1:])
    if starts[-1] <= np.iinfo(np.int32).max:
        starts = starts.astype(np.int32)
    else:
        column = column.astype(np.int64)
    return csr_array((np.ones(len(column), np.int32), column, starts), shape=(rows, int(kept.sum())))
