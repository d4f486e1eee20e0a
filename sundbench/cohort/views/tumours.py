"""Tumours of the Danish Cancer Registry."""

from __future__ import annotations

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import From, Schema, need, take, together

TUMOUR: Schema = {
    "date": pl.Date,
    "icd10": pl.String,
    "morphology": pl.String,
}


def tumours(bucket: Bucket) -> pl.LazyFrame:
    """Tumours of the cancer registry, which has a row for each new one.

    The registry spells ICD-10 without the leading D of LPR: it is added, also to codes that begin with D
    (D05.1, carcinoma in situ of the breast, becomes DD051), so that one list of codes serves everywhere.

    Args:
        bucket: the bucket to read.

    Returns:
        ``person`` int32, ``date`` of diagnosis, ``icd10`` as LPR spells it (null for tumours before 1978,
        which are in ICD-7), ``morphology`` (ICD-O-3 as delivered: M, histology, behaviour; null where the
        permit lacks it). Not sorted.

    Raises:
        StudyError: the extract has no cancer registry, or one without date.
    """
    register = "cancer"
    held = bucket.has(register, "c_icd10")
    sources: dict[str, str | From | pl.Expr] = {
        "date": need("d_diagnosedato"),
        "icd10": as_in_lpr(pl.col("c_icd10")) if held else "c_icd10",
        "morphology": "c_morfo03",
    }
    return together({register: take(bucket, register, TUMOUR, sources)}, "tumours")


def as_in_lpr(code: pl.Expr) -> pl.Expr:
    """An ICD-10 code with LPR's leading D, which is added where it isn't there; "" is null."""
    bare = code.str.strip_chars().str.replace_all(".", "", literal=True)
    spelled = pl.when(bare.str.contains(r"^D[A-Z]")).then(bare).otherwise(pl.lit("D") + bare)
    return pl.when(bare != "").then(spelled)
