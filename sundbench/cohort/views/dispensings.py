"""Dispensings from community pharmacies, with corrections netted.

The register (LMDB) corrects by a row of its own with a negative number of packages. A correction cancels
packages of the same person, ATC code and product number, dispensed on the same day or before, the latest
first; dispensings that keep packages keep DDD and price in proportion. What a correction can't be matched
with is dropped, and so is every dispensing with no packages left.
"""

from __future__ import annotations

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import From, Schema, need, take, together

DISPENSING: Schema = {
    "date": pl.Date,
    "atc": pl.String,
    "vnr": pl.String,
    "packages": pl.Float64,
    "package_size": pl.Float64,
    "ddd": pl.Float64,
    "strength": pl.Float64,
    "strength_unit": pl.String,
    "price": pl.Int64,
    "indication": pl.String,
}

PRODUCT = ("person", "atc", "vnr")
"""What a correction and the dispensing that it cancels have in common; ``where`` may use these alone."""


def dispensings(bucket: Bucket, *, where: pl.Expr | None = None) -> pl.LazyFrame:
    """Dispensings from community pharmacies; nothing that hospitals give.

    Filters put on the result are right but reach the scan only in part, since netting needs the corrections
    too: give the filter on drugs (and persons) as ``where``, and those on dates afterwards.

    Args:
        bucket: the bucket to read.
        where: a filter over ``person``, ``atc`` and ``vnr``, applied to the register before netting.

    Returns:
        One row per dispensing: ``person`` int32, ``date``, ``atc``, ``vnr`` (product number), ``packages``,
        ``package_size`` (units a package), ``ddd`` (defined daily doses in all: packages times the
        register's ``volume``), ``strength`` and ``strength_unit``, ``price`` (int64 øre, of the whole
        dispensing), ``indication``. Not sorted.

    Raises:
        StudyError: the extract has no LMDB, or LMDB without date or ATC code.
    """
    whole_ddd = bucket.has("lmdb", "apk", "volume")
    ddd = pl.col("apk") * pl.col("volume") if whole_ddd else pl.lit(None, dtype=pl.Float64)
    sources: dict[str, str | From | pl.Expr] = {
        "date": need("eksd"),
        "atc": need("atc"),
        "vnr": "vnr",
        "packages": "apk",
        "package_size": "packsize",
        "ddd": ddd,
        "strength": "strnum",
        "strength_unit": "strunit",
        "price": "eksp",
        "indication": "indo",
    }
    rows = together({"lmdb": take(bucket, "lmdb", DISPENSING, sources)}, "dispensings")
    if where is not None:
        other = sorted(set(where.meta.root_names()) - set(PRODUCT))
        if other:
            raise ValueError(f"where sees {', '.join(PRODUCT)} alone, not {', '.join(other)}")
        rows = rows.filter(where)
    if not bucket.has("lmdb", "apk"):
        return rows
    corrected = rows.filter(pl.col("packages") <= 0).select(PRODUCT).unique()
    whole = rows.join(corrected, on=PRODUCT, how="anti", nulls_equal=True)
    return pl.concat([whole, netted(rows.join(corrected, on=PRODUCT, how="semi", nulls_equal=True))])


def netted(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Cancel dispensings by corrections, the latest first.

    Packages that are not yet cancelled form a stack: a dispensing adds to its top, a correction takes from
    it, never below zero. A dispensing keeps what the stack, at its lowest from then on, still holds of it.

    Args:
        rows: rows in the view's columns, in any order.

    Returns:
        Those with packages left (or unknown), with DDD and price in proportion.
    """
    packages = pl.col("packages").fill_null(0.0)
    total = packages.cum_sum().over(PRODUCT)
    height = pl.col("_total") - pl.min_horizontal(pl.col("_total").cum_min().over(PRODUCT), 0.0)
    lowest = pl.col("_height").cum_min(reverse=True).over(PRODUCT)
    below = pl.col("_height") - packages
    share = pl.col("_kept") / packages
    return (
        rows.sort(*PRODUCT, "date", packages.le(0), "packages", "ddd", "price", nulls_last=True)
        .with_columns(total.alias("_total"))
        .with_columns(height.alias("_height"))
        .with_columns(pl.when(packages > 0).then((lowest - below).clip(0.0)).alias("_kept"))
        .filter(pl.col("packages").is_null() | (pl.col("_kept") > 0))
        .with_columns(
            pl.when(pl.col("_kept") < packages).then(pl.col("_kept")).otherwise("packages").alias("packages"),
            pl.when(pl.col("_kept") < packages).then(pl.col("ddd") * share).otherwise("ddd").alias("ddd"),
            pl.when(pl.col("_kept") < packages)
            .then((pl.col("price") * share).round().cast(pl.Int64))
            .otherwise("price")
            .alias("price"),
        )
        .drop("_total", "_height", "_kept")
    )
