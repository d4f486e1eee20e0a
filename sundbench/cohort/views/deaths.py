"""Deaths and their causes, one row per person.

The date comes from the population register's deaths (``dod``); only where that has none from the registers of
causes, the newest first. The cause comes from the registers of causes, the newest that has the person first.
They spell ICD-10 without the leading D of LPR: it is added, so that one code list serves both. Deaths before
1994 are coded in ICD-8, which LPR too spells without.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import Schema
from sundbench.errors import StudyError

DEATH: Schema = {
    "date": pl.Date,
    "cause": pl.String,
    "contributing": pl.List(pl.String),
    "source": pl.String,
}

ICD10_SINCE = date(1994, 1, 1)
"""Denmark went from ICD-8 to ICD-10 on this day."""

REGISTERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "dod": ("doddato", "", ()),
    "dodsaarsager": (
        "doedsdato",
        "doedsaarsag_tilgrundliggende",
        tuple(f"doedsaarsag_kode_{which}" for which in "abcd1234"),
    ),
    "dodsaasg": (
        "d_dodsdato",
        "c_dodtilgrundl_acme",
        ("c_dod_1a", "c_dod_1b", "c_dod_1c", "c_dod_1d", "c_dod_21", "c_dod_22", "c_dod_23"),
    ),
    "dodsaars": ("d_dodsdto", "c_dod1", ("c_dod2", "c_dod3", "c_dod4")),
}
"""Date, underlying cause and other causes in each register, in the order in which they are believed."""


def deaths(bucket: Bucket) -> pl.LazyFrame:
    """Deaths.

    Returns:
        One row per dead person: ``person`` int32, ``date``, ``cause`` (underlying; null where no register of
        causes has the person), ``contributing`` (list of the other causes), ``source`` (the register that
        gave the date). Sorted by person.

    Raises:
        StudyError: the extract has no register of deaths, or one without its date.
    """
    parts = [_one(bucket, rank, register) for rank, register in enumerate(REGISTERS) if bucket.has(register)]
    if not parts:
        names = ", ".join(REGISTERS)
        raise StudyError(f"the extract has no deaths: the study's permit must ask for one of {names}")
    known = pl.col("cause").is_not_null() | (pl.col("contributing").list.len() > 0)
    return (
        pl.concat(parts)
        .sort("person", "rank", "date", "cause", "contributing", nulls_last=True)
        .group_by("person", maintain_order=True)
        .agg(
            pl.col("date").drop_nulls().first(),
            pl.col("cause").filter(known).first(),
            pl.col("contributing").filter(known).first(),
            pl.col("source").filter(pl.col("date").is_not_null()).first(),
        )
        .filter(pl.col("date").is_not_null())
    )


def _one(bucket: Bucket, rank: int, register: str) -> pl.LazyFrame:
    when, underlying, others = REGISTERS[register]
    bucket.need(register, when)
    rows = bucket.scan(register)
    assert rows is not None  # noqa: S101 - need refuses an absent register
    held = bucket.columns(register)
    day = pl.col(when).cast(pl.Date)
    there = [name for name in others if name in held]
    return rows.select(
        "person",
        day.alias("date"),
        as_in_lpr(pl.col(underlying), day).alias("cause")
        if underlying in held
        else pl.lit(None, dtype=pl.String).alias("cause"),
        pl.concat_list(as_in_lpr(pl.col(name), day) for name in there).list.drop_nulls().alias("contributing")
        if there
        else pl.lit([], dtype=pl.List(pl.String)).alias("contributing"),
        pl.lit(register).alias("source"),
        pl.lit(rank, dtype=pl.Int8).alias("rank"),
    )


def as_in_lpr(code: pl.Expr, day: pl.Expr) -> pl.Expr:
    """A cause of death as LPR spells the code: a leading D where it is ICD-10; "" is null."""
    bare = code.str.strip_chars().str.replace_all(".", "", literal=True)
    spelled = pl.when(day < ICD10_SINCE).then(bare).otherwise(pl.lit("D") + bare)
    return pl.when(bare != "").then(spelled)
