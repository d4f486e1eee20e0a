"""Self-controlled case series: which day belongs to which window, against a plain reading day by day."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from sundbench.errors import MethodError
from sundbench.methods import rates, self_controlled

CASES = {
    "person": [1, 1, 2, 3, 4, 5],
    "start": [0, 0, 0, 10, 0, 0],
    "end": [99, 99, 120, 90, 80, 99],
    "event_day": [12, 70, 31, 40, 5, 95],
}
EXPOSURES = {
    "person": [1, 2, 3, 4, 5, 9],
    "name": ["drug"] * 6,
    "start": [10, 30, 35, 50, 20, 1],
    "end": [29, 39, 60, 59, 45, 5],
}


def events_in(fit, term):
    return fit.periods.loc[term, ["events", "days"]].to_list()


def test_both_ends_of_a_window_belong_to_it():
    fit = self_controlled.sccs(CASES, EXPOSURES, risk_windows=[(0, 9)])
    assert fit.coef.index.to_list() == ["drug1"]
    assert events_in(fit, "drug1") == [3, 50]  # days 12, 31 and 40
    assert (fit.persons, fit.events, fit.exposed) == (5, 6, 5)


def test_risk_until_the_exposures_end_and_washout_after_it():
    fit = self_controlled.sccs(CASES, EXPOSURES, risk_windows=[(0, None)], washout=50)
    assert events_in(fit, "drug1") == [3, 20 + 10 + 26 + 10 + 26]
    assert events_in(fit, "drug2") == [2, 50 + 50 + 30 + 21 + 50]  # days 70 and 95


def test_one_person_and_one_window_gives_the_ratio_of_rates():
    cases = {"person": [1, 1, 1], "start": [1] * 3, "end": [100] * 3, "event_day": [3, 50, 80]}
    fit = self_controlled.sccs(cases, {"person": [1], "start": [1]}, risk_windows=[(0, 9)])
    assert fit.table.loc["exposure1", "rr"] == pytest.approx((1 / 10) / (2 / 90))
    assert fit.table.loc["exposure1", "se"] == pytest.approx(np.sqrt(1 + 1 / 2))


@st.composite
def series(draw):
    """Cases with several exposures of two names, and windows."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = 25
    start = random.integers(0, 20, n)
    end = start + random.integers(60, 120, n)
    who = np.repeat(np.arange(n), random.integers(1, 3, n))
    day = random.integers(start[who], end[who] + 1)
    cases = pd.DataFrame({"person": who, "start": start[who], "end": end[who], "event_day": day})
    owner = random.integers(0, n + 5, 60)
    begin = random.integers(-20, 130, 60)
    exposures = pd.DataFrame(
        {
            "person": owner,
            "name": random.choice(["a", "b"], 60),
            "start": begin,
            "end": begin + random.integers(0, 30, 60),
        }
    )
    return cases.drop_duplicates(), exposures


def spans(exposures):
    """Starts and ends of each person's exposures by name, in order."""
    return {
        key: list(zip(sorted(own["start"]), sorted(own["end"]), strict=True))
        for key, own in exposures.groupby(["person", "name"])
    }


def level(taken, person, name, day, windows, washout):
    """The level of one day, read plainly."""
    found = 0
    for begin, end in taken.get((person, name), []):
        stop = end if windows[-1][1] is None else begin + windows[-1][1]
        if day < min(begin + windows[0][0], stop + 1):
            continue
        found = 0  # the exposure that began last is the one that holds
        for i, (first, last) in enumerate(windows, start=1):
            if begin + first <= day <= stop and (last is None or day <= begin + last):
                found = i
        for i, (first, last) in enumerate(washout, start=len(windows) + 1):
            if stop + first <= day <= stop + last:
                found = i
    return found


