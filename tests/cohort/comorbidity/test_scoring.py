"""Comorbidity over plain frames: what counts, from which days, and what a missing code does."""

from datetime import date

import pandas as pd
import polars as pl
import pytest

from sundbench.cohort import comorbidity
from sundbench.errors import StudyError

INDEX = date(2020, 6, 1)


def frame(*rows):
    return pl.DataFrame(rows, schema=["person", "code", "date"], orient="row")


def at_index(*persons):
    return pl.DataFrame({"person": persons, "index": [INDEX] * len(persons)})


def score(*codes, **how):
    diagnoses = pl.DataFrame({"person": [1] * len(codes), "code": list(codes)})
    return comorbidity.charlson(diagnoses, **how).table["score"].item()


def test_a_code_stands_for_all_below_it():
    assert score("DI219A", codes="quan") == score("DI21", codes="quan") == 1


def test_codes_are_read_in_any_case_and_with_points():
    assert score("di21.9", codes="quan") == 1


@pytest.mark.parametrize(
    ("codes", "with_hierarchy", "without"),
    [
        (("DE110", "DE112"), 2, 3),
        (("DK709", "DK766"), 3, 4),
        (("DC349", "DC787"), 6, 8),
    ],
)
def test_the_graver_condition_alone_counts(codes, with_hierarchy, without):
    assert score(*codes, codes="quan") == with_hierarchy
    assert score(*codes, codes="quan", hierarchy=False) == without


def test_the_graver_hypertension_alone_counts():
    diagnoses = pl.DataFrame({"person": [1, 1], "code": ["DI10", "DI119"]})
    table = comorbidity.elixhauser(diagnoses, weights="unweighted").table
    assert (table["hypertension"].item(), table["hypertension_with_complications"].item()) == (False, True)
    assert comorbidity.elixhauser(diagnoses, weights="unweighted", hierarchy=False).table["score"].item() == 2


@pytest.mark.parametrize("code", [None, "", "  ", "-"])
def test_a_missing_code_flags_nothing(code):
    diagnoses = pl.DataFrame({"person": [1], "code": [code]}, schema_overrides={"code": pl.String})
    for table in (comorbidity.charlson(diagnoses).table, comorbidity.elixhauser(diagnoses).table):
        assert not table.drop(columns=["person", "score"]).to_numpy().any()
        assert table["score"].item() == 0


def test_who_has_no_code_gets_0():
    diagnoses = frame((1, "DI219", date(2019, 1, 1)))
    assert comorbidity.charlson(diagnoses, index=at_index(1, 2)).table["score"].to_list() == [1, 0]
    assert comorbidity.charlson(diagnoses, persons=[1, 7]).table.set_index("person")["score"].to_dict() == {
        1: 1,
        7: 0,
    }


@pytest.mark.parametrize(
    ("day", "index_day", "counts"),
    [
        (date(2015, 6, 2), False, True),  # 1826 days before: five years of 365.25 days, the last one in
        (date(2015, 6, 1), False, False),
        (date(2020, 5, 31), False, True),
        (INDEX, False, False),
        (INDEX, True, True),
        (date(2020, 6, 2), True, False),
    ],
)
def test_the_look_back(day, index_day, counts):
    table = comorbidity.charlson(
        frame((1, "DI219", day)), index=at_index(1), years=5, index_day=index_day
    ).table
    assert table["score"].item() == counts


def test_each_index_day_of_a_person_is_scored_apart():
    index = pl.DataFrame({"person": [1, 1], "index": [date(2010, 1, 1), INDEX]})
    table = comorbidity.charlson(frame((1, "DI219", date(2015, 1, 1))), index=index).table
    assert table["score"].to_list() == [0, 1]


def test_pandas_and_persons_of_any_type():
    diagnoses = pd.DataFrame(
        {"person": ["a", "b"], "code": ["41099", None], "date": pd.to_datetime(["1990-01-01"] * 2)}
    )
    index = pd.DataFrame({"person": ["a", "b"], "index": pd.to_datetime(["1992-01-01"] * 2)})
    assert comorbidity.charlson(diagnoses, index=index, years=5).table["score"].to_list() == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: comorbidity.charlson(f, codes="icd9"), "choose among danish, heaven, quan"),
        (lambda f: comorbidity.charlson(f, weights="quan"), "choose among charlson, unweighted"),
        (lambda f: comorbidity.charlson(f, years=5), "from which day? give index="),
        (lambda f: comorbidity.charlson(f, index=at_index(1), years=-1), "give a positive number"),
        (lambda f: comorbidity.charlson(f.drop("code")), "the frame lacks code"),
        (lambda f: comorbidity.charlson(f, index=f), "the frame lacks index"),
        (
            lambda f: comorbidity.charlson(f.with_columns(date=pl.lit("2019")), index=at_index(1)),
            "column date holds no dates",
        ),
    ],
)
def test_what_makes_no_sense(call, message):
    with pytest.raises(StudyError) as caught:
        call(frame((1, "DI219", date(2019, 1, 1))))
    assert message in str(caught.value)
