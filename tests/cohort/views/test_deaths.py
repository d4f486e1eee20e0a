"""Deaths: one row a person, the population register's date first."""

from datetime import date

import polars as pl
import pytest

from sundbench.cohort.views import deaths
from sundbench.cohort.views.deaths import DEATH
from sundbench.errors import StudyError


def dod(*rows: tuple[int, date]) -> pl.DataFrame:
    persons, days = zip(*rows, strict=True)
    return pl.DataFrame({"person": persons, "doddato": days})


def dodsaasg(person: int, day: date, cause: str | None, line: str | None = None) -> pl.DataFrame:
    one = {"person": person, "d_dodsdato": day, "c_dodtilgrundl_acme": cause, "c_dod_1a": line}
    return pl.DataFrame([one], schema_overrides={"c_dodtilgrundl_acme": pl.String, "c_dod_1a": pl.String})


def test_date_from_dod_and_cause_from_the_register_of_causes(bucket):
    one = bucket(dod=dod((1, date(2015, 1, 1))), dodsaasg=dodsaasg(1, date(2015, 1, 2), "I219", "I460"))
    view = deaths(one)
    assert view.collect_schema() == {"person": pl.Int32, **DEATH}
    assert view.collect().rows() == [(1, date(2015, 1, 1), "DI219", ["DI460"], "dod")]


def test_a_death_that_dod_lacks(bucket):
    one = bucket(dod=dod((1, date(2015, 1, 1))), dodsaasg=dodsaasg(2, date(2016, 3, 4), "C349"))
    assert deaths(one).collect().rows() == [
        (1, date(2015, 1, 1), None, None, "dod"),
        (2, date(2016, 3, 4), "DC349", [], "dodsaasg"),
    ]


def test_every_icd_10_code_gets_its_d_even_one_that_begins_with_it(bucket):
    assert deaths(bucket(dodsaasg=dodsaasg(1, date(2015, 1, 1), "D649"))).collect()["cause"][0] == "DD649"


def test_icd_8_stays_as_it_is(bucket):
    old = pl.DataFrame({"person": [1], "d_dodsdto": [date(1993, 12, 31)], "c_dod1": ["41009"]})
    assert deaths(bucket(dodsaars=old)).collect()["cause"][0] == "41009"


def test_a_death_in_both_registers_of_causes_counts_by_the_newer(bucket):
    """2022 is in both."""
    newer = pl.DataFrame(
        {"person": [1], "doedsdato": [date(2022, 5, 1)], "doedsaarsag_tilgrundliggende": ["C349"]}
    )
    one = bucket(dodsaasg=dodsaasg(1, date(2022, 5, 1), "I219"), dodsaarsager=newer)
    assert deaths(one).select("person", "cause", "source").collect().rows() == [(1, "DC349", "dodsaarsager")]


def test_two_dates_in_dod_make_one_death(bucket):
    one = bucket(dod=dod((1, date(2015, 1, 5)), (1, date(2015, 1, 1))))
    assert deaths(one).collect()["date"].to_list() == [date(2015, 1, 1)]


def test_an_extract_without_deaths_is_refused(bucket):
    with pytest.raises(StudyError, match="no deaths"):
        deaths(bucket(lmdb=pl.DataFrame({"person": [1]})))
