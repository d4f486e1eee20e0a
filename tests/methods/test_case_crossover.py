"""Case-crossover and case-time-control: which windows are exposed, and what is made of them."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import rates, self_controlled

CASES = {"person": [1, 2, 3, 4], "start": [0] * 4, "event_day": [100, 100, 100, 100]}
EXPOSURES = {
    "person": [1, 2, 3, 4, 9],
    "name": ["drug"] * 5,
    "start": [95, 80, 91, 100, 1],
    "end": [96, 91, 130, 100, 1],
}


def pairs(then, before):
    """Persons exposed in the case window alone, and persons exposed in the control window alone."""
    n = then + before
    cases = {"person": np.arange(n), "event_day": np.full(n, 100)}
    start = np.where(np.arange(n) < then, 95, 85)
    return cases, {"person": np.arange(n), "start": start}


def test_with_one_control_window_the_ratio_is_that_of_discordant_events():
    fit = self_controlled.case_crossover(*pairs(29, 9), window_days=10, controls=1)
    assert fit.table.index.to_list() == ["exposure"]
    assert fit.table.loc["exposure", "or"] == pytest.approx(29 / 9)
    assert fit.table.loc["exposure", "se"] == pytest.approx(np.sqrt(1 / 29 + 1 / 9))
    assert fit.discordant.loc["exposure"].to_dict() == {
        "events": 38,
        "case_window": 29,
        "control_windows": 9,
    }


def test_time_controls_divide_the_cases_ratio():
    cases, exposures = pairs(29, 9)
    controls, theirs = pairs(65, 25)
    both = {
        name: np.append(exposures[name], theirs[name] + (1000 if name == "person" else 0))
        for name in exposures
    }
    controls["person"] = controls["person"] + 1000
    fit = self_controlled.case_time_control(cases, controls, both, window_days=10, controls=1)
    found = fit.table.loc["exposure"]
    assert found["or"] == pytest.approx((29 / 9) / (65 / 25))
    assert found["se"] == pytest.approx(np.sqrt(1 / 29 + 1 / 9 + 1 / 65 + 1 / 25))
    assert [round(found[limit], 1) for limit in ("or", "lower", "upper")] == [1.2, 0.5, 3.0]


def test_both_ends_of_windows_and_exposures_count():
    # The case window is days 91 to 100, the control window (after a gap of 5) days 76 to 85.
    def exposed(start, end):
        events = {"person": [1, 2, 3], "event_day": [100] * 3}
        taken = {"person": [1, 2, 3], "start": [start, 95, 80], "end": [end, 96, 81]}
        fit = self_controlled.case_crossover(events, taken, window_days=10, controls=1, gap_days=5)
        return fit.exposed.loc["exposure", ["case_windows", "control_windows"]].to_list()

    assert exposed(100, 130) == [2, 1]
    assert exposed(101, 130) == [1, 1]
    assert exposed(50, 91) == [2, 2]
    assert exposed(86, 90) == [1, 1]
    assert exposed(85, 85) == [1, 2]
    assert exposed(1, 76) == [1, 2]
    assert exposed(1, 75) == [1, 1]


def test_without_ends_an_exposure_is_a_day():
    without = {name: values for name, values in EXPOSURES.items() if name != "end"}
    fit = self_controlled.case_crossover(CASES, without, window_days=10, controls=2)
    assert fit.exposed.loc["drug"].to_list() == [3, 1, 4, 8]


def test_a_lag_leaves_the_events_day_out():
    exposures = {"person": [1, 2, 3, 4], "start": [100, 95, 80, 90]}
    with_it = self_controlled.case_crossover(CASES, exposures, window_days=10, controls=2)
    assert with_it.exposed.loc["exposure"].to_list() == [2, 2, 4, 8]
    without = self_controlled.case_crossover(CASES, exposures, window_days=10, controls=2, lag_days=1)
    assert without.exposed.loc["exposure"].to_list() == [2, 1, 4, 8]


def test_windows_before_observation_are_left_out():
    cases = CASES | {"start": [0, 71, 72, 82]}
    exposures = {"person": [1, 2, 3, 4], "start": [95, 85, 75, 95]}
    fit = self_controlled.case_crossover(cases, exposures, window_days=10, controls=2)
    assert fit.exposed.loc["exposure", ["of_case_windows", "of_control_windows"]].to_list() == [3, 5]
    assert (fit.events, fit.persons, fit.left_out) == (3, 3, 1)


@st.composite
def study(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = 60
    who = random.integers(0, 40, n)
    start = random.integers(0, 60, 40)
    cases = pd.DataFrame({"person": who, "start": start[who], "event_day": random.integers(60, 200, n)})
    size = 150
    begin = random.integers(-20, 210, size)
    exposures = pd.DataFrame(
        {
            "person": random.integers(0, 45, size),
            "name": random.choice(["a", "b"], size),
            "start": begin,
            "end": begin + random.integers(0, 25, size),
        }
    )
    scheme = {
        "window_days": int(random.integers(5, 20)),
        "controls": int(random.integers(1, 4)),
        "gap_days": int(random.integers(0, 10)),
        "lag_days": int(random.integers(0, 3)),
    }
    return cases, exposures, scheme


def plainly(cases, exposures, window_days, controls, gap_days, lag_days):
    """A row a window, read event by event and day by day."""
    rows = []
    for event, row in enumerate(cases.drop_duplicates().itertuples()):
        own = exposures[exposures["person"] == row.person]
        found = []
        for i in range(controls + 1):
            last = row.event_day - lag_days - i * (window_days + gap_days)
            days = set(range(last - window_days + 1, last + 1))
            if min(days) < row.start:
                break
            taken = {
                name: any(
                    days & set(range(each.start, each.end + 1))
                    for each in own[own["name"] == name].itertuples()
                )
                for name in "ab"
            }
            found.append({"event": event, "case": i == 0, **taken})
        rows += found if len(found) > 1 else []
    return pd.DataFrame(rows).astype(float)


@settings(max_examples=3, deadline=None)
@given(study())
def test_windows_are_those_of_a_plain_reading(data):
    cases, exposures, scheme = data
    rows = plainly(cases, exposures, **scheme)
    try:
        theirs = rates.conditional_logistic(rows, outcome="case", covariates=["a", "b"], strata="event")
    except MethodError:  # what was drawn determines no odds ratio: then neither may
        with pytest.raises(MethodError):
            self_controlled.case_crossover(cases, exposures, **scheme)
        return
    ours = self_controlled.case_crossover(cases, exposures, **scheme)
    pd.testing.assert_frame_equal(ours.table, theirs.table)
    assert ours.events == rows["event"].nunique()
    assert ours.exposed["case_windows"].to_list() == rows.loc[rows["case"] == 1, ["a", "b"]].sum().to_list()


@settings(max_examples=2, deadline=None)
@given(study(), study())
def test_the_adjusted_ratio_is_that_of_the_product_with_being_a_case(one, other):
    (cases, theirs, scheme), (controls, more, _) = one, other
    controls, more = (frame.assign(person=frame["person"] + 100) for frame in (controls, more))
    exposures = pd.concat([theirs, more])
    rows = pd.concat(
        [
            plainly(cases, theirs, **scheme).assign(a_case=lambda d: d["a"], b_case=lambda d: d["b"]),
            plainly(controls, more, **scheme).assign(event=lambda d: d["event"] + 1000, a_case=0, b_case=0),
        ]
    )
    terms = ["a", "b", "a_case", "b_case"]
    try:
        model = rates.conditional_logistic(rows, outcome="case", covariates=terms, strata="event")
    except MethodError:  # what was drawn determines no odds ratio: then neither may
        with pytest.raises(MethodError):
            self_controlled.case_time_control(cases, controls, exposures, **scheme)
        return
    ours = self_controlled.case_time_control(cases, controls, exposures, **scheme)
    product = model.table.loc[["a_case", "b_case"]].set_axis(pd.Index(["a", "b"], name="term"))
    pd.testing.assert_frame_equal(ours.table, product)


def test_dates_frames_and_repeated_rows_say_the_same():
    taken = EXPOSURES | {"start": [95, 80, 91, 100, 1], "end": [96, 88, 130, 100, 1]}
    expected = self_controlled.case_crossover(CASES, taken, window_days=10, controls=2)
    first = datetime.date(2020, 1, 1)
    cases = pd.concat([pd.DataFrame(CASES)] * 2)
    exposures = pd.DataFrame(taken)
    for table, columns in ((cases, ["start", "event_day"]), (exposures, ["start", "end"])):
        for column in columns:
            table[column] = pd.Timestamp(first) + pd.to_timedelta(table[column], "D")
    dated = self_controlled.case_crossover(pl.from_pandas(cases), exposures, window_days=10, controls=2)
    pd.testing.assert_frame_equal(dated.table, expected.table)
    assert dated.repeated == 4


def change(table, **columns):
    return {**table, **columns}


@pytest.mark.parametrize(
    ("cases", "exposures", "options", "says"),
    [
        (CASES, EXPOSURES, {"window_days": 0}, "window_days: give a whole number from 1"),
        (CASES, EXPOSURES, {"controls": 0}, "controls"),
        (CASES, EXPOSURES, {"gap_days": -1}, "gap_days"),
        (CASES, EXPOSURES, {"conf_level": 95}, "conf_level"),
        (CASES, EXPOSURES, {"window_days": 60}, "none of 4 events has a case window and a control window"),
        (CASES, change(EXPOSURES, start=[95, 91, 91, 100, 1]), {}, "all 4 .* the odds ratio is infinite"),
        (CASES, change(EXPOSURES, start=[81] * 5, end=[90] * 5), {}, "the odds ratio is 0"),
        (CASES, change(EXPOSURES, start=[0] * 5, end=[100] * 5), {}, "the windows of no event differ"),
        (CASES, change(EXPOSURES, end=[0] * 5), {}, "end before they start"),
        (CASES, change(EXPOSURES, person=[7] * 5), {}, "none is of a person"),
        (CASES, change(EXPOSURES, name=["drug", None, "a", "b", "c"]), {}, "missing"),
        (change(CASES, event_day=[100, 100, 100, -1]), EXPOSURES, {}, "1 of 4 events lie outside"),
        (change(CASES, event_day=[100, 100, np.nan, 7]), EXPOSURES, {}, "missing"),
        (change(CASES, person=[1, 1, 2, 3], start=[0, 5, 0, 0]), EXPOSURES, {}, "differ in start or end"),
        (change(CASES, end=[99] * 4), EXPOSURES, {}, "4 of 4 events lie outside"),
        ({"person": [], "event_day": []}, EXPOSURES, {}, "no rows"),
        ({"person": [1]}, EXPOSURES, {}, "no column event_day"),
    ],
)  # fmt: skip
def test_what_data_do_not_allow_is_refused(cases, exposures, options, says):
    with pytest.raises(MethodError, match=says) as refused:
        self_controlled.case_crossover(cases, exposures, **{"window_days": 10, "controls": 1} | options)
    assert "\n" not in str(refused.value)


def test_drugs_that_only_cases_take_have_no_trend_to_adjust_by():
    cases, exposures = pairs(5, 3)
    controls, theirs = pairs(4, 4)
    controls["person"] = controls["person"] + 100
    both = {
        "person": np.append(exposures["person"], theirs["person"] + 100),
        "start": np.append(exposures["start"], theirs["start"]),
        "name": ["new"] * 8 + ["old"] * 8,
    }
    with pytest.raises(MethodError, match="cases: old: the windows of no event differ"):
        self_controlled.case_time_control(cases, controls, both, window_days=10, controls=1)
