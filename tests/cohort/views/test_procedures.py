"""Procedures of LPR2 and LPR3."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import procedures
from sundbench.cohort.views.procedures import PROCEDURE
from sundbench.errors import StudyError


def lpr2(code: str, day: date | None = date(2010, 1, 2), **more) -> pl.DataFrame:
    one = {"person": 1, "recnum": 7, "c_opr": code, "d_odto": day, **more}
    return pl.DataFrame([one], schema_overrides={"d_odto": pl.Date})


def lpr3(code: str, system: str = "LPR3", start: str = "2020-01-02 10:00") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": [1],
            "dw_ek_kontakt": [8],
            "proc_kode": [code],
            "proc_starttidspunkt": [start],
            "lprindberetningssystem": [system],
        }
    )


def test_operations_and_treatments_of_both_versions(bucket):
    one = bucket(
        lpr_sksopr=lpr2("KJDF10", c_tilopr="ZPZA02A"),
        lpr_sksube=lpr2("BWHA109"),
        lpr3a_procregistrering=lpr3("BOHJ19J3"),
    )
    view = procedures(one)
    assert view.collect_schema() == {"person": pl.Int32, **PROCEDURE}
    assert view.collect().rows() == [
        (1, date(2010, 1, 2), "KJDF10", "ZPZA02A", 7, "lpr2"),
        (1, date(2010, 1, 2), "BWHA109", None, 7, "lpr2"),
        (1, date(2020, 1, 2), "BOHJ19J3", None, 8, "lpr3a"),
    ]


def test_a_missing_day_is_the_contact_s(bucket):
    one = bucket(lpr_sksube=lpr2("BWHA109", None, d_inddto=date(2010, 1, 1)))
    assert procedures(one).collect()["date"].to_list() == [date(2010, 1, 1)]


def test_migrated_procedures_count_once(bucket):
    one = bucket(
        lpr_sksube=lpr2("BWHA109", date(2018, 5, 1)),
        lpr3a_procregistrering=lpr3("BWHA109", "LPR2", "2018-05-01 10:00"),
    )
    assert procedures(one).collect()["source"].to_list() == ["lpr2"]


@pytest.mark.parametrize(
    ("lpr2_table", "lpr2_code", "kept"),
    [("lpr_sksopr", "KJDF10", "BWHA109"), ("lpr_sksube", "BWHA109", "KJDF10")],
)
def test_migrated_procedures_of_the_other_kind_have_no_other_record(bucket, lpr2_table, lpr2_code, kept):
    migrated = pl.concat(lpr3(code, "LPR2", "2018-05-01 10:00") for code in ("BWHA109", "KJDF10"))
    one = bucket(**{lpr2_table: lpr2(lpr2_code, date(2018, 5, 1))}, lpr3a_procregistrering=migrated)
    found = procedures(one).collect()
    assert found.filter(pl.col("source") == "lpr3a")["code"].to_list() == [kept]


def test_filters_on_codes_reach_the_scans(bucket):
    one = bucket(
        lpr_sksopr=lpr2("KJDF10"), lpr_sksube=lpr2("BWHA109"), lpr3a_procregistrering=lpr3("BOHJ19J3")
    )
    plan = procedures(one).filter(pl.col("code").str.starts_with("KJ")).select("person", "date").explain()
    assert plan.count("SELECTION") == 2  # LPR2's two tables are one scan
    assert "FILTER" not in plan


def test_procedures_without_any_day_are_refused(bucket):
    with pytest.raises(StudyError, match="lpr_sksopr lacks d_odto"):
        procedures(bucket(lpr_sksopr=lpr2("KJDF10").drop("d_odto")))
