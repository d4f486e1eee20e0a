"""What a case series supposes, on data that bear it out and on data that don't."""

import numpy as np
import pandas as pd
import pytest

from sundbench.errors import MethodError
from sundbench.methods import self_controlled
from sundbench.methods.self_controlled.diagnostics import stability

DAY = pd.Timestamp("2015-01-01")


def drawn(change=None, seed=1, size=3000):
    """Persons observed for two years, with a drug and an event that come when they like."""
    random = np.random.default_rng(seed)
    people = np.arange(size)
    start = random.integers(0, 365, size)
    end = start + 730
    taken = start + random.integers(60, 640, size)
    day = start + random.integers(0, 731, size)
    if change == "avoids":  # who just had the event isn't given the drug
        held = (day < taken) & (taken - day <= 30) & (random.random(size) < 0.8)
        taken = np.where(held, day + 60, taken)
    if change == "ends":  # one in three dies within two weeks
        end = np.where(random.random(size) < 1 / 3, np.minimum(day + random.integers(0, 15, size), end), end)
    if change == "jumps":  # the code comes into use late
        late = start + random.integers(365, 731, size)
        day = np.where(random.random(size) < 0.7, late, day)
    cases = pd.DataFrame({"person": people, "start": start, "end": end, "event_day": day})
    exposures = pd.DataFrame({"person": people, "name": "drug", "start": taken, "end": taken + 29})
    for table in (cases, exposures):
        for name in {"start", "end", "event_day"} & set(table):
            table[name] = DAY + pd.to_timedelta(table[name], "D")
    return cases, exposures


def checked(change=None, **options):
    return self_controlled.sccs_diagnostics(
        *drawn(change), risk_windows=[(0, 29)], prevalence=0.01, **options
    )


def test_data_that_bear_it_out_pass():
    found = checked()
    assert found.table["passed"].to_list() == ["yes"] * 4
    assert found.passed
    assert found.months["observed"].sum() == 3000
    assert found.months["expected"].sum() == pytest.approx(3000)


@pytest.mark.parametrize(
    ("change", "diagnostic"),
    [
        ("avoids", "before exposure: drug1"),
        ("ends", "end of observation"),
        ("jumps", "stable over time"),
    ],
)
def test_data_that_do_not_fail_where_they_should(change, diagnostic):
    found = checked(change)
    assert found.table.loc[diagnostic, "passed"] == "no"
    assert not found.passed


def test_no_event_at_all_before_exposure_fails_where_some_are_expected():
    cases, exposures = drawn()
    gap = (exposures["start"] - cases["event_day"]).dt.days
    kept = ~gap.between(1, 30)
    found = self_controlled.sccs_diagnostics(cases[kept], exposures, risk_windows=[(0, 29)])
    row = found.table.loc["before exposure: drug1"]
    assert (row["value"], row["lower"], row["passed"]) == (0, 0, "no")
    # About 30 of 731 days of 3,000 persons, less the events that were taken out.
    assert row["upper"] == pytest.approx(-np.log(0.025) / (3000 * 30 / 731), rel=0.1)


def test_the_probe_before_exposure_is_the_models_window():
    cases, exposures = drawn("avoids")
    found = checked("avoids").table.loc["before exposure: drug1"]
    last = cases[["person", "end"]].assign(name="end", start=cases["end"] - pd.Timedelta(29, "D"))
    fit = self_controlled.sccs(
        cases,
        pd.concat([exposures, last]),
        risk_windows={"drug": [(-30, -1), (0, 29)], "end": [(0, None)]},
    )
    assert found[["value", "lower", "upper"]].to_list() == pytest.approx(
        fit.table.loc["drug1", ["rr", "lower", "upper"]].to_list()
    )
    given = self_controlled.sccs_diagnostics(
        cases, exposures, risk_windows=[(-14, -8), (-7, -1), (0, 29)], pre_exposure_days=99
    )
    assert given.table.index.to_list()[:2] == ["before exposure: drug1", "before exposure: drug2"]


def test_expected_events_follow_the_model():
    born = np.full(3000, np.datetime64("2014-12-31"))
    adjusted = checked("jumps", birth=born, age_breaks=range(30, 1100, 30))
    at = ("stable over time", "value")
    assert adjusted.table.loc[at] < checked("jumps").table.loc[at]


