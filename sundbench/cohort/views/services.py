"""Services of primary care, from SYSI (to 2005) and SSSY (from 2005)."""

from __future__ import annotations

from datetime import date

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import From, Schema, need, take, together

SERVICE: Schema = {
    "date": pl.Date,
    "specialty": pl.String,
    "services": pl.Int32,
    "fee": pl.Int64,
    "child": pl.Boolean,
}

BOTH = (date(2005, 1, 1), date(2005, 12, 31))
"""The fee weeks that both registers report: SSSY's count, where it covers them."""


def services(bucket: Bucket, *, children: bool = False) -> pl.LazyFrame:
    """Services that the public health insurance paid general practitioners, specialists and others for.

    A row stands for ``services`` services of one kind: sum that column, don't count rows. The date is the
    Monday of the week in which the fee was settled, at or some weeks after the service itself.

    Args:
        bucket: the bucket to read.
        children: also take services given to a child on this person's insurance (``barnmak``).

    Returns:
        ``person`` int32, ``date``, ``specialty`` (six digits; the first two are the kind of provider),
        ``services`` int32, ``fee`` int64 øre (gross), ``child`` bool. Not sorted.

    Raises:
        StudyError: the extract has neither register, or one without week or specialty.
    """
    sysi = _one(bucket, "sysi")
    if sysi is not None and bucket.has("sssy"):
        since, until = bucket.coverage("sssy") or BOTH
        twice = pl.col("date").is_between(max(since, BOTH[0]), min(until, BOTH[1]))
        sysi = sysi.filter(~twice)
    rows = together({"sysi": sysi, "sssy": _one(bucket, "sssy")}, "services of primary care")
    return rows if children else rows.filter(~pl.col("child").fill_null(value=False))


def _one(bucket: Bucket, register: str) -> pl.LazyFrame | None:
    sources: dict[str, str | From | pl.Expr] = {
        "date": need("honuge"),
        "specialty": need("speciale"),
        "services": "ydlant",
        "fee": "bruhon",
    }
    if bucket.has(register, "barnmak"):
        sources["child"] = pl.col("barnmak").cast(pl.String) == "1"
    return take(bucket, register, SERVICE, sources)
