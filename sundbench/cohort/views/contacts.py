"""Hospital contacts of LPR2, LPR3 and psychiatry as one.

Inpatient, outpatient and emergency are told apart so:

- LPR2: patient type 0 (full day) and 1 (part day), and in psychiatry 5 (night), are inpatient; 3 is
  emergency; 2, and in psychiatry 4 (day), is outpatient. In 2014 type 3 ceased: since then type 2 with acute
  admission is an emergency visit (Statistics Denmark, documentation of Sygehusbenyttelse).
- LPR3: attendance (ALCA00) of 12 hours or more is inpatient (Sundhedsdatastyrelsen's definition of an
  admission); shorter and acute it is emergency; all else that has ended, virtual and home contacts included,
  is outpatient. Where the register holds no clock times, a night between start and end makes it inpatient.

What the permit leaves out gives null, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import lpr, tables
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

ADMISSION_HOURS = 12
"""From how many hours on an attendance is an admission (Sundhedsdatastyrelsen)."""

NO_MORE_EMERGENCY_ROOMS = date(2014, 1, 1)
"""From when LPR2 reports emergency visits as acute outpatient contacts."""


def contacts(bucket: Bucket) -> pl.LazyFrame:
    """Hospital contacts, each once.

    Returns:
        One row per contact: ``person`` int32; ``start`` and ``end`` date (end null while it lasts or
        where the permit lacks it); ``contact`` int64, the register's own number, unique within
        ``source`` (``lpr2``, ``psyk``, ``lpr3a``, ``lpr3f``; A and F share numbers); ``class``
        (``inpatient``, ``outpatient``, ``emergency``); ``acute`` bool (False: planned); ``specialty`` as
        delivered, ``specialty_name`` in lower-case Danish. Not sorted.

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


def refuse_unclassed(bucket: Bucket) -> None:
    """Refuse a study that needs the contact class where the permit lacks what tells it.

    Raises:
        StudyError: names the register and the columns.
    """
    for register, columns in CLASS_COLUMNS.items():
        if bucket.has(register):
            bucket.need(register, *columns)


CLASS_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "lpr_adm": ("c_pattype", "c_indm"),
    "t_psyk_adm": ("c_pattype",),
    "lpr3a_kontakt": ("kont_type", "kont_sluttidspunkt", "prioritet"),
    "lpr3f_kontakter": ("kontakttype", "dato_slut", "prioritet"),
}
"""What each register needs to tell inpatient, outpatient and emergency apart."""


def _lpr2(bucket: Bucket, register: str, source: lpr.Source, key: str) -> pl.LazyFrame | None:
    held = bucket.columns(register)
    pattype, indm, start = _text(held, "c_pattype"), _text(held, "c_indm"), pl.col("d_inddto")
    acute = pl.when(indm == "1").then(statement=True).when(indm == "2").then(statement=False)
    specialty = _text(held, "c_spec")
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("d_inddto"),
        "end": "d_uddto",
        "contact": key,
        "source": pl.lit(source),
        "class": pl.when(pattype.is_in(["0", "1", "5"]))
        .then(pl.lit("inpatient"))
        .when((pattype == "3") | ((pattype == "2") & (indm == "1") & (start >= NO_MORE_EMERGENCY_ROOMS)))
        .then(pl.lit("emergency"))
        .when(pattype.is_in(["2", "4"]))
        .then(pl.lit("outpatient")),
        "acute": acute,
        "specialty": "c_spec",
        "specialty_name": specialty.replace_strict(specialties(), default=None, return_dtype=pl.String),
    }
    return take(bucket, register, CONTACT, sources)


def _lpr3a(bucket: Bucket) -> pl.LazyFrame | None:
    held = bucket.columns("lpr3a_kontakt")
    start = pl.col("kont_starttidspunkt")
    end = (
        pl.col("kont_sluttidspunkt")
        if "kont_sluttidspunkt" in held
        else pl.lit(None, dtype=pl.Datetime("ms"))
    )
    long = (end - start) >= pl.duration(hours=ADMISSION_HOURS)
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("kont_starttidspunkt"),
        "end": "kont_sluttidspunkt",
        "contact": "dw_ek_kontakt",
        "source": pl.lit("lpr3a"),
        **_lpr3(_text(held, "kont_type"), _text(held, "prioritet"), long, _text(held, "kont_ans_hovedspec")),
    }
    rows = lpr.once(bucket, "lpr3a_kontakt", "lpr3a", "lpr_adm")
    return take(bucket, "lpr3a_kontakt", CONTACT, sources, rows)


def _lpr3f(bucket: Bucket) -> pl.LazyFrame | None:
    held = bucket.columns("lpr3f_kontakter")
    end = pl.col("dato_slut") if "dato_slut" in held else pl.lit(None, dtype=pl.Date)
    long = end > pl.col("dato_start")
    if "tidspunkt_start" in held and "tidspunkt_slut" in held:
        timed = _at(end, "tidspunkt_slut") - _at(pl.col("dato_start"), "tidspunkt_start")
        long = (timed >= pl.duration(hours=ADMISSION_HOURS)).fill_null(long)
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("dato_start"),
        "end": "dato_slut",
        "contact": "dw_ek_kontakt",
        "source": pl.lit("lpr3f"),
        **_lpr3(_text(held, "kontakttype"), _text(held, "prioritet"), long, _text(held, "hovedspeciale_ans")),
    }
    rows = lpr.once(bucket, "lpr3f_kontakter", "lpr3f", "lpr_adm")
    return take(bucket, "lpr3f_kontakter", CONTACT, sources, rows)


def _lpr3(kind: pl.Expr, priority: pl.Expr, long: pl.Expr, specialty: pl.Expr) -> dict[str, pl.Expr]:
    attended = kind == "ALCA00"
    return {
        "class": pl.when(kind.is_not_null() & ~attended)
        .then(pl.lit("outpatient"))
        .when(attended & long)
        .then(pl.lit("inpatient"))
        .when(attended & ~long & (priority == "ATA1"))
        .then(pl.lit("emergency"))
        .when(attended & ~long)
        .then(pl.lit("outpatient")),
        "acute": pl.when(priority == "ATA1")
        .then(statement=True)
        .when(priority.is_in(["ATA2", "ATA3"]))
        .then(statement=False),
        "specialty": specialty,
        "specialty_name": specialty.str.strip_chars().str.to_lowercase(),
    }


def _at(day: pl.Expr, clock: str) -> pl.Expr:
    """A day and a clock time as delivered (HH:MM or HH:MM:SS) as one; null if the clock is missing."""
    time = pl.col(clock).str.extract(r"^(\d{1,2}:\d{2})", 1).str.to_time("%H:%M", strict=False)
    return day.dt.combine(time, "ms")


def _text(held: Mapping[str, pl.DataType], column: str) -> pl.Expr:
    return pl.col(column) if column in held else pl.lit(None, dtype=pl.String)


@cache
def specialties() -> Mapping[str, str]:
    """LPR2's two-digit specialty codes and their Danish names, as LPR3 spells them in lower case."""
    return {row["code"]: row["name"] for row in tables.rows("specialties")}
