"""Hospital diagnoses of LPR2, LPR3 and psychiatry as one.

Retracted diagnoses (LPR3's ``senere_afkraeftet`` "Ja") are left out. Codes stay as LPR spells them: ICD-10
with a leading D, ICD-8 (to the end of 1993) without.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import lpr
from sundbench.cohort.views.contact_class import refuse_unclassed
from sundbench.cohort.views.contacts import contacts
from sundbench.cohort.views.selection import From, Schema, need, take, together

DIAGNOSIS: Schema = {
    "date": pl.Date,
    "code": pl.String,
    "type": pl.String,
    "icd": pl.String,
    "contact": pl.Int64,
    "source": pl.String,
}

OUTCOME_TYPES = ("A", "B")
"""Types that count as an outcome: action (primary) and secondary diagnoses."""

COMORBIDITY_TYPES = ("A", "B", "G")
"""Types that count as comorbidity: underlying conditions (G) too. Never H, the referral's diagnosis."""

OF_CONTACT = ("end", "class", "acute", "specialty", "specialty_name")
"""Columns of the contact that ``diagnoses`` adds on demand."""


def diagnoses(bucket: Bucket, *, contact: Sequence[str] = ()) -> pl.LazyFrame:
    """Hospital diagnoses, each contact's once.

    Filters on ``person``, ``code`` and ``type`` that are put on the result reach the Parquet scans; filters
    on ``date`` reach those of LPR2 alone, since LPR3A holds times.

    Args:
        bucket: the bucket to read.
        contact: columns of the contact to add, of ``end``, ``class``, ``acute``, ``specialty`` and
            ``specialty_name``: only then are the contacts read and joined.

    Returns:
        One row per diagnosis of a contact: ``person`` int32; ``date``, on which the contact began; ``code``;
        ``type`` (A action, B secondary, G underlying, C complication, H referral, M, +); ``icd`` "10", "8" or
        null for other codes; ``contact`` int64 and ``source``, which together name the contact; then the
        columns of ``contact``. Not sorted.

    Raises:
        StudyError: the extract has no diagnoses, lacks a column without which they mean nothing, or lacks
            what ``contact`` asks for.
    """
    rows = together(
        {
            "lpr_diag": _lpr2(bucket, "lpr_diag", "lpr2", "recnum"),
            "t_psyk_diag": _lpr2(bucket, "t_psyk_diag", "psyk", "v_recnum"),
            "lpr3a_diagnose": _lpr3(bucket, "lpr3a", "lpr3a_diagnose", "diag_kode", "diag_type"),
            "lpr3f_diagnoser": _lpr3(bucket, "lpr3f", "lpr3f_diagnoser", "diagnosekode", "diagnosetype"),
        },
        "hospital diagnoses",
    )
    return with_contact(bucket, rows, contact)


def with_contact(bucket: Bucket, rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Add columns of the contact to rows that name it by ``source`` and ``contact``.

    Raises:
        StudyError: the extract can't give them.
    """
    if not columns:
        return rows
    unknown = [name for name in columns if name not in OF_CONTACT]
    if unknown:
        raise ValueError(f"no columns of a contact: {', '.join(unknown)}")
    if "class" in columns:
        refuse_unclassed(bucket)
    of_contact = contacts(bucket).select("contact", "source", *columns)
    return rows.join(of_contact, on=["contact", "source"], how="left")


def icd(code: pl.Expr) -> pl.Expr:
    """The classification that a code as LPR spells it belongs to: "10", "8" or null.

    ICD-10 has a leading D. ICD-8 is numeric, or E or Y and digits for external causes. Other codes of the
    Health Care Classification System (SKS) are neither.
    """
    return (
        pl.when(code.str.starts_with("D"))
        .then(pl.lit("10"))
        .when(code.str.contains(r"^[EY]?\d"))
        .then(pl.lit("8"))
    )


def _lpr2(bucket: Bucket, register: str, source: lpr.Source, key: str) -> pl.LazyFrame | None:
    sources: dict[str, str | From | pl.Expr] = {
        "date": need("d_inddto"),
        "code": need("c_diag"),
        "type": need("c_diagtype"),
        "icd": icd(pl.col("c_diag")),
        "contact": key,
        "source": pl.lit(source),
    }
    return take(bucket, register, DIAGNOSIS, sources)


def _lpr3(bucket: Bucket, source: lpr.Lpr3, register: str, code: str, kind: str) -> pl.LazyFrame | None:
    rows = lpr.once(bucket, register, source, "lpr_diag")
    if rows is not None and bucket.has(register, lpr.RETRACTED):
        rows = rows.filter(pl.col(lpr.RETRACTED).ne_missing("Ja"))
    sources: dict[str, str | From | pl.Expr] = {
        "date": need(lpr.STARTS[source]),
        "code": need(code),
        "type": need(kind),
        "icd": icd(pl.col(code)),
        "contact": lpr.KEY,
        "source": pl.lit(source),
    }
    return take(bucket, register, DIAGNOSIS, sources, rows)
