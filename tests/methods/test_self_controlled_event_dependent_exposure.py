"""Case series whose events change later exposure."""

import numpy as np
import pandas as pd
import pytest

from sundbench.errors import MethodError
from sundbench.methods import self_controlled


def drawn(seed):
    """Persons with up to three doses, a third of whom have the event within 20 days of the first one."""
    random = np.random.default_rng(seed)
    n = 300
    start = random.integers(1, 60, n)
    end = start + random.integers(120, 250, n)
    one = random.integers(1, 200, n) + 0.0
    one[random.random(n) < 0.2] = np.nan
    two = one + random.integers(5 if seed % 5 == 0 else 25, 60, n)
    two[random.random(n) < 0.4] = np.nan
    three = two + random.integers(25, 60, n)
    three[random.random(n) < 0.4] = np.nan
    day = random.integers(start, end + 1)
    hit = (random.random(n) < 0.3) & (one >= start) & (one + 19 <= end)
    day[hit] = (one + random.integers(0, 20, n))[hit].astype(int)
    person = np.arange(1, n + 1)
    cases = pd.DataFrame({"person": person, "start": start, "end": end, "event_day": day})
    doses = [
        pd.DataFrame({"person": person, "name": "s1", "start": days, "end": days + 20, "dose": dose}).dropna()
        for dose, days in enumerate((one, two, three), start=1)
    ]
    return cases, pd.concat(doses)


# R SCCS 1.7 on the same rows (s1, s2, s3 a column a dose), gnm iterating to a tolerance of 1e-13:
# eventdepenexp(indiv=person, astart=start, aend=end, aevent=event_day, adrug=cbind(s1,s2,s3),
#   aedrug=cbind(s1+20,s2+20,s3+20), expogrp=, sameexpopar=, agegrp=c(100,150), dataformat="multi", data=d)
@pytest.mark.parametrize(
    ("seed", "windows", "common", "coef", "se"),
    [
        (
            10,
            [0, 8],
            True,
            [1.95751617921909, 1.53554312829441, -0.209064785155106, -0.0919773088311001],
            [0.202852245381937, 0.191900154310695, 0.150227023333636, 0.17917076519155],
        ),
        (
            11,
            [3, 10],
            False,
            [
                1.52469393806122,
                1.549524897789,
                -0.673497474032805,
                -0.0436294547611238,
                -0.0926456709824288,
                -0.540719468234689,
                -0.0437321033853431,
                0.162548276535442,
            ],
            [
                0.225693376735134,
                0.192374730200031,
                0.723074086364492,
                0.480746722438416,
                1.08150404534068,
                1.05735072542997,
                0.162701254090353,
                0.175702085507099,
            ],
        ),
    ],
)
def test_as_r(seed, windows, common, coef, se):
    cases, exposures = drawn(seed)
    fit = self_controlled.sccs_event_dependent_exposure(
        cases, exposures, risk_windows=windows, age_breaks=[100, 150], common_effect=common
    )
    assert fit.table["coef"].to_list() == pytest.approx(coef, abs=1e-7)
    assert fit.table["se"].to_list() == pytest.approx(se, abs=1e-7)


def test_one_dose_without_age_is_a_series_that_starts_with_it():
    cases, exposures = drawn(4)
    first = exposures[exposures["dose"] == 1]
    ours = self_controlled.sccs_event_dependent_exposure(cases, first, risk_windows=[(0, 20)])
    from_dose = cases.merge(first[["person", "start"]].rename(columns={"start": "dosed"}), on="person")
    from_dose = from_dose[from_dose["dosed"] <= from_dose["event_day"]]
    starting = from_dose.assign(start=from_dose[["start", "dosed"]].max(axis=1))
    theirs = self_controlled.sccs(starting, first, risk_windows=[(0, 20)])
    assert ours.coef.to_list() == pytest.approx(theirs.coef.to_list(), abs=1e-8)
    assert ours.later_exposures == len(first) - len(from_dose)


def test_of_a_persons_events_the_first_counts():
    cases, exposures = drawn(4)
    again = cases.assign(event_day=cases["end"])[cases["event_day"] < cases["end"]]
    one = self_controlled.sccs_event_dependent_exposure(cases, exposures, risk_windows=[(0, 20)])
    both = self_controlled.sccs_event_dependent_exposure(
        pd.concat([again, cases]), exposures, risk_windows=[(0, 20)]
    )
    pd.testing.assert_frame_equal(both.table, one.table)
    assert both.later_events == len(again)


def test_a_dose_without_events_is_stated_and_the_rest_fitted():
    cases, exposures = drawn(4)
    third = exposures["dose"] == 3
    day = cases.set_index("person")["event_day"].reindex(exposures["person"]).to_numpy()
    quiet = exposures[~(third & (day >= exposures["start"]) & (day <= exposures["end"]))]
    fit = self_controlled.sccs_event_dependent_exposure(cases, quiet, risk_windows=[0], common_effect=False)
    assert list(fit.infinite) == ["s13"]
    assert fit.table.loc["s13", "rr"] == 0
    assert fit.table.loc[["s11", "s12"], "se"].between(0.05, 0.5).all()


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (lambda e: e.assign(name=np.where(e["dose"] == 1, "a", "b")), {}, "a, b: give those of one name"),
        (lambda e: e, {"risk_windows": [(-7, -1), (0, 20)]}, "begin with day 0"),
        (lambda e: e.assign(start=e["start"] + 1000, end=e["end"] + 1000), {}, "all begin after the events"),
        (lambda e: e.drop(columns="end"), {"risk_windows": [0]}, "no column end"),
        (lambda e: e, {"age_breaks": [150, 100]}, "each later"),
        (lambda e: e, {"risk_windows": [(400, 410)]}, "nobody is observed in a risk window"),
    ],
)
def test_what_data_do_not_allow_is_refused(change, options, says):
    cases, exposures = drawn(4)
    with pytest.raises(MethodError, match=says) as refused:
        self_controlled.sccs_event_dependent_exposure(
            cases, change(exposures), **{"risk_windows": [(0, 20)]} | options
        )
    assert "\n" not in str(refused.value)
