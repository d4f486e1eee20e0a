"""What phenotypes read of a bucket, and what an extract must hold for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.database import Database
from sundbench.cohort.events.conditions import begins
from sundbench.cohort.phenotypes.definitions import Diabetes, DrugClasses
from sundbench.cohort.phenotypes.diabetes import Sources, drugs
from sundbench.errors import StudyError

Registers = Mapping[str, tuple[str, ...]]
"""Registers with the columns without which they mean nothing."""

_LPR2: Registers = {
    "lpr_adm": ("recnum", "d_inddto", "c_spec"),
    "lpr_diag": ("recnum", "d_inddto", "c_diag", "c_diagtype"),
}
_LPR3A: Registers = {
    "lpr3a_kontakt": ("dw_ek_kontakt", "kont_starttidspunkt", "kont_ans_hovedspec"),
    "lpr3a_diagnose": (
        "dw_ek_kontakt",
        "kont_starttidspunkt",
        "diag_kode",
        "diag_type",
        "senere_afkraeftet",
    ),
}
_LPR3F: Registers = {
    "lpr3f_kontakter": ("dw_ek_kontakt", "dato_start", "hovedspeciale_ans"),
    "lpr3f_diagnoser": ("dw_ek_kontakt", "dato_start", "diagnosekode", "diagnosetype", "senere_afkraeftet"),
}
_SERVICE = ("honuge", "speciale", "barnmak")

NEEDED: Mapping[str, Sequence[Sequence[Registers]]] = {
    "diabetes": (
        (_LPR2, _LPR3A, _LPR3F),
        ({"sysi": _SERVICE}, {"sssy": _SERVICE}),
        ({"lmdb": ("eksd", "atc", "apk", "volume", "indo")},),
        ({"lab_forsker": ("samplingdate", "analysiscode", "value")},),
        ({"bef": ("koen", "foed_dato")},),
    ),
    "drug classes": (({"lmdb": ("eksd", "atc")},),),
}
"""By kind of phenotype: for each thing to be known, the groups of registers that can tell it.

A group is read where its last register is there, and must then be whole.
"""


def held(db: Database, kind: str, where: str) -> tuple[str, ...]:
    """The registers that a phenotype reads of an extract.

    Raises:
        StudyError: the extract lacks a register or a column.
    """
    found: list[str] = []
    for choices in NEEDED[kind]:
        there = [group for group in choices if list(group)[-1] in db.registers]
        if not there:
            names = " or ".join(" with ".join(group) for group in choices)
            raise StudyError(f"{where}: the extract lacks {names}: the permit must ask for that")
        for group in there:
            for name, columns in group.items():
                _check(db, name, columns, where)
                found.append(name)
    return tuple(found)


def until(db: Database, kind: str) -> date | None:
    """The last day on which all that a phenotype must know is told by some register of the extract."""
    ends = []
    for choices in NEEDED[kind]:
        spans = [db.coverage(name) for group in choices for name in group if name in db.registers]
        known = [span[1] for span in spans if span is not None]
        if known:
            ends.append(max(known))
    return min(ends, default=None)


def _check(db: Database, register: str, columns: tuple[str, ...], where: str) -> None:
    if register not in db.registers:
        raise StudyError(f"{where}: the extract lacks {register}: the permit must ask for it")
    missing = [name for name in columns if name not in db.columns(register)]
    if missing:
        raise StudyError(
            f"{where}: the extract's register {register} lacks {', '.join(missing)}: "
            "the permit must ask for that"
        )


def of_diabetes(bucket: Bucket, rules: Diabetes) -> Sources:
    """What a bucket tells of diabetes; psychiatric hospitals before 2019 (``t_psyk_*``) don't count."""
    codes = (*rules.diagnoses.icd_10, *rules.diagnoses.icd_8, *rules.pregnancy.endings)
    of_lpr = views.diagnoses(bucket, contact=["specialty"]).filter(begins("code", codes))
    diagnoses = (
        _standing(bucket, of_lpr, codes)
        .filter(pl.col("date").is_not_null())
        .select(
            "person",
            "date",
            "code",
            "type",
            pl.when(pl.col("source") == "lpr2").then(2).otherwise(3).alias("version"),
            "specialty",
        )
    )
    return Sources(
        diagnoses=diagnoses,
        services=_services(bucket, rules),
        purchases=views.dispensings(bucket, where=drugs(rules.purchases))
        .select("person", "date", "atc", "packages", "ddd", "indication")
        .filter(pl.col("date").is_not_null()),
        results=views.laboratory(bucket)
        .filter(pl.col("npu").is_in(list(rules.hba1c)) & pl.col("date").is_not_null())
        .select("person", "date", "npu", "value", "operator"),
        persons=_persons(bucket),
    )


