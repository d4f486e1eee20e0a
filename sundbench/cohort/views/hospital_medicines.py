"""Medicines given in hospital: Sygehusmedicinregisteret (SMR) and, before it, SKS treatment codes.

SMR holds administrations from May 2018; until then a treatment is known by its procedure code alone, which
names the drug for the codes of ``data/sks_medicines.csv`` and for supplementary codes that are "M" and an
ATC code. ATC codes are brought up to date (``data/atc_recoded.csv``: L01XC18 became L01FF02 in 2022), so that
one code finds a drug in all years.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import tables
from sundbench.cohort.views.procedures import procedures
from sundbench.cohort.views.selection import From, Schema, need, take
from sundbench.errors import StudyError
from sundbench.registers.catalogue import catalogue

MEDICINE: Schema = {
    "date": pl.Date,
    "atc": pl.String,
    "code": pl.String,
    "dose": pl.Float64,
    "dose_unit": pl.String,
    "price": pl.Int64,
    "source": pl.String,
}

PROCEDURES = ("lpr_sksopr", "lpr_sksube", "lpr3a_procregistrering")

TreatmentCodes = Literal["before", "always", "never"]


def hospital_medicines(bucket: Bucket, *, treatment_codes: TreatmentCodes = "before") -> pl.LazyFrame:
    """Medicines given in hospital.

    Args:
        bucket: the bucket to read.
        treatment_codes: whether SKS treatment codes count: ``before`` SMR's first day in the extract (every
            day where it has no SMR); ``always``, where SMR has not the same drug for the person on that day
            (regions became complete at different times in 2018); ``never``.

    Returns:
        One row per administration: ``person`` int32, ``date``, ``atc`` (today's code), ``code`` as reported
        (ATC or SKS), ``dose`` and ``dose_unit``, ``price`` int64 øre of the amount given (both null for SKS
        codes), ``source`` (``smr`` or ``sks``). A treatment code that names two drugs gives a row for each;
        the same drug named twice on a day by treatment codes counts once. Not sorted.

    Raises:
        StudyError: the extract has neither SMR nor, where they count, procedures.
    """
    given = _smr(bucket)
    coded = None
    if treatment_codes != "never" and any(bucket.has(register) for register in PROCEDURES):
        coded = _sks(bucket)
    if given is None:
        if coded is None:
            raise StudyError(
                "the extract has no hospital medicines: the study's permit must ask for smr"
                + ("" if treatment_codes == "never" else " or for procedures")
            )
        return coded
    if coded is None:
        return given
    if treatment_codes == "before":
        covered = bucket.coverage("smr")
        since = covered[0] if covered else catalogue()["smr"].coverage.since
        return pl.concat([given, coded.filter(pl.col("date") < since)])
    return pl.concat([given, coded.join(given, on=["person", "date", "atc"], how="anti")])


def _smr(bucket: Bucket) -> pl.LazyFrame | None:
    register = "smr"
    if not bucket.has(register):
        return None
    bucket.need(register, "c_atc")
    sources: dict[str, str | From | pl.Expr] = {
        "date": need("d_adm"),
        "atc": up_to_date(pl.col("c_atc")),
        "code": "c_atc",
        "dose": "v_adm_dosis",
        "dose_unit": "v_adm_dosis_enhed",
        "price": "amgros_adm_pris",
        "source": pl.lit("smr"),
    }
    return take(bucket, register, MEDICINE, sources)


def _sks(bucket: Bucket) -> pl.LazyFrame:
    """Treatment codes that name a drug, a row for each drug, person and day."""
    drugs: dict[str, list[str]] = {}
    for row in tables.rows("sks_medicines"):
        drugs.setdefault(row["sks"], []).append(row["atc"])
    named = pl.col("code").replace_strict(
        list(drugs), list(drugs.values()), default=None, return_dtype=pl.List(pl.String)
    )
    rows = procedures(bucket)
    # Supplementary codes stand beside the procedure in LPR2 and on a row of their own in LPR3.
    by_code = rows.filter(pl.col("code").is_in(list(drugs))).select(
        "person", "date", named.alias("atc"), "code"
    )
    by_atc = [
        rows.filter(pl.col(column).str.contains(ATC_AS_SKS)).select(
            "person",
            "date",
            pl.concat_list(up_to_date(pl.col(column).str.slice(1))).alias("atc"),
            pl.col(column).alias("code"),
        )
        for column in ("code", "addon")
    ]
    return (
        pl.concat([by_code, *by_atc])
        .explode("atc")
        .unique(["person", "date", "atc"], keep="first", maintain_order=True)
        .select(
            "person",
            "date",
            "atc",
            "code",
            pl.lit(None, dtype=pl.Float64).alias("dose"),
            pl.lit(None, dtype=pl.String).alias("dose_unit"),
            pl.lit(None, dtype=pl.Int64).alias("price"),
            pl.lit("sks").alias("source"),
        )
    )


ATC_AS_SKS = r"^M[A-V]\d{2}[A-Z]{2}\d{2}$"
"""An ATC code as a supplementary code of SKS: M in front."""


def up_to_date(atc: pl.Expr) -> pl.Expr:
    """Today's ATC code of a substance, given any that it has had."""
    recoded = {row["old"]: row["new"] for row in tables.rows("atc_recoded")}
    return atc.replace(recoded)
