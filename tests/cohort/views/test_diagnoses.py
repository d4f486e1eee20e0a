"""Diagnoses of all versions of LPR under one set of names."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import COMORBIDITY_TYPES, OUTCOME_TYPES, diagnoses
from sundbench.cohort.views.diagnoses import DIAGNOSIS
from sundbench.errors import StudyError


def lpr_diag(*codes: str, kinds: str = "") -> pl.DataFrame:
    """LPR2 diagnoses of person 1, of type A if nothing is said."""
    return pl.DataFrame(
        {
            "person": [1] * len(codes),
            "recnum": range(len(codes)),
            "d_inddto": [date(2010, 1, 1)] * len(codes),
            "c_diag": codes,
            "c_diagtype": list(kinds or "A" * len(codes)),
        }
    )


def lpr3a_diagnose(*retracted: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "person": [1] * len(retracted),
            "dw_ek_kontakt": range(len(retracted)),
            "kont_starttidspunkt": ["2020-01-01 23:59"] * len(retracted),
            "diag_kode": [f"DI{n}" for n in range(len(retracted))],
            "diag_type": ["A"] * len(retracted),
            "senere_afkraeftet": pl.Series(retracted, dtype=pl.String),
        }
    )


def test_columns_types_and_the_contact_s_day(bucket):
    view = diagnoses(bucket(lpr3a_diagnose=lpr3a_diagnose("Nej")))
    assert view.collect_schema() == {"person": pl.Int32, **DIAGNOSIS}
    assert view.collect().row(0) == (1, date(2020, 1, 1), "DI0", "A", "10", 0, "lpr3a")


def test_retracted_diagnoses_are_out_and_unmarked_ones_in(bucket):
    view = diagnoses(bucket(lpr3a_diagnose=lpr3a_diagnose("Nej", "Ja", None)))
    assert view.collect()["code"].to_list() == ["DI0", "DI2"]


@pytest.mark.parametrize(
    ("code", "icd"), [("DI489", "10"), ("25009", "8"), ("E8109", "8"), ("Y4099", "8"), ("TUL1", None)]
)
def test_icd_8_is_kept_apart(bucket, code, icd):
    assert diagnoses(bucket(lpr_diag=lpr_diag(code))).collect()["icd"].to_list() == [icd]


def test_types_for_outcomes_and_comorbidity(bucket):
    """Referral diagnoses (H) count for neither."""
    rows = lpr_diag("DI1", "DI2", "DI3", "DI4", "DI5", kinds="ABGH+")
    view = diagnoses(bucket(lpr_diag=rows)).collect()
    assert view.filter(pl.col("type").is_in(OUTCOME_TYPES))["code"].to_list() == ["DI1", "DI2"]
    assert view.filter(pl.col("type").is_in(COMORBIDITY_TYPES))["code"].to_list() == ["DI1", "DI2", "DI3"]


def test_psychiatric_diagnoses_before_2019(bucket):
    rows = lpr_diag("DF20").rename({"recnum": "v_recnum"})
    view = diagnoses(bucket(t_psyk_diag=rows)).select("code", "contact", "source").collect()
    assert view.rows() == [("DF20", 0, "psyk")]


def test_columns_of_the_contact_on_demand(bucket):
    admissions = pl.DataFrame(
        {
            "person": [1],
            "recnum": [0],
            "d_inddto": [date(2010, 1, 1)],
            "c_pattype": ["0"],
            "c_indm": ["1"],
            "c_spec": ["06"],
        }
    )
    one = bucket(lpr_diag=lpr_diag("DI48", "DI50"), lpr_adm=admissions)
    view = diagnoses(one, contact=["class", "acute", "specialty_name"]).sort("code").collect()
    assert view.select("code", "class", "acute", "specialty_name").rows() == [
        ("DI48", "inpatient", True, "kardiologi"),
        ("DI50", None, None, None),
    ]


def test_the_contact_s_class_is_refused_where_nothing_tells_it(bucket):
    bare = pl.DataFrame({"person": [1], "recnum": [0], "d_inddto": [date(2010, 1, 1)]})
    with pytest.raises(StudyError, match="lpr_adm lacks c_pattype, c_indm"):
        diagnoses(bucket(lpr_diag=lpr_diag("DI48"), lpr_adm=bare), contact=["class"])


def test_a_diagnosis_without_its_type_is_refused(bucket):
    with pytest.raises(StudyError, match="lpr_diag lacks c_diagtype"):
        diagnoses(bucket(lpr_diag=lpr_diag("DI48").drop("c_diagtype")))


def test_an_extract_without_diagnoses_is_refused(bucket):
    with pytest.raises(StudyError, match=r"no hospital diagnoses.*lpr_diag"):
        diagnoses(bucket(lmdb=pl.DataFrame({"person": [1]})))


def test_filters_and_columns_reach_the_scans(bucket):
    one = bucket(lpr_diag=lpr_diag("DI48"), lpr3a_diagnose=lpr3a_diagnose("Nej"))
    wanted = pl.col("code").str.starts_with("DI48") & pl.col("type").is_in(OUTCOME_TYPES)
    plan = diagnoses(one).filter(wanted).select("person", "date").explain()
    assert plan.count("SELECTION") == 2
    assert "FILTER" not in plan
    assert "JOIN" not in plan
    assert "PROJECT 4/5 COLUMNS" in plan


def test_filters_on_dates_reach_the_scan_of_lpr2(bucket):
    plan = diagnoses(bucket(lpr_diag=lpr_diag("DI48"))).filter(pl.col("date") >= date(2000, 1, 1)).explain()
    assert "SELECTION" in plan
    assert "FILTER" not in plan


def test_filters_reach_the_scans_below_the_joins_that_drop_twins(bucket):
    f = pl.DataFrame(
        {
            "person": [1],
            "dw_ek_kontakt": [9],
            "dato_start": [date(2020, 1, 1)],
            "diagnosekode": ["DI48"],
            "diagnosetype": ["A"],
        }
    )
    one = bucket(lpr3f_diagnoser=f, lpr3a_diagnose=lpr3a_diagnose("Nej"))
    plan = diagnoses(one).filter(pl.col("code").str.starts_with("DI48")).explain()
    assert plan.count("SELECTION") == 2
    assert plan.count("ANTI JOIN:") == 1
