"""Hospital contacts of LPR2, LPR3 and psychiatry as one."""

from __future__ import annotations

from functools import cache

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import contact_class, lpr, tables
from sundbench.cohort.views.selection import From, Schema, need, take, together

CONTACT: Schema = {
    "start": pl.Date,
    "end": pl.Date,
    "contact": pl.Int64,
    "source": pl.String,
    "class": pl.String,
    "acute": pl.Boolean,
    "specialty": pl.String,
    "specialty_name": pl.String,
}


def contacts(bucket: Bucket) -> pl.LazyFrame:
    """Hospital contacts, each once.

    Returns:
        One row per contact: ``person`` int32; ``start`` and ``end`` date (end null while it lasts or where
        the permit lacks it); ``contact`` int64, the register's own number, unique within ``source``
        (``lpr2``, ``psyk``, ``lpr3a``, ``lpr3f``); ``class`` (``inpatient``, ``outpatient``, ``emergency``
        or null); ``acute`` bool (False: planned); ``specialty`` as delivered, ``specialty_name`` in
        lower-case Danish. Not sorted.

    Raises:
        StudyError: the extract has no contacts, or a contact register without its start.
    """
    return together(
        {
            "lpr_adm": _lpr2(bucket, "lpr_adm", "lpr2", "recnum"),
            "t_psyk_adm": _lpr2(bucket, "t_psyk_adm", "psyk", "k_recnum"),
            "lpr3a_kontakt": _lpr3a(bucket),
            "lpr3f_kontakter": _lpr3f(bucket),
        },
        "hospital contacts",
    )


def _lpr2(bucket: Bucket, register: str, source: lpr.Source, key: str) -> pl.LazyFrame | None:
    mode = _text(bucket, register, "c_indm")
    acute = pl.when(mode == "1").then(statement=True).when(mode == "2").then(statement=False)
    specialty = _text(bucket, register, "c_spec")
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("d_inddto"),
        "end": "d_uddto",
        "contact": key,
        "source": pl.lit(source),
        "class": contact_class.of_lpr2(_text(bucket, register, "c_pattype"), acute, pl.col("d_inddto")),
        "acute": acute,
        "specialty": "c_spec",
        "specialty_name": specialty.replace_strict(specialties(), default=None, return_dtype=pl.String),
    }
    return take(bucket, register, CONTACT, sources)


def _lpr3a(bucket: Bucket) -> pl.LazyFrame | None:
    register = "lpr3a_kontakt"
    lasted = pl.lit(None, dtype=pl.Duration("ms"))
    if bucket.has(register, "kont_sluttidspunkt"):
        lasted = pl.col("kont_sluttidspunkt") - pl.col("kont_starttidspunkt")
    acute = _acute(_text(bucket, register, "prioritet"))
    specialty = _text(bucket, register, "kont_ans_hovedspec")
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("kont_starttidspunkt"),
        "end": "kont_sluttidspunkt",
        "contact": lpr.KEY,
        "source": pl.lit("lpr3a"),
        "class": contact_class.of_lpr3(_text(bucket, register, "kont_type"), acute, _long(lasted)),
        "acute": acute,
        "specialty": "kont_ans_hovedspec",
        "specialty_name": _spelled(specialty),
    }
    return take(bucket, register, CONTACT, sources, lpr.once(bucket, register, "lpr3a", "lpr_adm"))


def _lpr3f(bucket: Bucket) -> pl.LazyFrame | None:
    register = "lpr3f_kontakter"
    long = pl.lit(None, dtype=pl.Boolean)
    if bucket.has(register, "dato_slut"):
        long = pl.col("dato_slut") > pl.col("dato_start")
    if bucket.has(register, "dato_slut", "tidspunkt_start", "tidspunkt_slut"):
        lasted = _at("dato_slut", "tidspunkt_slut") - _at("dato_start", "tidspunkt_start")
        long = _long(lasted).fill_null(long)
    acute = _acute(_text(bucket, register, "prioritet"))
    specialty = _text(bucket, register, "hovedspeciale_ans")
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("dato_start"),
        "end": "dato_slut",
        "contact": lpr.KEY,
        "source": pl.lit("lpr3f"),
        "class": contact_class.of_lpr3(_text(bucket, register, "kontakttype"), acute, long),
        "acute": acute,
        "specialty": "hovedspeciale_ans",
        "specialty_name": _spelled(specialty),
    }
    return take(bucket, register, CONTACT, sources, lpr.once(bucket, register, "lpr3f", "lpr_adm"))


def _acute(priority: pl.Expr) -> pl.Expr:
    planned = priority.is_in(["ATA2", "ATA3"])
    return pl.when(priority == "ATA1").then(statement=True).when(planned).then(statement=False)


def _long(lasted: pl.Expr) -> pl.Expr:
    return lasted >= pl.duration(hours=contact_class.ADMISSION_HOURS)


def _at(day: str, clock: str) -> pl.Expr:
    """A day and a clock time as delivered (HH:MM or HH:MM:SS) as one; null if the clock is missing."""
    time = pl.col(clock).str.extract(r"^(\d{1,2}:\d{2})", 1).str.to_time("%H:%M", strict=False)
    return pl.col(day).dt.combine(time, "ms")


def _spelled(specialty: pl.Expr) -> pl.Expr:
    return specialty.str.strip_chars().str.to_lowercase()


def _text(bucket: Bucket, register: str, column: str) -> pl.Expr:
    return pl.col(column) if bucket.has(register, column) else pl.lit(None, dtype=pl.String)


@cache
def specialties() -> dict[str, str]:
    """LPR2's two-digit specialty codes and their Danish names, as LPR3 spells them in lower case."""
    return {row["code"]: row["name"] for row in tables.rows("specialties")}
