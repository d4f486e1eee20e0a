"""A phenotype in a study: at index, as a date, a type, an outcome, an anchor."""

from datetime import date

import pandas as pd
import pytest

import sundbench as sb
from sundbench.errors import StudyError

INDEX = date(2013, 3, 1)
DIABETES = sb.phenotype("diabetes_osdc")


def study(**parts):
    population = sb.new_users({"warfarin": sb.dispensing("B01AA03")}, washout_days=30)
    return sb.Study(population, (INDEX, INDEX), **parts)


@pytest.fixture
def delivered(osdc):
    """The classifier's edge cases, everybody of whom gets warfarin on one day."""
    row = dict.fromkeys(osdc["lmdb"][0], "0") | {"eksd": f"{INDEX:%Y%m%d}", "atc": "B01AA03", "apk": "1"}
    bought = [*osdc["lmdb"], *(row | {"pnr": one} for one in sorted({row["pnr"] for row in osdc["bef"]}))]
    return osdc | {"lmdb": bought}


@pytest.fixture
def db(as_extract, delivered):
    return as_extract(delivered)[0]


@pytest.fixture
def expected(db):
    """What the phenotype says when it is collected on its own, by person."""
    found = DIABETES.collect(db).frame.set_index("pid")
    everybody = study().collect(db).frame["person"]
    return found.reindex(everybody)


def known(dates):
    """Dates up to index, as the frame of a cohort has them."""
    return [None if pd.isna(day) or day.date() > INDEX else day.date() for day in dates]


def as_days(dates):
    return [None if pd.isna(day) else day.date() for day in dates]


def test_at_index_it_is_what_the_phenotype_says(db, expected):
    covariates = {
        "has": DIABETES.at_index(),
        "raw": DIABETES.onset("raw").before(index_day=True).first(),
        "stable": DIABETES.onset().before(index_day=True).first(),
        "kind": DIABETES.type_at_index(),
        "one": DIABETES.onset("raw", type="type 1").before(index_day=True).any(),
    }
    found = study(covariates=covariates).collect(db).frame
    raw = known(expected["raw_inclusion_date"])
    assert len(found) == 24
    assert found["has"].to_list() == [day is not None for day in raw]
    assert 0 < found["has"].sum() < 18
    assert as_days(found["raw"]) == raw
    assert as_days(found["stable"]) == known(expected["stable_inclusion_date"])
    types = [
        None if day is None else "type 1" if one else "type 2"
        for day, one in zip(raw, expected["has_t1d"], strict=True)
    ]
    assert [None if pd.isna(one) else one for one in found["kind"]] == types
    assert list(found["kind"].cat.categories) == ["type 1", "type 2"]
    assert found["one"].to_list() == [one == "type 1" for one in types]


def test_it_can_be_required_absent_and_be_the_outcome(db, expected):
    found = study(
        require={"no diabetes": ~DIABETES.at_index()},
        outcomes={"diabetes": DIABETES.onset(), "of_type_1": DIABETES.onset(type="type 1")},
        follow_up=sb.follow_up(),
    ).collect(db)
    later = expected[~(expected["raw_inclusion_date"] <= pd.Timestamp(INDEX))]
    assert found.frame["person"].to_list() == later.index.to_list()
    assert found.frame["diabetes_event"].to_list() == later["stable_inclusion_date"].notna().to_list()
    days = (later["stable_inclusion_date"] - pd.Timestamp(INDEX)).dt.days.dropna()
    assert found.frame.loc[found.frame["diabetes_event"], "diabetes_time"].to_list() == days.to_list()
    assert found.frame["of_type_1_event"].to_list() == (later["has_t1d"] == True).to_list()  # noqa: E712


def test_the_same_bits_whatever_the_buckets(as_extract, delivered):
    asked = study(
        require={"a woman": sb.sex() == "female"},
        covariates={"has": DIABETES.at_index(), "kind": DIABETES.type_at_index()},
    )
    spread = 2**31 // 40
    one, several = (as_extract(delivered, buckets=n, spread=spread)[0] for n in (1, 5))
    assert asked.collect(one).digest == asked.collect(several).digest


def test_hypertension_has_an_onset_too(db):
    hypertension = sb.phenotype("hypertension_atc")
    found = study(
        covariates={"since": hypertension.onset().before().first(), "has": hypertension.at_index()}
    ).collect(db)
    assert found.frame["since"].isna().all()
    with pytest.raises(StudyError, match="it has no types"):
        hypertension.type_at_index()
    with pytest.raises(StudyError, match="it has no types"):
        hypertension.onset(type="type 1")


def test_it_says_itself_in_words_and_has_a_digest_of_its_rules():
    one = study(covariates={"has": DIABETES.at_index(), "kind": DIABETES.type_at_index()})
    assert (
        "has: onset of Diabetes, type 1 or 2 (Open-Source Diabetes Classifier) (raw date), "
        "from the beginning to day 0" in one.protocol()
    )
    assert "debut af Diabetes, type 1 eller 2" in one.protocol("da")
    other = sb.phenotype("diabetes_osdc", stable_from="2006-01-01")
    assert study(covariates={"has": DIABETES.at_index()}) == study(
        covariates={"has": sb.phenotype("diabetes_osdc").at_index()}
    )
    assert study(covariates={"has": DIABETES.at_index()}) != study(covariates={"has": other.at_index()})


def test_a_wrong_date_or_type_is_refused():
    with pytest.raises(StudyError, match="choose among raw, stable"):
        DIABETES.onset("first")
    with pytest.raises(StudyError, match="choose among type 1, type 2"):
        DIABETES.onset(type="gestational")


def test_what_the_permit_lacks_is_refused_with_the_place(as_extract, delivered):
    without = {name: rows for name, rows in delivered.items() if name != "lab_forsker"}
    db, _ = as_extract(without)
    with pytest.raises(
        StudyError, match=r"study, covariates\['has'\]: phenotype\('diabetes_osdc'\): the extract lacks lab_f"
    ):
        study(covariates={"has": DIABETES.at_index()}).check(db)


def test_what_a_reader_must_know_of_coverage_is_noted(delivered, as_extract):
    db, _ = as_extract(delivered)
    found = study(covariates={"has": DIABETES.at_index()}).collect(db)
    assert found.notes == DIABETES.collect(db).notes
    early = sb.phenotype("diabetes_osdc", stable_from="1990-01-01")
    noted = study(covariates={"has": early.at_index()}).collect(db).notes
    assert any("stable inclusion dates need it" in note for note in noted)


def test_a_type_measured_later_is_no_covariate():
    with pytest.raises(StudyError, match="immortal time"):
        study(covariates={"later": DIABETES.onset().after(days=30).any()})
