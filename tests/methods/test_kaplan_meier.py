"""Kaplan-Meier: what it says, and what it refuses."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import survival

TIME, EVENT = [1, 2, 2, 3, 4], [1, 1, 0, 0, 1]


def test_by_hand():
    table = survival.kaplan_meier(TIME, EVENT).table
    assert list(table.columns) == [
        "group", "time", "at_risk", "events", "censored", "survival", "se", "lower", "upper",
    ]  # fmt: skip
    assert table["at_risk"].tolist() == [5, 4, 2, 1]
    assert table["events"].tolist() == [1, 1, 0, 1]
    assert table["censored"].tolist() == [0, 1, 1, 0]
    assert table["survival"].tolist() == pytest.approx([0.8, 0.6, 0.6, 0.0])
    assert np.isnan(table["se"].iloc[-1])  # nobody is left, as in R


def test_takes_polars_series_and_pandas_alike():
    one = survival.kaplan_meier(pl.Series(TIME), pl.Series(EVENT)).table
    other = survival.kaplan_meier(pd.Series(TIME), pd.Series(EVENT)).table
    pd.testing.assert_frame_equal(one, other)


def test_late_entry_counts_from_after_the_entry():
    table = survival.kaplan_meier([2, 3, 4], [1, 1, 0], entry=[0, 2, 1]).table
    # At time 2 the second person, who enters at 2, is not yet at risk.
    assert table["at_risk"].tolist() == [2, 2, 1]
    assert table["survival"].tolist() == pytest.approx([0.5, 0.25, 0.25])


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(1, 3)), min_size=1, max_size=30))
def test_whole_weights_are_repeated_persons(rows):
    time, event, weight = map(np.array, zip(*rows, strict=True))
    once = survival.kaplan_meier(time, event, weights=weight).table
    repeated = survival.kaplan_meier(np.repeat(time, weight), np.repeat(event, weight)).table
    pd.testing.assert_frame_equal(once, repeated, check_dtype=False)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=30), st.floats(0.1, 10))
def test_one_weight_for_all_changes_nothing_but_counts(rows, weight):
    time, event = map(np.array, zip(*rows, strict=True))
    plain = survival.kaplan_meier(time, event)
    weighted = survival.kaplan_meier(time, event, weights=np.full(time.size, weight + 0.0123))
    columns = ["survival", "se", "lower", "upper"]
    # The jackknife variance of a curve without weights is Greenwood's.
    np.testing.assert_allclose(weighted.table[columns], plain.table[columns], atol=1e-7)
    pd.testing.assert_frame_equal(weighted.counts, plain.counts)


@pytest.mark.parametrize("late", [False, True])
def test_robust_variance_is_the_sum_of_squared_derivatives(late):
    draw = np.random.default_rng(4)
    time, event, weight = draw.integers(5, 40, 60), draw.random(60) < 0.6, draw.uniform(0.5, 2, 60)
    entry = draw.uniform(0, 4, 60) if late else None

    def values(w):
        fitted = survival.kaplan_meier(time, event, weights=w, entry=entry)
        return np.array([fitted.at([20])["survival"][0], fitted.rmst(30)["rmst"][0]])

    steps = 1e-5 * np.diag(weight)
    derivative = [(values(weight + step) - values(weight - step)) / 2e-5 for step in steps]
    fitted = survival.kaplan_meier(time, event, weights=weight, entry=entry)
    ours = [fitted.at([20])["se"][0], fitted.rmst(30)["se"][0]]
    assert ours == pytest.approx(np.sqrt(np.sum(np.square(derivative), axis=0)), rel=1e-6)


def test_beyond_the_last_follow_up_is_not_guessed():
    fitted = survival.kaplan_meier([1, 2, 3], [1, 0, 0])
    assert np.isnan(fitted.at([4])["survival"][0])
    assert survival.kaplan_meier([1, 2], [1, 1]).at([4])["survival"][0] == 0
    with pytest.raises(MethodError, match=r"group all: tau 4 lies beyond the last follow-up \(3\)"):
        fitted.rmst(4)


def test_a_weight_of_nothing_leaves_the_person_out():
    fitted = survival.kaplan_meier([1, 2, 9], [1, 1, 0], weights=[1, 1, 0])
    assert fitted.table["time"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "time: no values"),
        (([1, np.nan], [1, 0]), "time: 1 of 2 values are missing"),
        (([1, -2], [1, 0]), "time: 1 of 2 values are negative"),
        (([1, 2], [1, 2]), "event: values other than 0 and 1"),
        (([1, 2, 3], [1, 0]), "different lengths"),
        ((["a", "b"], [1, 0]), "time: these are not numbers"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(MethodError, match=message):
        survival.kaplan_meier(*arguments)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"entry": [1, 2]}, "2 of 2 persons enter at or after"),
        ({"weights": [1, -1]}, "weights: 1 of 2 values are negative"),
        ({"group": ["a", None]}, "1 labels are missing"),
        ({"group": ["a", "b"], "weights": [1, 0]}, "group b: all weights are 0"),
        ({"conf_type": "arcsin"}, "conf_type arcsin is unknown"),
        ({"conf_level": 95}, "conf_level 95 lies outside"),
    ],
)
def test_refuses_what_comes_with_it(keywords, message):
    with pytest.raises(MethodError, match=message):
        survival.kaplan_meier([1, 2], [1, 0], **keywords)


def test_rmst_needs_two_groups():
    with pytest.raises(MethodError, match=r"1 label\(s\): a comparison needs two"):
        survival.rmst([1, 2], [1, 0], ["a", "a"], tau=1)


def test_rmst_subtracts_the_reference():
    time, event, group = [1, 2, 3, 4], [1, 1, 1, 1], ["new", "new", "old", "old"]
    by_name = survival.rmst(time, event, group, tau=4, reference="old")
    assert by_name.comparison == "new against old"
    assert by_name.table.loc["difference", "estimate"] == pytest.approx(1.5 - 3.5)
