"""Days in hospital as PRE2DUP counts them.

The day of discharge isn't one, and of the others one fewer is counted than there are (a stay of one night
counts 0, of two nights 1), unless the stay goes on to the next purchase: so does the R package (0.2.0), and
the results of both are to agree.
"""

from __future__ import annotations

import polars as pl

GROUP = ["person", "atc"]


def days_between(rows: pl.DataFrame, used_up: pl.Expr, hospital: pl.DataFrame | None) -> pl.DataFrame:
    """Add ``hospital_days``: of stays that begin before a purchase is used up, up to the next purchase.

    Args:
        rows: ``person``, ``atc``, ``date``, ``next_date`` (null: none), one row for each person, code, date.
        used_up: when the purchase is used up, with fractions of a day.
        hospital: merged stays, or none.
    """
    if hospital is None or hospital.is_empty():
        return rows.with_columns(pl.lit(0, dtype=pl.Int64).alias("hospital_days"))
    bought, following, end = pl.col("date"), pl.col("next_date"), pl.col("used_up")
    admitted, left = pl.col("admitted"), pl.col("left")
    open_end = following.is_null()
    since = (
        pl.when((admitted >= bought) & ~open_end & (admitted < following))
        .then(admitted)
        .when((admitted >= bought) & open_end & (admitted < end))
        .then(admitted)
        .when((admitted < bought) & (left > bought))
        .then(bought)
    )
    until = (
        pl.when(open_end & (left > bought) & (admitted < end))
        .then(left)
        .when(left >= following)
        .then(following)
        .when(left < bought)
        .then(None)
        .when(left < following)
        .then(left)
    )
    days = pl.when(admitted < end).then(until - since).fill_null(0)
    counted = (
        rows.select(*GROUP, "date", "next_date", used_up.floor().cast(pl.Int64).alias("used_up"))
        .join(_days(hospital), on="person", how="inner")
        .group_by(*GROUP, "date")
        .agg(days.sum().alias("hospital_days"))
    )
    return (
        rows.drop("hospital_days", strict=False)
        .join(counted, on=[*GROUP, "date"], how="left", maintain_order="left")
        .with_columns(pl.col("hospital_days").fill_null(0))
    )


def days_within(periods: pl.DataFrame, hospital: pl.DataFrame | None) -> pl.DataFrame:
    """Add ``hospital_days`` within each period (``joined``, ``person``, ``start``, ``end``)."""
    if hospital is None or hospital.is_empty():
        return periods.with_columns(pl.lit(0, dtype=pl.Int64).alias("hospital_days"))
    end = pl.col("end").floor().cast(pl.Int64)
    shared = pl.min_horizontal(end, "left") - pl.max_horizontal("start", "admitted")
    counted = (
        periods.select("joined", "person", "start", "end")
        .join(_days(hospital), on="person", how="inner")
        .filter((pl.col("admitted") <= end) & (pl.col("left") >= pl.col("start")))
        .group_by("joined")
        .agg(shared.sum().alias("hospital_days"))
    )
    return periods.join(counted, on="joined", how="left", maintain_order="left").with_columns(
        pl.col("hospital_days").fill_null(0)
    )


def _days(hospital: pl.DataFrame) -> pl.DataFrame:
    return hospital.select(
        "person",
        pl.col("start").to_physical().cast(pl.Int64).alias("admitted"),
        pl.col("end").to_physical().cast(pl.Int64).alias("left") - 1,
    )