@settings(max_examples=6, deadline=None)
@given(
    series(),
    st.sampled_from([[(0, 9)], [(0, 4), (8, None)], [(-5, -1), (0, 10), (14, 20)], [(2, None)]]),
    st.sampled_from([[], [(1, 10)], [(3, 8), (9, 20)]]),
)
def test_days_and_events_of_windows_are_those_of_a_plain_reading(data, windows, washout):
    cases, exposures = data
    taken = spans(exposures)
    found = self_controlled.sccs(
        cases, exposures, risk_windows=windows, washout=washout or None, age_breaks=[40, 80]
    )
    days: dict[str, int] = {}
    for row in cases.drop_duplicates("person").itertuples():
        for day in range(row.start, row.end + 1):
            for name in "ab":
                key = f"{name}{level(taken, row.person, name, day, windows, washout)}"
                days[key] = days.get(key, 0) + 1
            key = f"age{1 + (day >= 40) + (day >= 80)}"
            days[key] = days.get(key, 0) + 1
    for term in found.coef.index:
        assert found.periods.loc[term, "days"] == days[term]


@settings(max_examples=3, deadline=None)
@given(series())
def test_the_fit_is_the_maximum_of_the_likelihood_of_days(data):
    cases, exposures = data
    taken = spans(exposures)
    fit = self_controlled.sccs(cases, exposures, risk_windows=[(0, None)], age_breaks=[50])
    terms = fit.coef.index.to_list()
    people = []
    for person, own in cases.groupby("person"):
        low, high = own["start"].iloc[0], own["end"].iloc[0]
        days = np.arange(low, high + 1)
        columns = {f"{n}1": [level(taken, person, n, d, [(0, None)], []) for d in days] for n in "ab"}
        columns["age2"] = (days >= 50).astype(int)
        people.append((np.column_stack([columns[t] for t in terms]), own["event_day"].to_numpy() - low))

    def loss(beta):
        total = 0.0
        for x, at in people:
            linear = x @ beta
            total -= (linear[at] - np.log(np.exp(linear).sum())).sum()
        return total

    best = minimize(loss, np.zeros(len(terms)), tol=1e-10)
    assert fit.coef.to_numpy() == pytest.approx(best.x, abs=1e-4)
    assert fit.loglik == pytest.approx(-best.fun)
    assert fit.loglik_null == pytest.approx(-loss(np.zeros(len(terms))))


def test_dates_frames_and_ages_say_the_same():
    born = datetime.date(2000, 3, 5)
    dated = pd.DataFrame(CASES)
    taken = pd.DataFrame(EXPOSURES)
    by_age = self_controlled.sccs(
        dated.assign(birth=pd.Timestamp(born)),
        taken,
        birth="birth",
        risk_windows=[(0, 9)],
        age_breaks=[20],
    )
    for column in ("start", "end", "event_day"):
        dated[column] = pd.Timestamp(born) + pd.to_timedelta(dated[column], "D")
    for column in ("start", "end"):
        taken[column] = pd.Timestamp(born) + pd.to_timedelta(taken[column], "D")
    by_date = self_controlled.sccs(
        pl.from_pandas(dated),
        pl.from_pandas(taken).lazy(),
        birth=np.full(6, np.datetime64(born)),
        risk_windows=[(0, 9)],
        age_breaks=[20],
    )
    pd.testing.assert_frame_equal(by_age.table, by_date.table)
    assert by_age.coef.index.to_list() == ["drug1", "age2"]


def test_doses_with_effects_of_their_own():
    exposures = pd.DataFrame(EXPOSURES)
    second = exposures.assign(start=exposures["start"] + 21, end=exposures["end"] + 21)
    both = pd.concat([exposures, second])
    fit = self_controlled.sccs(CASES, both, risk_windows=[(0, 9)], common_effect=False)
    assert fit.coef.index.to_list() == ["drug1", "drug2"]
    assert events_in(fit, "drug1")[0] == 3
    numbered = pd.concat([exposures.assign(dose=2), second.assign(dose=1)])
    other = self_controlled.sccs(CASES, numbered, risk_windows=[(0, 9)], common_effect=False)
    assert events_in(other, "drug2") == events_in(fit, "drug1")


