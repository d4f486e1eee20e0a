"""Where events come from: the rows of the harmonised views, as dated rows with a code and values.

This module and ``conditions`` are the one place that knows the views' columns. Every other part of the engine
sees ``person``, ``date``, ``code``, ``type``, named values, and what ``selects`` says of them.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

import polars as pl

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.events import onsets
from sundbench.cohort.events.conditions import coded, codes, conditions, earliest, of_products
from sundbench.cohort.events.diagnoses import Diagnosis
from sundbench.cohort.events.event import Event
from sundbench.cohort.events.medicines import Dispensing
from sundbench.cohort.views.contact_class import COLUMNS as CLASS_COLUMNS
from sundbench.cohort.views.deaths import REGISTERS as DEATHS
from sundbench.cohort.views.diagnoses import OF_CONTACT

if TYPE_CHECKING:
    from sundbench.cohort.phenotypes import Phenotype


@dataclass(frozen=True)
class Source:
    """What a view offers the engine.

    Attributes:
        registers: the registers that the view is made of, each with the columns without which it means
            nothing ("one or other" where one of several is enough).
        code: the view's column of codes; None for views without.
        prefix: whether a code stands for all codes below it.
        date: the view's column of the day.
        takes: of each other column that an event may ask for, the registers that give it, each with the
            columns of its own that it takes.
        beside: for a register whose rows hang on another's, that other, with the keys of both: columns that
            it lacks may come from there.
    """

    registers: Mapping[str, tuple[str, ...]]
    code: str | None = None
    prefix: bool = True
    date: str = "date"
    takes: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


_LPR2 = ("d_inddto", "c_diag", "c_diagtype")

_STARTS = {
    "lpr_adm": ("d_inddto",),
    "t_psyk_adm": ("d_inddto",),
    "lpr3a_kontakt": ("kont_starttidspunkt",),
    "lpr3f_kontakter": ("dato_start",),
}
_ENDS = {
    "lpr_adm": ("d_uddto",),
    "t_psyk_adm": ("d_uddto",),
    "lpr3a_kontakt": ("kont_sluttidspunkt",),
    "lpr3f_kontakter": ("dato_slut",),
}
_SPECIALTIES = {
    "lpr_adm": ("c_spec",),
    "t_psyk_adm": ("c_spec",),
    "lpr3a_kontakt": ("kont_ans_hovedspec",),
    "lpr3f_kontakter": ("hovedspeciale_ans",),
}
_CONTACTS = {
    "class": CLASS_COLUMNS,
    "acute": {
        "lpr_adm": ("c_indm",),
        "t_psyk_adm": ("c_indm",),
        "lpr3a_kontakt": ("prioritet",),
        "lpr3f_kontakter": ("prioritet",),
    },
    "specialty": _SPECIALTIES,
    "specialty_name": _SPECIALTIES,
}

_PROCEDURES = {
    "lpr_sksopr": ("c_opr", "d_odto or d_inddto"),
    "lpr_sksube": ("c_opr", "d_odto or d_inddto"),
    "lpr3a_procregistrering": ("proc_kode", "proc_starttidspunkt or kont_starttidspunkt"),
}

SOURCES = {
    "diagnoses": Source(
        {
            "lpr_diag": _LPR2,
            "t_psyk_diag": _LPR2,
            "lpr3a_diagnose": ("kont_starttidspunkt", "diag_kode", "diag_type"),
            "lpr3f_diagnoser": ("dato_start", "diagnosekode", "diagnosetype"),
        },
        code="code",
        takes=_CONTACTS,
        beside={
            "lpr_diag": ("lpr_adm", "recnum", "recnum"),
            "t_psyk_diag": ("t_psyk_adm", "v_recnum", "k_recnum"),
            "lpr3a_diagnose": ("lpr3a_kontakt", "dw_ek_kontakt", "dw_ek_kontakt"),
            "lpr3f_diagnoser": ("lpr3f_kontakter", "dw_ek_kontakt", "dw_ek_kontakt"),
        },
    ),
    "dispensings": Source(
        {"lmdb": ("eksd", "atc")},
        code="atc",
        takes={
            "vnr": {"lmdb": ("vnr",)},
            "strength": {"lmdb": ("strnum",)},
            "strength_unit": {"lmdb": ("strunit",)},
            "packages": {"lmdb": ("apk",)},
            "ddd": {"lmdb": ("apk", "volume")},
            "price": {"lmdb": ("eksp",)},
        },
    ),
    "hospital_medicines": Source(
        {
            "smr": ("d_adm", "c_atc"),
            **_PROCEDURES,
        },
        code="atc",
        takes={"dose": {"smr": ("v_adm_dosis",)}, "price": {"smr": ("amgros_adm_pris",)}},
    ),
    "procedures": Source(
        _PROCEDURES,
        code="code",
    ),
    "laboratory": Source(
        {"lab_forsker": ("samplingdate", "analysiscode", "value")},
        code="npu",
        prefix=False,
        takes={"unit": {"lab_forsker": ("unit",)}},
    ),
    "deaths": Source(
        {
            "dod": ("doddato",),
            "dodsaarsager": ("doedsdato",),
            "dodsaasg": ("d_dodsdato",),
            "dodsaars": ("d_dodsdto",),
        },
        takes={
            "cause": {name: (cause,) for name, (_, cause, _) in DEATHS.items() if cause},
            "contributing": {
                name: (" or ".join(others),) for name, (_, _, others) in DEATHS.items() if others
            },
        },
    ),
    "emigrations": Source({"vnds": ("haend_dato", "indud_kode")}),
    "immigrations": Source({"vnds": ("haend_dato", "indud_kode")}),
    "contacts": Source(_STARTS, date="start", takes={**_CONTACTS, "days": _ENDS}),
    "stays": Source(
        {name: (*_STARTS[name], *_ENDS[name], *CLASS_COLUMNS[name]) for name in _STARTS},
        date="start",
        takes={"acute": _CONTACTS["acute"]},
    ),
    "services": Source(
        dict.fromkeys(("sysi", "sssy"), ("honuge", "speciale")),
        code="specialty",
        takes={
            "services": dict.fromkeys(("sysi", "sssy"), ("ydlant",)),
            "fee": dict.fromkeys(("sysi", "sssy"), ("bruhon",)),
        },
    ),
    "tumours": Source(
        {"cancer": ("d_diagnosedato",)},
        code="icd10",
        takes={"icd10": {"cancer": ("c_icd10",)}, "morphology": {"cancer": ("c_morfo03",)}},
    ),
    "tariffs": Source(
        {
            "drgsoma_hel": ("d_uddto", "v_totpris_genop or v_totpris or v_pris"),
            "drgsoma_amb": ("d_ambdto", "v_pris_genop or v_pris"),
            "drgsoma_kontakt": ("indtidspunkt_drgkontakt", "totalpris_drg"),
            "drg_forloeb": ("forloeb_start", "totalpris_drg"),
        },
        code="drg",
        date="start",
        takes={
            "drg": {
                "drgsoma_hel": ("c_drg",),
                "drgsoma_amb": ("c_drg",),
                "drgsoma_kontakt": ("drg_gruppe",),
                "drg_forloeb": ("drg_gruppe",),
            }
        },
    ),
    "residence": Source({"bef": ("referencetid",)}),
    "phenotypes": Source({}, code="code", prefix=False),
}
"""By the view's name; only ``residence`` has intervals rather than dated rows.

