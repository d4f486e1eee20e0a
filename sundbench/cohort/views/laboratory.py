"""Laboratory results, whose values come as text."""

from __future__ import annotations

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import From, Schema, need, take, together

RESULT: Schema = {
    "date": pl.Date,
    "npu": pl.String,
    "value": pl.Float64,
    "operator": pl.String,
    "text": pl.String,
    "unit": pl.String,
}

NUMBER = r"^\s*(<=|>=|≤|≥|<|>)?\s*([+-]?(?:\d+(?:[.,]\d+)?|[.,]\d+))\s*$"
"""An operator, if any, and a number with decimal point or comma."""

SIGNS = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "≤": "<=", "≥": ">="}
"""How the signs are spelled; what else the register's column of signs may hold is not documented."""


def laboratory(bucket: Bucket) -> pl.LazyFrame:
    """Laboratory results.

    A value such as "<5" is censored: ``value`` 5 with ``operator`` "<". Where the text has no sign, the
    register's own column of signs (``operator``) tells it, if the permit has it. Text that is no number
    ("Negativ", "48-53") has no ``value`` and stays in ``text``.

    Returns:
        One row per result: ``person`` int32, ``date`` of sampling, ``npu`` (analysis code), ``value``
        float64, ``operator`` ("", "<", "<=", ">", ">="), ``text`` as delivered, ``unit``. Not sorted.

    Raises:
        StudyError: the extract has no laboratory results, or lacks date, analysis code or value.
    """
    text = pl.col("value").cast(pl.String)
    sign = operator(text)
    if bucket.has("lab_forsker", "operator"):
        beside = pl.col("operator").str.strip_chars().replace_strict(SIGNS, default="")
        sign = pl.when(sign == "").then(beside.fill_null("")).otherwise(sign)
    sources: dict[str, str | From | pl.Expr] = {
        "date": need("samplingdate"),
        "npu": need("analysiscode"),
        "value": number(text),
        "operator": sign,
        "text": need("value"),
        "unit": "unit",
    }
    return together({"lab_forsker": take(bucket, "lab_forsker", RESULT, sources)}, "laboratory results")


def number(text: pl.Expr) -> pl.Expr:
    """The number in a result's text, float64; null where the text is none."""
    return text.str.extract(NUMBER, 2).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def operator(text: pl.Expr) -> pl.Expr:
    """The comparison that a result's text begins with; "" where there is none."""
    sign = text.str.extract(NUMBER, 1).fill_null("")
    return sign.replace(SIGNS)
