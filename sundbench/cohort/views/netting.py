"""Corrections of dispensings: what they cancel and what is left.

The register (LMDB) corrects by a row of its own with a negative number of packages. A correction cancels
packages of the same person, ATC code and product number, dispensed on the same day or before, the latest
first; dispensings that keep packages keep DDD and price in proportion. What a correction can't be matched
with is dropped, and so is every dispensing with no packages left.
"""

from __future__ import annotations

import polars as pl

PRODUCT = ("person", "atc", "vnr")
"""What a correction and the dispensing that it cancels have in common; ``where`` may use these alone."""


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