What ``phenotypes`` reads depends on the phenotype.
"""

PERSONS = "bef"
"""The register of age, sex and region."""

COMPUTED: Mapping[tuple[str, str], pl.Expr] = {
    ("contacts", "days"): (pl.col("end") - pl.col("start")).dt.total_days(),
    ("stays", "days"): (pl.col("end") - pl.col("start")).dt.total_days(),
    ("stays", "contacts"): pl.col("contacts").cast(pl.Int64),
    ("services", "services"): pl.col("services").cast(pl.Int64),
}
"""Values that aren't a view's column as it is: nights, and whole numbers wide enough to be added."""


@dataclass(frozen=True)
class Reading:
    """What to read of a view: the same for every bucket.

    Attributes:
        view: the view.
        selected: which of its rows, by columns that reach the registers; None for all.
        columns: its columns under the engine's names.
        kept: which of the rows in those columns; None for all.
        of_contact: the columns of their contact that its rows need.
        phenotypes: those whose onsets are wanted, for the view of phenotypes.
    """

    view: str
    selected: pl.Expr | None
    columns: tuple[pl.Expr, ...]
    kept: pl.Expr | None = None
    of_contact: tuple[str, ...] = ()
    phenotypes: tuple[Phenotype, ...] = ()


def reading(view: str, events: Iterable[Event], values: Iterable[str]) -> Reading:
    """What to read of a view for the rows that at least one of the events selects.

    Args:
        view: the view.
        events: events of that view, none of them a union.
        values: the view's columns that are needed besides date, code and type.
    """
    source, wanted = SOURCES[view], list(events)
    columns = {"person": pl.col("person"), "date": pl.col(source.date).alias("date")}
    selected = _selected(source, wanted)
    if source.code is not None:
        columns["code"] = pl.col(source.code).alias("code")
    if view == "diagnoses":
        columns["type"] = pl.col("type")
    looked_at = list(dict.fromkeys(name for event in wanted for name in conditions(event).columns))
    for event in wanted:
        first = earliest(event)
        if first is not None:
            columns[first.meta.output_name()] = first
    for name in (*looked_at, *values):
        columns.setdefault(name, COMPUTED.get((view, name), pl.col(name)).alias(name))
    return Reading(
        view,
        selected,
        tuple(columns.values()),
        _kept(source, wanted),
        tuple(name for name in looked_at if name in OF_CONTACT) if view == "diagnoses" else (),
        onsets.phenotypes_of(wanted),
    )


def _selected(source: Source, events: Sequence[Event]) -> pl.Expr | None:
    """Which rows the registers must give: those of the codes, types and products that any event has."""
    if any(earliest(event) is not None for event in events):
        return None  # what is first is told from all of a person's rows
    found: list[pl.Expr] = []
    listed = [codes(event) for event in events]
    if source.code is not None and all(listed):
        union = tuple(dict.fromkeys(code for one in listed for code in one))
        found.append(coded(pl.col(source.code), union, source.prefix))
    if all(isinstance(event, Diagnosis) for event in events):
        kinds = {kind for event in events if isinstance(event, Diagnosis) for kind in event.types}
        found.append(pl.col("type").is_in(sorted(kinds)))
    products = [event.product for event in events if isinstance(event, Dispensing)]
    if products and all(products):
        found.append(of_products({number for one in products for number in one}))
    return reduce(operator.and_, found) if found else None


def _kept(source: Source, events: Sequence[Event]) -> pl.Expr | None:
    """Which of the rows read at least one event selects; None where that is all of them."""
    plain = [event for event in events if conditions(event).fulfilled is None]
    if len(plain) == len(events):
        return None
    chosen = [selects(event) for event in events if conditions(event).fulfilled is not None]
    if plain:
        if source.code is None or not all(codes(event) for event in plain):
            return None
        union = tuple(dict.fromkeys(code for event in plain for code in codes(event)))
        chosen.append(coded(pl.col("code"), union, source.prefix))
    return pl.any_horizontal(chosen)


def rows(bucket: Bucket, wanted: Reading) -> pl.LazyFrame:
    """The rows of a view.

    Returns:
        ``person``, ``date``, then ``code`` where the view has codes, ``type`` for diagnoses, what the events'
        conditions look at, and the values. Rows without a date are left out.
    """
    if wanted.view == "dispensings":
        frame = views.dispensings(bucket, where=wanted.selected)
    elif wanted.view == "phenotypes":
        frame = onsets.rows(bucket, wanted.phenotypes)
    else:
        if wanted.view == "diagnoses":
            frame = views.diagnoses(bucket, contact=wanted.of_contact)
        else:
            frame = getattr(views, wanted.view)(bucket)
        if wanted.selected is not None:
            frame = frame.filter(wanted.selected)
    found = frame.select(wanted.columns).filter(pl.col("date").is_not_null())
    return found if wanted.kept is None else found.filter(wanted.kept)


@lru_cache(maxsize=512)
def selects(event: Event) -> pl.Expr:
    """Whether a row, as ``rows`` gives it, is of an event."""
    source = SOURCES[event.view]
    listed, further = codes(event), conditions(event).fulfilled
    chosen = coded(pl.col("code"), listed, source.prefix) if listed else None
    if isinstance(event, Diagnosis):
        of_type = pl.col("type").is_in(list(event.types))
        chosen = of_type if chosen is None else chosen & of_type
    if further is not None:
        chosen = further if chosen is None else chosen & further
    return pl.lit(value=True) if chosen is None else chosen
