"""Incidence rates, comparisons, standardisation."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from sundbench.errors import MethodError
from sundbench.methods import rates

COHORT = pd.DataFrame(
    {
        "arm": ["new", "new", "old", "old"],
        "age": ["-64", "65-", "-64", "65-"],
        "events": [4, 12, 9, 30],
        "years": [800.0, 400.0, 1500.0, 900.0],
    }
)


def test_a_rate_in_a_thousand_years_by_arm():
    table = rates.incidence_rates(COHORT, events="events", person_time="years", by="arm").table
    assert table.columns.tolist() == ["arm", "events", "person_time", "rate", "lower", "upper"]
    assert table["rate"].tolist() == pytest.approx([1000 * 16 / 1200, 1000 * 39 / 2400])


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas, lambda d: pl.from_pandas(d).lazy()])
def test_any_frame_will_do(make):
    ours = rates.incidence_rates(make(COHORT), events="events", person_time="years", by=["arm", "age"]).table
    theirs = rates.incidence_rates(COHORT, events="events", person_time="years", by=["arm", "age"]).table
    assert ours["rate"].tolist() == theirs["rate"].tolist()


@given(events=st.integers(0, 10_000), level=st.floats(0.5, 0.999))
@settings(max_examples=60, deadline=None)
def test_exact_limits_leave_half_the_rest_in_each_tail(events, level):
    table = rates.incidence_rates(
        {"d": [events], "y": [1.0]}, events="d", person_time="y", per=1, conf_level=level
    ).table
    lower, upper = table.loc[0, ["lower", "upper"]]
    assert poisson.cdf(events, upper) == pytest.approx((1 - level) / 2, rel=1e-6)
    if events:
        assert poisson.sf(events - 1, lower) == pytest.approx((1 - level) / 2, rel=1e-6)


def test_ratio_of_two_rates_against_r_poisson_test():
    # R: poisson.test(c(11, 6+8+7), c(800, 1083+1050+878)), the example of its help page.
    data = {"arm": ["a", "b"], "d": [11, 21], "y": [800, 3011]}
    row = rates.rate_ratio(data, events="d", person_time="y", group="arm", reference="b").table.loc[0]
    assert row[["rr", "lower", "upper"]].tolist() == pytest.approx([1.971488, 0.8584264, 4.2772659], rel=1e-4)


@given(a=st.integers(0, 60), b=st.integers(0, 60), times=st.floats(0.05, 20))
@settings(max_examples=60, deadline=None)
def test_exact_ratio_limits_are_where_the_tails_are_half_the_rest(a, b, times):
    if a + b == 0:
        return
    data = {"arm": [1, 0], "d": [a, b], "y": [1.0, times]}
    row = rates.rate_ratio(data, events="d", person_time="y", group="arm").table.loc[1]
    share = lambda ratio: ratio / (ratio + times)  # noqa: E731
    if a:
        assert binom.sf(a - 1, a + b, share(row["lower"])) == pytest.approx(0.025, rel=1e-6)
    if b:
        assert binom.cdf(a, a + b, share(row["upper"])) == pytest.approx(0.025, rel=1e-6)
    # A test and limits that agree.
    assert (row["p_value"] < 0.05) == (not row["lower"] <= 1 <= row["upper"])


@pytest.mark.parametrize("method", ["exact", "score"])
def test_no_events_in_one_group_leave_one_limit(method):
    data = {"arm": ["a", "b"], "d": [0, 7], "y": [100.0, 120.0]}
    compare = {"events": "d", "person_time": "y", "group": "arm", "method": method}
    low = rates.rate_ratio(data, reference="b", **compare).table.loc[0]
    high = rates.rate_ratio(data, reference="a", **compare).table.loc[1]
    assert (low["rr"], low["lower"]) == (0, 0)
    assert (high["rr"], high["upper"]) == (np.inf, np.inf)
    assert low["upper"] == pytest.approx(1 / high["lower"])


def test_wald_limits_are_a_regression_of_both_arms():
    ratio = rates.rate_ratio(
        COHORT, events="events", person_time="years", group="arm", reference="old", method="wald"
    ).table.loc[0]
    model = rates.poisson(
        COHORT.assign(new=COHORT["arm"] == "new"), events="events", covariates=["new"], person_time="years"
    ).table.loc["new"]
    assert ratio[["rr", "lower", "upper", "p_value"]].tolist() == pytest.approx(
        model[["rr", "lower", "upper", "p_value"]].tolist(), rel=1e-9
    )


@given(a=st.integers(0, 40), b=st.integers(0, 40), t1=st.floats(1, 1e6), t0=st.floats(1, 1e6))
@settings(max_examples=80, deadline=None)
def test_score_limits_of_a_difference_hold_the_score_at_z(a, b, t1, t0):
    if a + b == 0:
        return
    data = {"arm": [1, 0], "d": [a, b], "y": [t1, t0]}
    row = rates.rate_difference(data, events="d", person_time="y", group="arm", per=1).table.loc[1]
    for limit in row[["lower", "upper"]]:
        # The constrained rate by its likelihood equation, solved another way.
        roots = np.roots([t1 + t0, limit * (t1 + t0) - a - b, -b * limit]).real
        base = max(*roots, -limit, 0.0)
        spread = (base + limit) / t1 + base / t0
        assert abs(a / t1 - b / t0 - limit) == pytest.approx(1.959964 * np.sqrt(spread), rel=1e-4)


def test_its_own_distribution_as_standard_gives_the_crude_rate():
    cells = COHORT.loc[COHORT["arm"] == "old"]
    table = rates.standardise(
        cells, events="events", person_time="years", by="age", standard="years", per=1000
    ).table
    assert table.loc[0, "rate"] == pytest.approx(table.loc[0, "crude_rate"])


def test_a_standard_in_any_form():
    call = {"events": "events", "person_time": "years", "by": "age", "group": "arm"}
    forms = [
        {"-64": 3.0, "65-": 1.0},
        pd.Series({"65-": 1.0, "-64": 3.0}),
        pl.DataFrame({"age": ["65-", "-64"], "size": [1.0, 3.0]}),
        [3, 1],
    ]
    found = [rates.standardise(COHORT, standard=form, **call).table["rate"].tolist() for form in forms]
    column = rates.standardise(COHORT.assign(size=[3, 1, 3, 1]), standard="size", **call)
    assert all(rate == column.table["rate"].tolist() for rate in found)
    assert found[0] == pytest.approx([0.75 * 4 / 800 + 0.25 * 12 / 400, 0.75 * 9 / 1500 + 0.25 * 30 / 900])


def test_limits_of_a_ratio_without_events_are_exact():
    nobody = pd.DataFrame({"age": ["old"], "events": [0], "years": [10.0]})
    call = {"events": "events", "person_time": "years", "by": "age", "reference_rates": {"old": 0.2}}
    row = rates.indirect(nobody, **call).table.loc[0]
    assert row[["smr", "lower"]].tolist() == [0, 0]
    assert row["upper"] == pytest.approx(-np.log(0.025) / 2)  # expected: 2
    assert rates.indirect(nobody, **call, method="exact").table.loc[0, "upper"] == row["upper"]


def test_ratio_of_a_group_to_itself_is_one():
    table = rates.indirect(
        COHORT,
        events="events",
        person_time="years",
        by="age",
        reference_rates=COHORT[["age", "events", "years"]],
    ).table
    assert table.loc[0, "smr"] == pytest.approx(1)
    assert table.loc[0, "rate"] == pytest.approx(table.loc[0, "crude_rate"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"events": [-1, 2, 3, 4]}, "negative"),
        ({"events": [1.5, 2, 3, 4]}, "not whole"),
        ({"events": [None, 2, 3, 4]}, "missing"),
        ({"years": [-1.0, 2, 3, 4]}, "negative"),
        ({"years": [0.0, 0, 3, 4]}, "no person-time"),
        ({"events": [0, 0, 0, 0]}, "no events"),
        ({"arm": ["new"] * 4}, "one group"),
    ],
)
def test_bad_counts_are_refused(change, says):
    with pytest.raises(MethodError, match=says):
        rates.rate_ratio(COHORT.assign(**change), events="events", person_time="years", group="arm")


@pytest.mark.parametrize(
    ("standard", "says"),
    [
        ({"-64": 1.0}, "nothing is given for 65-"),
        ({"-64": 1.0, "65-": 1.0, "90-": 1.0}, "no person-time in 90-"),
        ({"-64": 0.0, "65-": 0.0}, "all weights are 0"),
        ({"-64": -1.0, "65-": 1.0}, "negative"),
        ([1.0, 2.0, 3.0], "3 numbers for 2 strata"),
        ("age", "makes the strata itself"),
        ("years", "more than one number"),
    ],
)
def test_a_standard_that_does_not_fit_is_refused(standard, says):
    with pytest.raises(MethodError, match=says):
        rates.standardise(COHORT, events="events", person_time="years", by="age", standard=standard)


def test_more_with_events_than_persons_is_refused():
    with pytest.raises(MethodError, match="more than n"):
        rates.proportions({"d": [3], "n": [2]}, events="d", persons="n")


def test_two_groups_without_events_differ_by_0_within_limits():
    data = {"arm": [0, 1, 2], "d": [0, 0, 3], "y": [50.0, 20, 10]}
    call = {"events": "d", "person_time": "y", "group": "arm", "per": 1}
    row = rates.rate_difference(data, **call).table.loc[1]
    assert row["difference"] == 0
    # With no events the score's limits are z squared over the person-time.
    assert row[["lower", "upper"]].tolist() == pytest.approx([-3.841459 / 50, 3.841459 / 20], rel=1e-5)
    assert rates.rate_difference(data, method="wald", **call).table.loc[1, ["lower", "upper"]].isna().all()
