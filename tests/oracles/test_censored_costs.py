"""Censored costs against R ccostr, Stata hcost and a SAS macro (oracle cea_censored_costs_ipcw)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.economics import censored

ESTIMATORS = {"AS": "available", "CC": "complete", "BT": "bang_tsiatis", "ZT": "zhao_tian"}


@pytest.fixture
def read(oracle):
    folder, expected = oracle("cea_censored_costs_ipcw")

    def cases(file):
        data = pd.read_csv(folder / file).rename(columns={"id": "person"})
        persons = data.groupby("person", as_index=False).agg(time=("surv", "first"), event=("delta", "first"))
        return persons, data

    return cases, expected["expected"]


def arm(cases, treatment):
    persons, costs = cases
    return persons[persons["person"].isin(costs.loc[costs["trt"] == treatment, "person"])], costs[
        costs["trt"] == treatment
    ]


def check(persons, costs, theirs, rtol):
    ours = censored.mean_cost(persons, costs, horizon=theirs["L"])
    for key, name in ESTIMATORS.items():
        assert ours.table.loc[name, "estimate"] == pytest.approx(theirs[key], rel=rtol)
        assert ours.table.loc[name, "se"] == pytest.approx(theirs["SE"][key], rel=rtol)
    assert ours.survival_time == pytest.approx((theirs["RMST"], theirs["RMST_se"]), rel=rtol)
    assert (ours.persons, ours.complete) == (theirs["n"], theirs["n_complete"])
    # One interval makes the partitioned estimator the simple one.
    one = censored.partitioned_mean(persons, costs, horizon=theirs["L"])
    assert one == pytest.approx(theirs["BT"], rel=rtol)


def test_all_persons(read):
    cases, expected = read
    persons, costs = cases("hcost.csv.gz")
    for theirs in expected["recomputed"]["hcost_all"]:
        check(persons, costs, theirs, expected["recomputed"]["tolerance"]["rel"])


def test_each_arm_and_the_ratio(read):
    cases, expected = read
    recomputed = expected["recomputed"]
    both = cases("hcost.csv.gz")
    fits = []
    for treatment in (0, 1):
        persons, costs = arm(both, treatment)
        check(persons, costs, recomputed["hcost_by_trt"][str(treatment)], recomputed["tolerance"]["rel"])
        fits.append(censored.mean_cost(persons, costs, horizon=1461))
    wanted = expected["icer_example"]
    years = (fits[1].survival_time[0] - fits[0].survival_time[0]) / 365.25
    assert years == pytest.approx(wanted["delta_ly"], rel=wanted["tolerance"]["rel"])
    for name, key in (("bang_tsiatis", "BT"), ("zhao_tian", "ZT")):
        more = fits[1].table.loc[name, "estimate"] - fits[0].table.loc[name, "estimate"]
        assert more == pytest.approx(wanted[f"delta_cost_{key}"], rel=wanted["tolerance"]["rel"])
        assert more / years == pytest.approx(wanted[f"icer_{key}"], rel=wanted["tolerance"]["rel"])


@pytest.mark.parametrize("name", ["uu", "ee", "eu", "ue"])
def test_small_simulated_samples(read, name):
    cases, expected = read
    persons, costs = cases(f"sas_{name}.csv")
    for theirs in expected["recomputed"]["sas"][name]:
        check(persons, costs, theirs, expected["recomputed"]["tolerance"]["rel"])


@pytest.mark.parametrize("name", ["uhe", "ehu"])
def test_large_simulated_samples(read, name):
    cases, expected = read
    persons, costs = cases(f"sim_{name}.csv.gz")
    for theirs in expected["recomputed"]["sim"][name]:
        check(persons, costs, theirs, expected["recomputed"]["tolerance"]["rel"])


def test_what_stata_and_sas_print(read):
    cases, expected = read
    persons, costs = cases("hcost.csv.gz")
    for theirs in expected["hcost_stata"]["rows"]:
        table = censored.mean_cost(persons, costs, horizon=theirs["L"]).table
        ours = [
            *table.loc[["bang_tsiatis", "zhao_tian"], "estimate"],
            *table.loc[["bang_tsiatis", "zhao_tian"], "se"],
        ]
        wanted = [theirs[key] for key in ("BT", "ZT", "SE_BT", "SE_ZT")]
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=expected["hcost_stata"]["tolerance"]["abs"])
