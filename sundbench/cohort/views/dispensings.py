"""Dispensings from community pharmacies (LMDB), with corrections netted."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars.io.plugins import register_io_source

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.netting import PRODUCT, corrected
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
