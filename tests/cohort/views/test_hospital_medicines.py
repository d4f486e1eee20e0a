"""Medicines given in hospital, by Sygehusmedicinregisteret and by treatment codes."""

import json
from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import hospital_medicines, tables
from sundbench.cohort.views.hospital_medicines import MEDICINE
from sundbench.errors import StudyError

PEMBROLIZUMAB, CARBOPLATIN, GEMCITABINE = "L01FF02", "L01XA02", "L01BC05"


def smr(*rows: tuple[str, str]) -> pl.DataFrame:
    """SMR of person 1 from (time, ATC code)."""
    times, codes = zip(*rows, strict=True)
    return pl.DataFrame({"person": [1] * len(rows), "d_adm": times, "c_atc": codes})


def sks(*rows: tuple[str, str], **more: list[str]) -> pl.DataFrame:
    """LPR2 treatments of person 1 from (day, SKS code)."""
    days, codes = zip(*rows, strict=True)
    return pl.DataFrame({"person": [1] * len(rows), "recnum": 1, "c_opr": codes, "d_odto": days, **more})


def found(bucket, **options) -> list[tuple[date, str, str]]:
    return sorted(hospital_medicines(bucket, **options).select("date", "atc", "source").collect().rows())


def test_columns_and_types(bucket):
    given = smr(("2020-01-01 10:00", PEMBROLIZUMAB)).with_columns(
        v_adm_dosis=200.0, v_adm_dosis_enhed=pl.lit("MG"), amgros_adm_pris=4_000_000
    )
    view = hospital_medicines(bucket(smr=given))
    assert view.collect_schema() == {"person": pl.Int32, **MEDICINE}
    day = date(2020, 1, 1)
    assert view.collect().rows() == [(1, day, PEMBROLIZUMAB, PEMBROLIZUMAB, 200.0, "MG", 4_000_000, "smr")]


def test_a_code_that_was_given_up_is_today_s(bucket):
    view = hospital_medicines(bucket(smr=smr(("2020-01-01", "L01XC18")))).collect()
    assert view.select("atc", "code").rows() == [(PEMBROLIZUMAB, "L01XC18")]


def test_treatment_codes_count_before_the_register_begins(bucket):
    one = bucket(
        smr=smr(("2018-06-01", CARBOPLATIN)),
        lpr_sksube=sks(("2018-04-30", "BWHA109"), ("2018-06-30", "BWHA109")),
    )
    assert found(one) == [(date(2018, 4, 30), CARBOPLATIN, "sks"), (date(2018, 6, 1), CARBOPLATIN, "smr")]


def test_beside_an_empty_register_treatment_codes_count_until_regions_began_to_report(bucket):
    one = bucket(
        smr=smr(("2020-01-01", CARBOPLATIN)).clear(),
        lpr_sksube=sks(("2018-05-14", "BWHA109"), ("2018-05-15", "BWHA109")),
    )
    manifest = json.loads((one.root / "extract.json").read_text())
    manifest["registers"]["smr"]["coverage"] = {"since": None, "until": None}
    (one.root / "extract.json").write_text(json.dumps(manifest))
    assert found(one) == [(date(2018, 5, 14), CARBOPLATIN, "sks")]


def test_treatment_codes_count_once_beside_the_register(bucket):
    one = bucket(
        smr=smr(("2018-06-01 10:00", CARBOPLATIN)),
        lpr_sksube=sks(("2018-06-01", "BWHA109"), ("2018-06-22", "BWHA109")),
    )
    assert found(one, treatment_codes="always") == [
        (date(2018, 6, 1), CARBOPLATIN, "smr"),
        (date(2018, 6, 22), CARBOPLATIN, "sks"),
    ]
    assert found(one, treatment_codes="never") == [(date(2018, 6, 1), CARBOPLATIN, "smr")]


def test_without_the_register_treatment_codes_count_always(bucket):
    assert found(bucket(lpr_sksube=sks(("2020-06-01", "BWHA109")))) == [
        (date(2020, 6, 1), CARBOPLATIN, "sks")
    ]


def test_a_combination_gives_each_drug_and_each_once_a_day(bucket):
    one = bucket(lpr_sksube=sks(("2010-01-01", "BWHA129"), ("2010-01-01", "BWHA109")))
    assert found(one) == [
        (date(2010, 1, 1), GEMCITABINE, "sks"),
        (date(2010, 1, 1), CARBOPLATIN, "sks"),
    ]


def test_an_atc_code_as_supplementary_code(bucket):
    one = bucket(lpr_sksube=sks(("2017-01-01", "BWHA1"), c_tilopr=["ML01XC18"]))
    assert found(one) == [(date(2017, 1, 1), PEMBROLIZUMAB, "sks")]


def test_other_procedures_are_no_medicines(bucket):
    assert found(bucket(lpr_sksopr=sks(("2017-01-01", "KJDF10")))) == []


def test_an_extract_without_hospital_medicines_is_refused(bucket):
    with pytest.raises(StudyError, match="must ask for smr or for procedures"):
        hospital_medicines(bucket(lmdb=pl.DataFrame({"person": [1]})))


def test_the_tables_hold_current_codes():
    """No drug's code of today is one that was given up, and each old code has one new one."""
    recoded = {row["old"]: row["new"] for row in tables.rows("atc_recoded")}
    assert len(recoded) == len(tables.rows("atc_recoded"))
    assert not set(recoded.values()) & set(recoded)
    assert not {row["atc"] for row in tables.rows("sks_medicines")} & set(recoded)
    assert all(row["verified"] in {"yes", "no"} for row in tables.rows("sks_medicines"))
