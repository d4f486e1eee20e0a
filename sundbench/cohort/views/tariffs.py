"""What hospitals' care costs by the DRG tariffs, LPR2's contacts and LPR3's spells as one.

To the end of 2017 a tariff belongs to an inpatient contact (``drgsoma_hel``) or an outpatient visit
(``drgsoma_amb``), in 2018 and until LPR3 to a contact of a spell (``drgsoma_kontakt``), since LPR3 to a whole
spell (``drg_forloeb``). A spell across the change has a price on both sides: it counts where the register
says that its costliest group stands (``overgangskontakt_dyreste``). Tariffs with rehabilitation are taken
where they are delivered.
"""

from __future__ import annotations

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.selection import From, Schema, need, take, together

TARIFF: Schema = {
    "start": pl.Date,
    "end": pl.Date,
    "tariff": pl.Int64,
    "drg": pl.String,
    "key": pl.Int64,
    "source": pl.String,
}

COSTLIEST = "overgangskontakt_dyreste"
SPELL = "sygehusforloeb_id"


def tariffs(bucket: Bucket) -> pl.LazyFrame:
    """DRG tariffs, each contact or spell once.

    Returns:
        One row per contact, visit or spell: ``person`` int32, ``start`` and ``end`` date, ``tariff`` int64
        øre, ``drg`` (group), ``key`` int64 (the contact's or spell's number, unique within ``source``),
        ``source`` (the register). Not sorted.

    Raises:
        StudyError: the extract has no tariffs, or a register of them without its tariff or date.
    """
    return together(
        {
            "drgsoma_hel": _inpatient(bucket),
            "drgsoma_amb": _outpatient(bucket),
            "drgsoma_kontakt": _contacts(bucket),
            "drg_forloeb": _spells(bucket),
        },
        "hospital tariffs",
    )


def _inpatient(bucket: Bucket) -> pl.LazyFrame | None:
    register = "drgsoma_hel"
    price = _first(bucket, register, "v_totpris_genop", "v_totpris", "v_pris")
    start = "d_inddto" if bucket.has(register, "d_inddto") else "d_uddto"
    sources: dict[str, str | From | pl.Expr] = {
        "start": need(start),
        "end": need("d_uddto"),
        "tariff": need(price),
        "drg": "c_drg",
        "key": "recnum",
        "source": pl.lit(register),
    }
    return take(bucket, register, TARIFF, sources)


def _outpatient(bucket: Bucket) -> pl.LazyFrame | None:
    register = "drgsoma_amb"
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("d_ambdto"),
        "end": need("d_ambdto"),
        "tariff": need(_first(bucket, register, "v_pris_genop", "v_pris")),
        "drg": "c_drg",
        "key": "recnum",
        "source": pl.lit(register),
    }
    return take(bucket, register, TARIFF, sources)


def _contacts(bucket: Bucket) -> pl.LazyFrame | None:
    register = "drgsoma_kontakt"
    rows = bucket.scan(register)
    if rows is None:
        return None
    spells = bucket.scan("drg_forloeb")
    if spells is not None and bucket.has("drg_forloeb", SPELL, COSTLIEST) and bucket.has(register, SPELL):
        elsewhere = spells.filter(pl.col(COSTLIEST) == "LPR3").select(SPELL)
        rows = rows.join(elsewhere, on=SPELL, how="anti")
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("indtidspunkt_drgkontakt"),
        "end": "udtidspunkt_drgkontakt",
        "tariff": need("totalpris_drg"),
        "drg": "drg_gruppe",
        "key": _first(bucket, register, "id", "recnum"),
        "source": pl.lit(register),
    }
    return take(bucket, register, TARIFF, sources, rows)


def _spells(bucket: Bucket) -> pl.LazyFrame | None:
    register = "drg_forloeb"
    rows = bucket.scan(register)
    if rows is None:
        return None
    if bucket.has(register, COSTLIEST) and bucket.has("drgsoma_kontakt"):
        rows = rows.filter(pl.col(COSTLIEST).ne_missing("LPR2"))
    sources: dict[str, str | From | pl.Expr] = {
        "start": need("forloeb_start"),
        "end": "forloeb_slut",
        "tariff": need("totalpris_drg"),
        "drg": "drg_gruppe",
        "key": SPELL,
        "source": pl.lit(register),
    }
    return take(bucket, register, TARIFF, sources, rows)


def _first(bucket: Bucket, register: str, *columns: str) -> str:
    """The first of the columns that the extract has; the last if it has none, to be refused by name."""
    return next((name for name in columns if bucket.has(register, name)), columns[-1])