def test_a_window_without_events_is_stated_and_the_rest_fitted():
    fit = self_controlled.sccs(CASES, EXPOSURES, risk_windows=[(-4, -1), (0, 9)])
    assert fit.table.loc["drug1", "rr"] == 0
    assert np.isnan(fit.table.loc["drug1", "se"])
    assert "no event" in fit.infinite["drug1"]
    assert np.isfinite(fit.table.loc["drug2"]).all()


def more(table, **columns):
    """The same table with more rows."""
    return {name: [*values, *columns[name]] for name, values in table.items()}


def test_a_person_observed_in_one_window_alone_says_nothing_of_it():
    briefly = more(EXPOSURES, person=[1], name=["b"], start=[1], end=[5])
    without = self_controlled.sccs(CASES, briefly, risk_windows=[(0, None)])
    always = more(briefly, person=[6], name=["b"], start=[1], end=[70])
    cases = more(CASES, person=[6], start=[1], end=[60], event_day=[30])
    fit = self_controlled.sccs(cases, always, risk_windows=[(0, None)])
    assert fit.periods.loc["b1", "events"] == 1
    assert fit.infinite == {"b1": "minus infinity: events are lacking to tell it from other terms"}
    pd.testing.assert_frame_equal(fit.table, without.table)


def test_a_drug_without_events_off_it_is_plus_infinity_and_the_rest_fitted():
    exposures = more(EXPOSURES, person=[5, 5], name=["b", "b"], start=[90, 1], end=[99, 2])
    fit = self_controlled.sccs(CASES, exposures, risk_windows=[(0, None)])
    assert fit.table.loc["b1", "rr"] == np.inf
    assert fit.infinite["b1"].startswith("plus infinity")
    # Person 5 takes it, and says nothing of the other drug any more.
    others = {name: values[:5] for name, values in CASES.items()}
    rest = self_controlled.sccs(others, EXPOSURES, risk_windows=[(0, None)])
    assert fit.table.loc["drug1"].to_list() == pytest.approx(rest.table.loc["drug1"].to_list())


@settings(max_examples=6, deadline=None)
@given(series())
def test_semiparametric_age_is_a_level_for_each_event_age(data):
    cases, exposures = data
    taken = spans(exposures)
    fit = self_controlled.sccs(
        cases, exposures, risk_windows=[(0, None)], washout=10, age_breaks="semiparametric"
    )
    ages = sorted(set(cases["event_day"]))
    rows = [
        {
            "event": event,
            "case": int(age == row.event_day),
            "age": age,
            **{f"{n}{i}": int(level(taken, row.person, n, age, [(0, None)], [(1, 10)]) == i)
               for n in "ab" for i in (1, 2)},
        }
        for event, row in enumerate(cases.itertuples())
        for age in ages
        if row.start <= age <= row.end
    ]  # fmt: skip
    rows = pd.DataFrame(rows)
    ages = fit.ages["rr"]
    assume(not fit.infinite and (ages > 0).all())
    rows["effect"] = rows["age"].map(np.log(ages))
    names = fit.coef.index.to_list()
    theirs = rates.conditional_logistic(
        rows, outcome="case", covariates=names, strata="event", offset="effect"
    )
    assert fit.coef.to_numpy() == pytest.approx(theirs.coef.to_numpy(), abs=1e-6)
    assert fit.loglik == pytest.approx(theirs.loglik)


def test_event_ages_that_cannot_be_compared_are_left_out():
    def observed(shift, people):
        cases = {"start": [0] * 4, "end": [40] * 4, "event_day": [10, 20, 30, 10]}
        taken = {"start": [8, 5], "end": [15, 12]}
        return (
            {name: np.add(days, shift) for name, days in cases.items()} | {"person": people},
            {name: np.add(days, shift) for name, days in taken.items()} | {"person": people[:2]},
        )

    early, late = observed(0, [1, 2, 3, 4]), observed(50, [5, 6, 7, 8])
    both = [
        {name: np.append(one[name], other[name]) for name in one}
        for one, other in zip(early, late, strict=True)
    ]
    one, fit = (
        self_controlled.sccs(*data, risk_windows=[(0, None)], age_breaks="semiparametric")
        for data in (early, both)
    )
    assert fit.ages["reference"].to_list() == [10, 10, 10, 60, 60, 60]
    assert fit.coef.to_list() == pytest.approx(one.coef.to_list())
    assert fit.table["se"].to_list() == pytest.approx(one.table["se"] / np.sqrt(2))


