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


def immigrations(bucket: Bucket) -> pl.LazyFrame:
    """Immigrations that count, returns among them: ``person`` int32 and ``date``.

    Raises:
        StudyError: as ``migrations``.
    """
    return migrations(bucket).filter(pl.col("direction") == "in").select("person", "date")


def spans(seen: pl.LazyFrame, moves: pl.LazyFrame | None) -> pl.LazyFrame:
    """Each person's time between moves.

    Args:
        seen: the persons that a population register shows, any number of rows each.
        moves: as ``migrations`` gives them; None where there is no register of them.

    Returns:
        One row per span: ``person``; ``since``, the move that it begins with (null: the first span);
        ``next``, the move that ends it (null: the last); ``after``, "in" or "out", where the moves say that
        the person is: in the first span "in" if it ends with an emigration.
    """
    if moves is None:
        moves = pl.LazyFrame(schema={"person": pl.Int32, **MOVE})
    following = moves.select(
        "person",
        pl.col("date").alias("since"),
        pl.col("date").shift(-1).over("person").alias("next"),
        pl.col("direction").alias("after"),
    )
    everyone = pl.concat([seen.select("person"), moves.select("person")]).unique()
    first = moves.group_by("person").agg(
        pl.col("date").min().alias("next"),
        pl.col("direction").sort_by("date", pl.col("direction") == "in").first().alias("to"),
    )
    before = everyone.join(first, on="person", how="left").select(
        "person",
        pl.lit(None, dtype=pl.Date).alias("since"),
        "next",
        pl.when(pl.col("to") == "out").then(pl.lit("in")).otherwise(pl.lit("out")).alias("after"),
    )
    return pl.concat([before, following])
