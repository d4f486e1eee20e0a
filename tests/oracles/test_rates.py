"""Rates against R epitools and survival (oracles standardisation_epitools, conditional_logistic_and_diet)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import rates, survival


@pytest.fixture(scope="module")
def epitools(oracle):
    return oracle("standardisation_epitools")[1]


def test_direct_standardisation_with_gamma_limits(epitools):
    given, rtol = epitools["inputs"]["fleiss"], epitools["tolerance"]["rel"]
    persons, births = (np.array(given[key], dtype=float)[:, :5] for key in ("population", "count"))
    cells = pd.DataFrame(
        [
            (order, age, births[i, order], persons[i, order])
            for order in range(5)
            for i, age in enumerate(given["agegroups"])
        ],
        columns=["order", "age", "births", "persons"],
    )
    ours = rates.standardise(
        cells,
        events="births",
        person_time="persons",
        by="age",
        standard=dict(zip(given["agegroups"], persons.mean(axis=1), strict=True)),
        group="order",
    ).table
    wanted = pd.DataFrame(epitools["expected"]["fleiss_birth_order"]["rows"])
    np.testing.assert_allclose(ours[["crude_rate", "rate", "lower", "upper"]], wanted, rtol=rtol)


def test_selvin_direct_and_indirect(epitools):
    given, rtol = epitools["inputs"]["selvin"], epitools["tolerance"]["rel"]
    ages = list(range(len(given["dth40"])))
    then = pd.DataFrame({"age": ages, "deaths": given["dth40"], "persons": given["pop40"]})
    later = pd.DataFrame({"age": ages, "deaths": given["dth60"], "persons": given["pop60"]})
    direct = rates.standardise(
        then, events="deaths", person_time="persons", by="age", standard=later[["age", "persons"]]
    ).table
    wanted = list(epitools["expected"]["selvin_direct"]["value"].values())
    np.testing.assert_allclose(direct[["crude_rate", "rate", "lower", "upper"]].iloc[0], wanted, rtol=rtol)
    ours = rates.indirect(
        then, events="deaths", person_time="persons", by="age", reference_rates=later
    ).table.iloc[0]
    theirs = epitools["expected"]["selvin_indirect"]
    np.testing.assert_allclose(
        ours[["events", "expected", "smr", "lower", "upper"]], list(theirs["sir"].values()), rtol=rtol
    )
    np.testing.assert_allclose(
        ours[["crude_rate", "rate", "rate_lower", "rate_upper"]], list(theirs["rate"].values()), rtol=rtol
    )
    # epitools' limits are normal on the logarithm; the exact ones differ in the fifth digit here.
    exact = rates.indirect(
        then, events="deaths", person_time="persons", by="age", reference_rates=later, method="exact"
    )
    np.testing.assert_allclose(exact.table[["lower", "upper"]].iloc[0], ours[["lower", "upper"]], rtol=2e-5)


@pytest.mark.parametrize(("key", "method"), [("poisson_exact", "exact"), ("byar", "byar")])
def test_limits_of_rates(epitools, key, method):
    wanted = pd.DataFrame(epitools["expected"][key]["rows"]).rename_axis("row").reset_index()
    ours = rates.incidence_rates(wanted, events="x", person_time="pt", by="row", per=1, method=method).table
    if method == "exact":
        # epitools searches for exact limits and stops early: for one event its lower limit is 0.1 % below
        # the one that can be written down.
        assert ours.loc[1, "lower"] == pytest.approx(-np.log(0.975) / 1000, rel=1e-14)
        doubtful = wanted["x"].isin([1, 21])
        np.testing.assert_allclose(ours["lower"][doubtful], wanted["lower"][doubtful], rtol=2e-3)
        wanted.loc[doubtful, "lower"] = ours.loc[doubtful, "lower"]
    np.testing.assert_allclose(
        ours[["rate", "lower", "upper"]],
        wanted[["rate", "lower", "upper"]],
        rtol=epitools["tolerance"]["rel"],
    )


@pytest.mark.parametrize(("key", "method"), [("clopper_pearson", "exact"), ("wilson", "wilson")])
def test_limits_of_proportions(epitools, key, method):
    wanted = pd.DataFrame(epitools["expected"][key]["rows"]).rename_axis("row").reset_index()
    ours = rates.proportions(wanted, events="x", persons="n", by="row", method=method).table
    np.testing.assert_allclose(
        ours[["proportion", "lower", "upper"]],
        wanted[["proportion", "lower", "upper"]],
        rtol=epitools["tolerance"]["rel"],
    )


def test_matched_sets(oracle):
    folder, expected = oracle("conditional_logistic_and_diet")
    atol = expected["tolerance"]["coef_abs"]
    women = pd.read_csv(folder / "bdendo.csv")
    wanted = expected["expected"]["bdendo"]
    one = rates.conditional_logistic(women, outcome="d", covariates=["est"], strata="set")
    three = rates.conditional_logistic(women, outcome="d", covariates=["est", "gall", "hyp"], strata="set")
    pairs = pd.read_csv(folder / "infert.csv")
    two = rates.conditional_logistic(
        pairs, outcome="case", covariates=["spontaneous", "induced"], strata="stratum"
    )
    exact = expected["expected"]["infert"]
    for fit, theirs in ((one, wanted["m1"]), (three, wanted["m2"]), (two, exact["exact"])):
        figures = [list(row.values()) for row in theirs.values()]
        np.testing.assert_allclose(fit.table[["coef", "or", "se", "z", "p_value"]], figures, atol=atol)
    for fit, theirs in ((three, wanted["loglik"]), (two, exact["loglik"])):
        np.testing.assert_allclose([fit.loglik_null, fit.loglik], theirs, rtol=1e-12)


def test_matched_sets_with_one_case_as_strata_of_a_cox_model(oracle):
    # Efron's, Breslow's and the exact likelihood are one where a set has one case.
    folder, expected = oracle("conditional_logistic_and_diet")
    sets = pd.read_csv(folder / "infert.csv").assign(time=1)
    covariates = ["spontaneous", "induced"]
    ours = survival.cox(sets, time="time", event="case", covariates=covariates, strata="stratum").table
    figures = [list(row.values()) for row in expected["expected"]["infert"]["efron"].values()]
    atol = expected["tolerance"]["coef_abs"]
    np.testing.assert_allclose(ours[["coef", "hr", "se", "z", "p_value"]], figures, atol=atol)


def test_person_time_with_an_age_band_without_events(oracle):
    expected = oracle("conditional_logistic_and_diet")[1]["expected"]["diet"]
    cells = pd.DataFrame(expected["table"]).astype({"age": str})
    fit = rates.poisson(cells, events="D", covariates=["age", "energy"], person_time="Y")
    assert fit.table.loc["energy=>2750 KCals", "rr"] == pytest.approx(expected["rr_energy"], abs=1e-12)
    assert set(fit.infinite) == {"(intercept)", "age=40", "age=50", "age=60"}