# The mixture of OHDSI's checkTimeStabilityAssumption (SelfControlledCaseSeries 6) on these counts in R:
# optim(1.5, logLikelihood, lower = 1, upper = 9.9, method = "L-BFGS-B", control = list(factr = 10))
@pytest.mark.parametrize(
    ("observed", "ratio", "p_value"),
    [
        ([30, 45, 52, 38, 41, 60], 1.1426047771, 0.6688298122),
        ([30, 75, 92, 28, 21, 60], 1.6829884279, 7.252124395e-13),
        ([41, 42, 44, 43, 47, 49], 1.0, 1.0),
    ],
)
def test_stability_as_ohdsi(observed, ratio, p_value):
    months = pd.DataFrame({"observed": observed, "expected": [40.5, 42.1, 44, 43.2, 47.9, 48.3]})
    found = stability(months)
    assert found["value"] == pytest.approx(ratio, abs=1e-5)
    assert found["p_value"] == pytest.approx(p_value, rel=1e-6)


def test_what_cannot_be_evaluated_says_why():
    cases, exposures = drawn()
    for table in (cases, exposures):
        for name in {"start", "end", "event_day"} & set(table):
            table[name] = (table[name] - DAY).dt.days
    found = self_controlled.sccs_diagnostics(cases, exposures, risk_windows=[(0, 29)])
    assert "calendar isn't known" in found.table.loc["stable over time", "reason"]
    assert "give prevalence" in found.table.loc["rare event", "reason"]
    assert found.table["passed"].to_list() == ["yes", "yes", "not evaluated", "not evaluated"]
    common = self_controlled.sccs_diagnostics(cases, exposures, risk_windows=[(0, 29)], prevalence=0.3)
    assert common.table.loc["rare event", "passed"] == "no"


def test_events_after_the_first_make_rarity_needless():
    cases, exposures = drawn()
    again = pd.concat([cases, cases.head(5).assign(event_day=cases["end"])])
    found = self_controlled.sccs_diagnostics(again, exposures, risk_windows=[(0, 29)])
    assert found.table.loc["rare event", "passed"] == "yes"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pre_exposure_days": 0}, "pre_exposure_days"),
        ({"end_days": -3}, "end_days"),
        ({"prevalence": 3}, "prevalence"),
        ({"risk_windows": [(0, None)]}, None),
        ({"washout": {"other": 3}}, "names other"),
        ({"age_breaks": "semiparametric"}, "keeps event ages alone"),
    ],
)
def test_what_is_wrong_is_refused(options, says):
    cases, exposures = drawn(size=200)
    call = {"risk_windows": [(0, 29)]} | options
    if says is None:
        exposures, says = exposures.drop(columns="end"), "no column end"
    with pytest.raises(MethodError, match=says):
        self_controlled.sccs_diagnostics(cases, exposures, **call)


def test_only_ends_that_came_early_are_probed():
    cases, exposures = drawn("ends")
    early = (cases["end"] - cases["start"]).dt.days < 730
    found = self_controlled.sccs_diagnostics(
        cases.assign(censored=early.astype(int)), exposures, risk_windows=[(0, 29)]
    )
    assert (
        found.table.loc["end of observation", "value"]
        > checked("ends").table.loc["end of observation", "value"]
    )
    with pytest.raises(MethodError, match="no observation ended early"):
        self_controlled.sccs_diagnostics(cases.assign(censored=0), exposures, risk_windows=[(0, 29)])


def test_of_a_persons_periods_those_that_ended_early_are_probed():
    cases, exposures = drawn("ends")
    early = (cases["end"] - cases["start"]).dt.days < 730
    shift = pd.Timedelta(2000, "D")
    later = cases[early].assign(
        start=cases["start"] + shift,
        end=cases["start"] + shift + pd.Timedelta(730, "D"),
        event_day=cases["event_day"] + shift,
    )
    apart = later.assign(person=later["person"] + 10_000)  # as if others were observed then
    one, other = (
        self_controlled.sccs_diagnostics(
            pd.concat([cases.assign(censored=early.astype(int)), more.assign(censored=0)]),
            exposures,
            risk_windows=[(0, 29)],
        ).table.loc["end of observation", "value"]
        for more in (later, apart)
    )
    assert one == pytest.approx(other)
