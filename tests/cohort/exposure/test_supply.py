"""How long a dispensing lasts."""

import polars as pl
import pytest

from sundbench.cohort.canonical import digest
from sundbench.cohort.exposure import Rules, daily_dose, ddd, fixed_days, given_days, units_a_day
from sundbench.errors import StudyError

FRAME = pl.DataFrame(
    {
        "atc": ["B01AF02", "B01AA03", "C07AB02"],
        "packages": [2.0, 1.0, 0.5],
        "package_size": [56.0, 100.0, None],
        "strength": [5.0, 2.5, 100.0],
        "strength_unit": ["MG", "mg", "MG"],
        "ddd": [56.0, 33.33, None],
        "known": [10, 20, 30],
    }
)


def days(rule):
    return FRAME.with_columns(rule.days().alias("days"))["days"].to_list()


@pytest.mark.parametrize(
    ("rule", "lasts"),
    [
        (ddd(), [56, 33, None]),
        (ddd(per_day=0.5), [112, 67, None]),
        (fixed_days(30), [30, 30, 30]),
        (fixed_days(30, each="package"), [60, 30, 15]),
        (units_a_day(2), [56, 50, None]),
        (daily_dose(10), [56, 25, None]),
        (daily_dose({"B01": 5, "B01AF02": 10}), [56, 50, None]),
        (daily_dose(10, unit="UG"), [None, None, None]),
        (given_days("known"), [10, 20, 30]),
        (units_a_day(2).otherwise(fixed_days(14)), [56, 50, 14]),
        (ddd().limited(at_least=40, at_most=50), [50, 40, None]),
        (ddd().limited(at_most=50).otherwise(fixed_days(90)), [50, 33, 90]),
    ],
)
def test_days(rule, lasts):
    assert days(rule) == lasts


@pytest.mark.parametrize(
    ("exact", "whole"),
    [
        (28.000000001, 28),
        (28.5, 29),
        (28.49, 28),
        (0.2, 1),
        (0.0, 0),
        (-3.0, -3),
        (None, None),
        (float("nan"), None),
    ],
)
def test_whole_days_are_the_nearest_half_a_day_up_and_at_least_one(exact, whole):
    frame = pl.DataFrame({"known": [exact]}, schema={"known": pl.Float64})
    assert frame.select(given_days("known").days()).item() == whole


def test_the_least_isnt_given_to_what_holds_nothing():
    rule = fixed_days(30, each="package").limited(at_least=10)
    assert pl.DataFrame({"packages": [-1.0, 0.1]}).select(rule.days()).to_series().to_list() == [-30, 10]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ddd(), "1 defined daily dose a day"),
        (
            ddd(2).otherwise(fixed_days(30)),
            "2 defined daily doses a day; where that is unknown, 30 days a dispensing",
        ),
        (units_a_day(1).limited(7, 90), "1 unit a day, at least 7 and at most 90 days"),
        (daily_dose({"B01": 5}), "the strength of all units, taken at B01 5 MG a day"),
        (given_days("known"), "the days in known"),
    ],
)
def test_in_words(rule, words):
    assert rule.in_words() == words


def test_rules_in_words():
    rules = Rules(ddd(), grace_days=30, stockpile=60, switch_ends_episode=True, max_gap_days=365)
    assert rules.in_words() == (
        "dispensings last 1 defined daily dose a day; gaps of at most 30 days are bridged; at most 60 days of"
        " earlier supply are used first; a switch begins a new episode; never more than 365 days between them"
    )


def test_equal_rules_are_equal():
    assert Rules(ddd().otherwise(fixed_days(30))) == Rules(ddd().otherwise(fixed_days(30)))
    assert len({daily_dose({"B01": 5}), daily_dose({"B01": 5.0})}) == 1


def test_rules_have_the_digest_of_a_protocol():
    rules = Rules(daily_dose({"B01": 5}).otherwise(fixed_days(30)), grace_days=30)
    assert digest(rules) == digest(Rules(daily_dose({"B01": 5}).otherwise(fixed_days(30)), grace_days=30))
    assert digest(rules) != digest(Rules(daily_dose({"B01": 5}).otherwise(fixed_days(31)), grace_days=30))


def test_what_is_wrong_is_named():
    with pytest.raises(StudyError, match="no positive number"):
        ddd(per_day=0)
    with pytest.raises(StudyError, match="choose 'dispensing' or 'package'"):
        fixed_days(30, each="box")
    with pytest.raises(StudyError, match="no doses"):
        daily_dose({})
    with pytest.raises(StudyError, match="leave nothing"):
        ddd().limited(at_least=50, at_most=40)
    with pytest.raises(StudyError, match="give at_least, at_most or both"):
        ddd().limited()