def of_drug_classes(bucket: Bucket, rules: DrugClasses) -> pl.LazyFrame:
    """Purchases of the classes' drugs: ``person``, ``date``, ``atc``."""
    listed = [code for codes in rules.classes.values() for code in codes]
    return (
        views.dispensings(bucket, where=begins("atc", listed))
        .select("person", "date", "atc")
        .filter(pl.col("date").is_not_null())
    )


def _standing(bucket: Bucket, of_lpr: pl.LazyFrame, codes: Sequence[str]) -> pl.LazyFrame:
    """LPR2's diagnoses, and LPR3's that are said to stand (in the view, silence stands too)."""
    said = []
    for source, register, code, kind in (
        ("lpr3a", "lpr3a_diagnose", "diag_kode", "diag_type"),
        ("lpr3f", "lpr3f_diagnoser", "diagnosekode", "diagnosetype"),
    ):
        rows = bucket.scan(register)
        if rows is not None:
            said.append(
                rows.filter(begins(code, codes) & (pl.col("senere_afkraeftet") == "Nej")).select(
                    pl.col("dw_ek_kontakt").cast(pl.Int64).alias("contact"),
                    pl.col(code).cast(pl.String).alias("code"),
                    pl.col(kind).cast(pl.String).alias("type"),
                    pl.lit(source).alias("source"),
                )
            )
    parts = [of_lpr.filter(pl.col("source") == "lpr2")]
    if said:
        keys = ["contact", "code", "type", "source"]
        of_lpr3 = of_lpr.filter(pl.col("source").is_in(["lpr3a", "lpr3f"]))
        parts.append(of_lpr3.join(pl.concat(said, how="vertical"), on=keys, how="semi"))
    return pl.concat(parts, how="vertical")


def _services(bucket: Bucket, rules: Diabetes) -> pl.LazyFrame:
    """Services of both registers, those of the years that both report too: equal ones are one anyway."""
    parts = []
    for register in ("sysi", "sssy"):
        rows = bucket.scan(register)
        if rows is None:
            continue
        text = {"speciale": "specialty", "barnmak": "child"}
        parts.append(
            rows.select(
                "person",
                pl.col("honuge").cast(pl.Date).alias("date"),
                *(pl.col(column).cast(pl.String).alias(name) for column, name in text.items()),
            ).filter(begins("specialty", rules.podiatry.specialties) & pl.col("date").is_not_null())
        )
    return pl.concat(parts, how="vertical")


def _persons(bucket: Bucket) -> pl.LazyFrame:
    """Sex and birth of each person, by the latest snapshot that tells them."""
    rows = bucket.scan("bef")
    assert rows is not None  # noqa: S101 - held() refuses an extract without
    if bucket.has("bef", "referencetid"):
        rows = rows.sort("person", "referencetid", nulls_last=False)
    return rows.group_by("person").agg(
        pl.col("koen").cast(pl.String).drop_nulls().last().alias("sex"),
        pl.col("foed_dato").drop_nulls().last().alias("born"),
    )
