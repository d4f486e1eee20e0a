"""Inpatient, outpatient or emergency: the one rule for all versions of LPR.

- LPR2: patient type 0 (full day) and 1 (part day), and in psychiatry 5 (night), are inpatient; 3 is
  emergency; 2, and in psychiatry 4 (day), is outpatient. In 2014 type 3 ceased: since then type 2 with acute
  admission is an emergency visit (Statistics Denmark, documentation of Sygehusbenyttelse).
- LPR3: attendance (ALCA00) of 12 hours or more is inpatient (Sundhedsdatastyrelsen's definition of an
  admission); shorter and acute it is emergency, shorter and planned outpatient; so are contacts without
  attendance (virtual, at home). Where the register holds no clock times, a night between start and end makes
  it inpatient.

What would take a guess is null: no type, no end, or no mode of admission where that decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from sundbench.cohort.bucket import Bucket

ADMISSION_HOURS = 12
"""From how many hours on an attendance is an admission (Sundhedsdatastyrelsen)."""

ATTENDANCE = "ALCA00"

NO_MORE_EMERGENCY_ROOMS = date(2014, 1, 1)
"""From when LPR2 reports emergency visits as acute outpatient contacts."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "lpr_adm": ("c_pattype", "c_indm"),
    "t_psyk_adm": ("c_pattype",),
    "lpr3a_kontakt": ("kont_type", "kont_sluttidspunkt", "prioritet"),
    "lpr3f_kontakter": ("kontakttype", "dato_slut", "prioritet"),
}
"""What each register needs to tell inpatient, outpatient and emergency apart."""


def refuse_unclassed(bucket: Bucket) -> None:
    """Refuse a study that needs the contact class where the permit lacks what tells it.

    Raises:
        StudyError: names the register and the columns.
    """
    for register, columns in COLUMNS.items():
        if bucket.has(register):
            bucket.need(register, *columns)


def of_lpr2(pattype: pl.Expr, acute: pl.Expr, start: pl.Expr) -> pl.Expr:
    """The class of a contact of LPR2: "inpatient", "outpatient", "emergency" or null.

    Args:
        pattype: the patient type, text.
        acute: whether the admission was acute, null where unknown.
        start: the contact's first day.
    """
    mode_decides = (pattype == "2") & (start >= NO_MORE_EMERGENCY_ROOMS)
    return (
        pl.when(pattype.is_in(["0", "1", "5"]))
        .then(pl.lit("inpatient"))
        .when((pattype == "3") | (mode_decides & acute))
        .then(pl.lit("emergency"))
        .when(
            (pattype == "4")
            | ((pattype == "2") & (start < NO_MORE_EMERGENCY_ROOMS))
            | (mode_decides & ~acute)
        )
        .then(pl.lit("outpatient"))
    )


def of_lpr3(kind: pl.Expr, acute: pl.Expr, long: pl.Expr) -> pl.Expr:
    """The class of a contact of LPR3: "inpatient", "outpatient", "emergency" or null.

    Args:
        kind: the contact type, an SKS code.
        acute: whether the contact was acute, null where unknown.
        long: whether it lasted ``ADMISSION_HOURS``, null where unknown.
    """
    attended = kind == ATTENDANCE
    return (
        pl.when(attended & long)
        .then(pl.lit("inpatient"))
        .when(attended & ~long & acute)
        .then(pl.lit("emergency"))
        .when((kind != ATTENDANCE) | (attended & ~long & ~acute))
        .then(pl.lit("outpatient"))
    )
