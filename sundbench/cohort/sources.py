"""Where events come from: the rows of the harmonised views, as dated rows with a code and a value.

This is the one place that knows the views' columns. Every other part of the engine sees ``person``, ``date``,
``code``, ``type`` and named values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.events import Diagnosis, Event, HospitalMedicine
from sundbench.cohort.views.tables import rows as rows_of

FEW = 8
"""Up to so many prefixes are tried one by one; more are tried as one regular expression."""


@dataclass(frozen=True)
class Source:
    """What a view offers the engine.

    Attributes:
        registers: the registers that the view is made of, each with the columns without which it means
            nothing.
        code: the view's column of codes; None for views without.
        prefix: whether a code stands for all codes below it.
    """

    registers: Mapping[str, tuple[str, ...]]
    code: str | None = None
    prefix: bool = True


_LPR2 = ("d_inddto", "c_diag", "c_diagtype")

SOURCES = {
    "diagnoses": Source(
        {
            "lpr_diag": _LPR2,
            "t_psyk_diag": _LPR2,
            "lpr3a_diagnose": ("kont_starttidspunkt", "diag_kode", "diag_type"),
            "lpr3f_diagnoser": ("dato_start", "diagnosekode", "diagnosetype"),
        },
        code="code",
    ),
    "dispensings": Source({"lmdb": ("eksd", "atc")}, code="atc"),
    "hospital_medicines": Source(
        {"smr": ("d_adm", "c_atc"), "lpr_sksopr": ("c_opr",), "lpr3a_procregistrering": ("proc_kode",)},
        code="atc",
    ),
    "procedures": Source({"lpr_sksopr": ("c_opr",), "lpr3a_procregistrering": ("proc_kode",)}, code="code"),
    "laboratory": Source(
        {"lab_forsker": ("samplingdate", "analysiscode", "value")}, code="npu", prefix=False
    ),
    "deaths": Source(
        {
            "dod": ("doddato",),
            "dodsaarsager": ("doedsdato",),
            "dodsaasg": ("d_dodsdato",),
            "dodsaars": ("d_dodsdto",),
        }
    ),
    "emigrations": Source({"vnds": ("haend_dato", "indud_kode")}),
    "residence": Source({"bef": ("referencetid",)}),
}
"""By the view's name; only ``residence`` has intervals rather than dated rows."""

PERSONS = "bef"
"""The register of age, sex and region."""


def rows(bucket: Bucket, view: str, events: Iterable[Event], values: Iterable[str]) -> pl.LazyFrame:
    """The rows of a view that at least one of the events selects.

    Args:
        bucket: the bucket to read.
        view: the view.
        events: events of that view, none of them a union.
        values: the view's columns that are needed besides date, code and type.

    Returns:
        ``person``, ``date``, then ``code`` where the view has codes, ``type`` for diagnoses, and the values.
        Rows without a date are left out.
    """
    source = SOURCES[view]
    wanted = list(events)
    listed = tuple(dict.fromkeys(code for event in wanted for code in codes(event)))
    if view == "dispensings":
        frame = views.dispensings(bucket, where=coded(pl.col("atc"), listed, source.prefix))
    else:
        frame = getattr(views, view)(bucket)
        if source.code is not None:
            frame = frame.filter(coded(pl.col(source.code), listed, source.prefix))
    columns = [pl.col("person"), pl.col("date")]
    if source.code is not None:
        columns.append(pl.col(source.code).alias("code"))
    if view == "diagnoses":
        kinds = {kind for event in wanted if isinstance(event, Diagnosis) for kind in event.types}
        frame = frame.filter(pl.col("type").is_in(sorted(kinds)))
        columns.append(pl.col("type"))
    columns += [pl.col(name) for name in values]
    return frame.select(columns).filter(pl.col("date").is_not_null())


@lru_cache(maxsize=512)
def selects(event: Event) -> pl.Expr:
    """Whether a row, as ``rows`` gives it, is of an event."""
    source = SOURCES[event.view]
    if source.code is None:
        return pl.lit(value=True)
    chosen = coded(pl.col("code"), codes(event), source.prefix)
    if isinstance(event, Diagnosis):
        chosen &= pl.col("type").is_in(list(event.types))
    return chosen


def codes(event: Event) -> tuple[str, ...]:
    """An event's codes as its view spells them; none for events of views without.

    The view of hospital medicines gives each substance today's code: an old one stands for it.
    """
    listed: tuple[str, ...] = getattr(event, "codes", ())
    if isinstance(event, HospitalMedicine):
        recoded = [row["new"] for row in rows_of("atc_recoded") if row["old"].startswith(listed)]
        return tuple(dict.fromkeys((*listed, *recoded)))
    return listed


def coded(column: pl.Expr, listed: tuple[str, ...], prefix: bool) -> pl.Expr:
    """Whether a column's code is one of the listed or, where ``prefix`` says so, lies below one of them."""
    if not prefix:
        return column.is_in(list(listed))
    if len(listed) <= FEW:
        return pl.any_horizontal([column.str.starts_with(code) for code in listed])
    return column.str.contains("^(?:" + "|".join(re.escape(code) for code in listed) + ")")
