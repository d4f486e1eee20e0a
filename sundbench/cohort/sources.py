"""Where events come from: the rows of the harmonised views, as dated rows with a code and a value.

This is the one place that knows the views' columns. Every other part of the engine sees ``person``, ``date``,
``code``, ``type`` and named values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from sundbench.cohort import onsets, views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.events import Diagnosis, Event, HospitalMedicine
from sundbench.cohort.views.tables import rows as rows_of

if TYPE_CHECKING:
    from sundbench.cohort.phenotypes import Phenotype

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
    "procedures": Source(
        {"lpr_sksopr": ("c_opr",), "lpr_sksube": ("c_opr",), "lpr3a_procregistrering": ("proc_kode",)},
        code="code",
    ),
    "services": Source({"sysi": ("honuge", "speciale"), "sssy": ("honuge", "speciale")}, code="specialty"),
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
    "phenotypes": Source({}, code="code", prefix=False),
}
"""By the view's name; only ``residence`` has intervals rather than dated rows.

What ``phenotypes`` reads depends on the phenotype.
"""

PERSONS = "bef"
"""The register of age, sex and region."""


@dataclass(frozen=True)
class Reading:
    """What to read of a view: the same for every bucket.

    Attributes:
        view: the view.
        selected: which of its rows; None for all.
        columns: its columns under the engine's names.
        phenotypes: those whose onsets are wanted, for the view of phenotypes.
    """

    view: str
    selected: pl.Expr | None
    columns: tuple[pl.Expr, ...]
    phenotypes: tuple[Phenotype, ...] = ()


def reading(view: str, events: Iterable[Event], values: Iterable[str]) -> Reading:
    """What to read of a view for the rows that at least one of the events selects.

    Args:
        view: the view.
        events: events of that view, none of them a union.
        values: the view's columns that are needed besides date, code and type.
    """
    source, wanted = SOURCES[view], list(events)
    columns, selected = [pl.col("person"), pl.col("date")], None
    if source.code is not None:
        listed = tuple(dict.fromkeys(code for event in wanted for code in codes(event)))
        selected = coded(pl.col(source.code), listed, source.prefix)
        columns.append(pl.col(source.code).alias("code"))
    if view == "diagnoses":
        kinds = {kind for event in wanted if isinstance(event, Diagnosis) for kind in event.types}
        of_type = pl.col("type").is_in(sorted(kinds))
        selected = of_type if selected is None else selected & of_type
        columns.append(pl.col("type"))
    named = (pl.col(name) for name in values)
    return Reading(view, selected, (*columns, *named), onsets.phenotypes_of(wanted))


def rows(bucket: Bucket, wanted: Reading) -> pl.LazyFrame:
    """The rows of a view.

    Returns:
        ``person``, ``date``, then ``code`` where the view has codes, ``type`` for diagnoses, and the values.
        Rows without a date are left out.
    """
    if wanted.view == "dispensings":
        frame = views.dispensings(bucket, where=wanted.selected)
    elif wanted.view == "phenotypes":
        frame = onsets.rows(bucket, wanted.phenotypes)
    else:
        frame = getattr(views, wanted.view)(bucket)
        if wanted.selected is not None:
            frame = frame.filter(wanted.selected)
    return frame.select(wanted.columns).filter(pl.col("date").is_not_null())


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


def begins(column: str, listed: Iterable[str]) -> pl.Expr:
    """Whether a column's code is one of the listed or lies below one of them; a missing code doesn't."""
    return coded(pl.col(column), tuple(listed), prefix=True).fill_null(value=False)


def coded(column: pl.Expr, listed: tuple[str, ...], prefix: bool) -> pl.Expr:
    """Whether a column's code is one of the listed or, where ``prefix`` says so, lies below one of them."""
    if not prefix:
        return column.is_in(list(listed))
    if len(listed) <= FEW:
        return pl.any_horizontal([column.str.starts_with(code) for code in listed])
    return column.str.contains("^(?:" + "|".join(re.escape(code) for code in listed) + ")")
