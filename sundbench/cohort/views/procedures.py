"""Procedures of LPR2 and LPR3 as one: operations, and examinations and treatments.

LPR2 delivers operations (SKS codes that begin with K) in ``lpr_sksopr`` and all else, medical cancer
treatment included, in ``lpr_sksube``.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import lpr
from sundbench.cohort.views.diagnoses import with_contact
from sundbench.cohort.views.selection import From, Schema, take, together

PROCEDURE: Schema = {
    "date": pl.Date,
    "code": pl.String,
    "addon": pl.String,
    "contact": pl.Int64,
    "source": pl.String,
}


def procedures(bucket: Bucket, *, contact: Sequence[str] = ()) -> pl.LazyFrame:
    """Procedures in SKS codes, treatment codes (BWH..., BOHJ...) included, each contact's once.

    A procedure's date is its own; where that is missing, the day on which the contact began.

    Args:
        bucket: the bucket to read.
        contact: columns of the contact to add, as for ``diagnoses``.

    Returns:
        One row per procedure: ``person`` int32, ``date``, ``code`` (SKS), ``addon`` (its supplementary code
        or null), ``contact`` int64, ``source``; then the columns of ``contact``. Not sorted.

    Raises:
        StudyError: the extract has no procedures, or lacks a column without which they mean nothing.
    """
    rows = together(
        {
            "lpr_sksopr": _lpr2(bucket, "lpr_sksopr"),
            "lpr_sksube": _lpr2(bucket, "lpr_sksube"),
            "lpr3a_procregistrering": _lpr3(bucket),
        },
        "procedures",
    )
    return with_contact(bucket, rows, contact)


def _lpr2(bucket: Bucket, register: str) -> pl.LazyFrame | None:
    if not bucket.has(register):
        return None
    bucket.need(register, "c_opr")
    sources: dict[str, str | From | pl.Expr] = {
        "date": _date(bucket, register, "d_odto", "d_inddto"),
        "code": "c_opr",
        "addon": "c_tilopr",
        "contact": "recnum",
        "source": pl.lit("lpr2"),
    }
    return take(bucket, register, PROCEDURE, sources)


def _lpr3(bucket: Bucket) -> pl.LazyFrame | None:
    register = "lpr3a_procregistrering"
    if not bucket.has(register):
        return None
    bucket.need(register, "proc_kode")
    sources: dict[str, str | From | pl.Expr] = {
        "date": _date(bucket, register, "proc_starttidspunkt", lpr.STARTS["lpr3a"]),
        "code": "proc_kode",
        "contact": lpr.KEY,
        "source": pl.lit("lpr3a"),
    }
    return take(bucket, register, PROCEDURE, sources, _once(bucket, register))


def _once(bucket: Bucket, register: str) -> pl.LazyFrame | None:
    """LPR3's rows without those that LPR2's table of the same kind holds."""
    operation = pl.col("proc_kode").str.starts_with("K").fill_null(value=False)
    kinds = {"lpr_sksopr": operation, "lpr_sksube": ~operation}
    if len({bucket.has(lpr2) for lpr2 in kinds}) == 1:  # one look at the register is enough
        return lpr.once(bucket, register, "lpr3a", "lpr_sksopr")
    parts = {lpr2: lpr.once(bucket, register, "lpr3a", lpr2) for lpr2 in kinds}
    return pl.concat(rows.filter(kinds[lpr2]) for lpr2, rows in parts.items() if rows is not None)


def _date(bucket: Bucket, register: str, own: str, contacts: str) -> pl.Expr:
    held = [name for name in (own, contacts) if bucket.has(register, name)]
    if not held:
        bucket.need(register, own)
    return pl.coalesce(pl.col(name).cast(pl.Date) for name in held)