def test_the_reference_is_the_first_age_group_with_events():
    fit = self_controlled.sccs(CASES, EXPOSURES, risk_windows=[(0, 9)], age_breaks=[4, 40])
    plain = self_controlled.sccs(
        CASES | {"start": [4, 4, 4, 10, 4, 4]}, EXPOSURES, risk_windows=[(0, 9)], age_breaks=[40]
    )
    assert list(fit.infinite) == ["age1"]
    assert fit.table.loc["age1", "rr"] == 0
    assert fit.coef[["drug1", "age3"]].to_list() == pytest.approx(plain.coef.to_list())


def test_rows_said_twice_count_once_and_are_told_of():
    twice = pd.concat([pd.DataFrame(CASES)] * 2)
    fit = self_controlled.sccs(twice, EXPOSURES, risk_windows=[(0, 9)])
    assert (fit.events, fit.repeated) == (6, 6)
    again = pd.concat([pd.DataFrame(EXPOSURES)] * 2)
    doses = self_controlled.sccs(CASES, again, risk_windows=[(0, 9)], common_effect=False)
    pd.testing.assert_frame_equal(doses.table, fit.table)


def change(table, **columns):
    return {**table, **columns}


@pytest.mark.parametrize(
    ("cases", "exposures", "options", "says"),
    [
        (change(CASES, event_day=[12, 70, 31, 40, 5, 100]), EXPOSURES, {}, "1 of 6 events lie outside"),
        (change(CASES, start=[0, 0, 130, 10, 0, 0]), EXPOSURES, {}, "end before they start"),
        (change(CASES, start=[0, 3, 0, 10, 0, 0]), EXPOSURES, {}, "overlap another of the same person"),
        (change(CASES, start=[0, np.nan, 0, 10, 0, 0]), EXPOSURES, {}, "missing"),
        (CASES, change(EXPOSURES, end=[1] * 6), {}, "end before they start"),
        (CASES, change(EXPOSURES, person=[7] * 6), {}, "none is of a person"),
        (CASES, EXPOSURES, {"risk_windows": [(0, 9), (9, 12)]}, "lies in two windows"),
        (CASES, EXPOSURES, {"risk_windows": [(9, 3)]}, "before it begins"),
        (CASES, EXPOSURES, {"risk_windows": []}, "give pairs"),
        (CASES, EXPOSURES, {"risk_windows": 42}, "give pairs"),
        (CASES, EXPOSURES, {"risk_windows": [(0, None), (5, 9)]}, "only the last"),
        (CASES, EXPOSURES, {"risk_windows": {"other": [(0, 9)]}}, "names other"),
        (CASES, EXPOSURES, {"risk_windows": [(300, 309)]}, "no case is observed"),
        (CASES, EXPOSURES, {"washout": 0}, "washout"),
        (CASES, EXPOSURES, {"season": True}, "give birth as dates"),
        (CASES, EXPOSURES, {"age_breaks": [50, 40]}, "each later"),
        (CASES, EXPOSURES, {"age_breaks": "splines"}, "give days of age, or semiparametric"),
        (CASES, {"person": [1], "start": [10]}, {"risk_windows": [0]}, "no column end"),
        (change(CASES, event_day=[12, 13, 31, 40, 52, 25]), EXPOSURES, {}, "are infinite"),
        (change(CASES, event_day=[1, 2, 3, 75, 5, 95]), EXPOSURES, {}, "no events fall in any"),
    ],
)
def test_what_data_do_not_allow_is_refused(cases, exposures, options, says):
    with pytest.raises(MethodError, match=says) as refused:
        self_controlled.sccs(cases, exposures, **{"risk_windows": [(0, 9)]} | options)
    assert "\n" not in str(refused.value)
