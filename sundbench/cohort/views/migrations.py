"""Moves into and out of the country (VNDS), in a consistent sequence.

The register holds duplicates, and sequences that can't be: rows are put in order of person and day, a day's
emigration before its immigration; of several of one kind in a row the first counts.
"""

from __future__ import annotations

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import Schema

MOVE: Schema = {"date": pl.Date, "direction": pl.String}


def migrations(bucket: Bucket) -> pl.LazyFrame:
    """Moves into and out of the country, in a consistent sequence.

    Returns:
        One row per move: ``person`` int32, ``date``, ``direction`` ("in" or "out"). Sorted by person and
        date; a person's directions alternate.

    Raises:
        StudyError: the extract has no VNDS, or VNDS without date or direction.
    """
    bucket.need("vnds", "haend_dato", "indud_kode")
    rows = bucket.scan("vnds")
    assert rows is not None  # noqa: S101 - need refuses an absent register
    directions = {"I": "in", "U": "out"}
    return (
        rows.select(
            "person",
            pl.col("haend_dato").alias("date"),
            pl.col("indud_kode")
            .replace_strict(directions, default=None, return_dtype=pl.String)
            .alias("direction"),
        )
        .drop_nulls()
        .unique()
        .sort("person", "date", pl.col("direction") == "in")
        .filter(pl.col("direction").ne_missing(pl.col("direction").shift(1).over("person")))
    )


def emigrations(bucket: Bucket) -> pl.LazyFrame:
    """Emigrations that count: ``person`` int32 and ``date``; the first of several in a row.

    Raises:
        StudyError: as ``migrations``.
    """
    return migrations(bucket).filter(pl.col("direction") == "out").select("person", "date")
