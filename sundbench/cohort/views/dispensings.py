"""Dispensings from community pharmacies, with corrections netted.

The register (LMDB) corrects by a row of its own with a negative number of packages. A correction cancels
packages of the same person, ATC code and product number, dispensed on the same day or before, the latest
first; dispensings that keep packages keep DDD and price in proportion. What a correction can't be matched
with is dropped, and so is every dispensing with no packages left.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars.io.plugins import register_io_source

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

    Only the columns that are asked for are read. Netting needs the corrections too, so of the filters put on
    the result those over ``person``, ``atc`` and ``vnr`` alone reach the register; where filters on dates go
    with them, give the others as ``where``.

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
    if where is not None and not _of_product(where):
        raise ValueError(f"where sees {', '.join(PRODUCT)} alone, not {', '.join(where.meta.root_names())}")
    registered = together({"lmdb": _registered(bucket)}, "dispensings")
    if where is not None:
        registered = registered.filter(where)
    if not bucket.has("lmdb", "apk"):
        return registered

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = columns if columns is not None else ["person", *DISPENSING]
        needed = {*wanted, *PRODUCT, "date", "packages"}
        if predicate is not None:
            needed |= set(predicate.meta.root_names())
        table = registered.select(name for name in ("person", *DISPENSING) if name in needed)
        if predicate is not None and _of_product(predicate):
            table = table.filter(predicate)
        found = corrected(table.collect())
        if predicate is not None:
            found = found.filter(predicate)
        yield found.select(wanted).head(rows) if rows is not None else found.select(wanted)

    return register_io_source(read, schema={"person": pl.Int32, **DISPENSING})


def _of_product(predicate: pl.Expr) -> bool:
    return set(predicate.meta.root_names()) <= set(PRODUCT)


def _registered(bucket: Bucket) -> pl.LazyFrame | None:
    """The register's rows, corrections included, in the view's columns."""
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
    return take(bucket, "lmdb", DISPENSING, sources)


def corrected(rows: pl.DataFrame) -> pl.DataFrame:
    """Net dispensings, touching only those that share a product with a correction.

    Args:
        rows: rows in the view's columns, ``vnr`` and ``packages`` among them.

    Returns:
        The rows that have packages left, or whose packages are unknown.
    """
    correction = pl.col("packages") <= 0
    corrections = rows.filter(correction)
    if corrections.is_empty():
        return rows
    # One number for person, code and product finds the rows concerned ten times faster than the three; two
    # products that share it only have rows netted that need no netting.
    number = pl.col("person").cast(pl.UInt64) * 2_654_435_761 + pl.col("atc").hash() + pl.col("vnr").hash(1)
    concerned = number.is_in(corrections.select(number.unique()).to_series().implode())
    rows = rows.with_columns(concerned.alias("_concerned"))
    whole = rows.filter(~pl.col("_concerned")).drop("_concerned")
    return pl.concat([whole, netted(rows.filter("_concerned").drop("_concerned"))])


def netted(rows: pl.DataFrame) -> pl.DataFrame:
    """Cancel dispensings by corrections, the latest first.

    Packages that are not yet cancelled form a stack: a dispensing adds to its top, a correction takes from
    it, never below zero. A dispensing keeps what the stack, at its lowest from then on, still holds of it.

    Args:
        rows: rows in the view's columns, in any order; ``ddd`` and ``price`` may be absent.

    Returns:
        Those with packages left (or unknown), with DDD and price in proportion.
    """
    packages = pl.col("packages").fill_null(0.0)
    order = [name for name in ("packages", "ddd", "price") if name in rows.columns]
    total = packages.cum_sum().over(PRODUCT)
    height = pl.col("_total") - pl.min_horizontal(pl.col("_total").cum_min().over(PRODUCT), 0.0)
    lowest = pl.col("_height").cum_min(reverse=True).over(PRODUCT)
    below = pl.col("_height") - packages
    share = pl.col("_kept") / packages
    in_part = {"packages": pl.col("_kept"), "ddd": pl.col("ddd") * share}
    in_part["price"] = (pl.col("price") * share).round().cast(pl.Int64)
    return (
        rows.sort(*PRODUCT, "date", packages <= 0, *order, nulls_last=True)
        .with_columns(total.alias("_total"))
        .with_columns(height.alias("_height"))
        .with_columns(pl.when(packages > 0).then((lowest - below).clip(0.0)).alias("_kept"))
        .filter(pl.col("packages").is_null() | (pl.col("_kept") > 0))
        .with_columns(
            pl.when(pl.col("_kept") < packages).then(in_part[name]).otherwise(name).alias(name)
            for name in order
        )
        .drop("_total", "_height", "_kept")
    )
