"""Hypertension from purchases: classes, quarters on end, and the days before an index day."""

from datetime import date, timedelta

import polars as pl
import pytest

import sundbench as sb
from sundbench.cohort.phenotypes.definitions import definition
from sundbench.cohort.phenotypes.drug_classes import at_index, onset

RULES = definition("hypertension_atc", {})
INDEX = date(2013, 6, 1)
BETA, ACE = "C07AB02", "C09AA02"


def purchases(*rows):
    return pl.LazyFrame(
        [(1, day, atc) for day, atc in rows],
        {"person": pl.Int32, "date": pl.Date, "atc": pl.String},
        orient="row",
    )


def since(*rows):
    found = onset(purchases(*rows), RULES).collect().rows()
    return found[0][1:] if found else None


def classes(*rows, rules=RULES):
    index = pl.LazyFrame({"person": [1], "index": [INDEX]}, {"person": pl.Int32, "index": pl.Date})
    return at_index(purchases(*rows), index, rules).collect()["classes"].item()


Q1, Q2, Q3 = date(2012, 12, 31), date(2013, 1, 1), date(2013, 4, 1)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (((Q1, BETA), (Q1, ACE), (Q2, BETA), (Q2, ACE)), (date(2013, 3, 31), 2)),
        (((Q1, BETA), (Q1, ACE), (Q2, BETA), (Q2, ACE), (Q2, "C08CA01")), (date(2013, 3, 31), 3)),
        (((Q1, BETA), (Q1, ACE), (Q3, BETA), (Q3, ACE)), None),  # a quarter between
        (((Q1, BETA), (Q1, ACE), (Q2, BETA)), None),
        (((Q1, BETA), (Q1, BETA), (Q2, BETA), (Q2, BETA)), None),
        (((Q1, "C09BA02"), (Q2, "C09BA02")), (date(2013, 3, 31), 2)),  # a combination is of two classes
    ],
)
def test_two_classes_in_two_quarters_on_end(rows, expected):
    assert since(*rows) == expected


def test_quarters_of_another_person_are_not_on_end():
    rows = pl.LazyFrame(
        [(1, Q1, BETA), (1, Q1, ACE), (2, Q2, BETA), (2, Q2, ACE)],
        {"person": pl.Int32, "date": pl.Date, "atc": pl.String},
        orient="row",
    )
    assert onset(rows, RULES).collect().is_empty()


@pytest.mark.parametrize(("day", "counts"), [(-181, False), (-180, True), (0, True), (1, False)])
def test_days_before_the_index_day(day, counts):
    assert classes((INDEX + timedelta(day), BETA)) == counts


@pytest.mark.parametrize(
    ("atc", "number"),
    [(BETA, 1), ("C09BA02", 2), ("C07BB07", 2), ("C08GA01", 2), ("C07FB02", 2), ("C03CA01", 0), (None, 0)],
)
def test_classes_of_a_drug(atc, number):
    assert classes((INDEX, atc)) == number


def test_more_classes_can_be_asked_for():
    rules = definition("hypertension_atc", {"at_least": 3})
    index = pl.LazyFrame({"person": [1], "index": [INDEX]}, {"person": pl.Int32, "index": pl.Date})
    found = at_index(purchases((INDEX, BETA), (INDEX, ACE)), index, rules).collect()
    assert found["present"].to_list() == [False]


@pytest.fixture
def db(write_extract):
    bought = [(BETA, -180), (ACE, -90), ("C09BA02", -300), (BETA, -300), (ACE, -200), ("B01AF02", 0)]
    return sb.connect(
        write_extract(
            {
                "lmdb": pl.DataFrame(
                    {
                        "person": [1] * 6 + [2, 2],
                        "eksd": [INDEX + timedelta(days) for _, days in bought] + [INDEX, INDEX],
                        "atc": [atc for atc, _ in bought] + ["B01AF02", ACE],
                    }
                )
            }
        )
    )


def test_onset_over_an_extract(db):
    found = sb.phenotype("hypertension_atc").collect(db)
    assert found.frame.to_dict("records") == [
        {"pid": 1, "onset_date": found["onset_date"].iloc[0], "classes": 2}
    ]
    assert found["onset_date"].iloc[0].date() == date(2012, 12, 31)


def test_at_index_as_a_feature_of_a_study(db):
    hypertension = sb.phenotype("hypertension_atc")
    study = sb.Study(
        sb.new_users({"apixaban": sb.dispensing("B01AF02")}, washout_days=1),
        ("2013-01-01", "2013-12-31"),
        covariates={"classes": hypertension.classes(), "hypertension": hypertension.at_index()},
    )
    assert study.collect(db).frame[["classes", "hypertension"]].to_numpy().tolist() == [[2, True], [1, False]]
    assert "number of drug classes of hypertension_atc dispensed, from day -180 to day 0" in study.protocol()
