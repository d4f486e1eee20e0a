"""Propensity scores and weights against R on NHEFS (oracle ps_iptw_nhefs_whatif).

Only the numbers recomputed in R are used: those called published were written down from memory.
"""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import propensity, survival

SQUARED = ["age", "smokeintensity", "smokeyrs", "wt71"]
FACTORS = ["sex", "race", "education", "exercise", "active"]


@pytest.fixture(scope="module")
def nhefs(oracle):
    folder, expected = oracle("ps_iptw_nhefs_whatif")
    data = pd.read_csv(folder / "nhefs.csv", dtype=dict.fromkeys(FACTORS, str))
    data = data[data["wt82_71"].notna()].reset_index(drop=True)
    for name in SQUARED:
        data[f"I({name}^2)"] = data[name] ** 2
    covariates = [*FACTORS, *SQUARED, *(f"I({name}^2)" for name in SQUARED)]
    model = propensity.fit(data, treatment="qsmk", covariates=covariates)
    return data, model, expected["expected"], expected["tolerance"]


def test_the_model(nhefs):
    _, model, expected, tolerance = nhefs
    theirs = pd.DataFrame(expected["ps_model"]["rows"]).set_index("term")
    ours = model.table.rename(index=lambda t: "(Intercept)" if t == "(intercept)" else t.replace("=", ""))
    assert set(ours.index) == set(theirs.index)
    np.testing.assert_allclose(ours["coef"], theirs["coef"][ours.index], rtol=0, atol=tolerance["coef_abs"])
    np.testing.assert_allclose(ours["se"], theirs["se"][ours.index], rtol=tolerance["se_rel"])
    assert model.c_statistic == pytest.approx(expected["ps_model"]["auc"], abs=1e-9)
    assert model.score.min() == pytest.approx(expected["ps_model"]["min"], abs=1e-9)
    assert model.score.max() == pytest.approx(expected["ps_model"]["max"], abs=1e-9)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("w", {"estimand": "ate", "stabilise": False}),
        ("sw", {"estimand": "ate"}),
        ("ow", {"estimand": "overlap"}),
        ("att", {"estimand": "att"}),
    ],
)
def test_weights_and_the_difference_they_give(nhefs, key, kind):
    data, model, expected, _ = nhefs
    theirs = expected["weighted"]["by_weight"][key]
    w = propensity.weights(model.score, data["qsmk"], **kind)
    assert [w.mean(), w.min(), w.max()] == pytest.approx(
        [theirs["weight_mean"], theirs["weight_min"], theirs["weight_max"]], rel=1e-9
    )
    sizes = propensity.effective_sample_size(w, data["qsmk"])["effective"].tolist()
    assert sizes == pytest.approx([theirs["ess0"], theirs["ess1"], theirs["ess"]], rel=1e-9)
    treated = data["qsmk"] == 1
    mean1, mean0 = (np.average(data["wt82_71"][arm], weights=w[arm]) for arm in (treated, ~treated))
    assert mean0 == pytest.approx(theirs["mean0"], rel=1e-9)
    assert mean1 - mean0 == pytest.approx(theirs["est"], rel=1e-9)


@pytest.mark.parametrize(("column", "estimand"), [("iptw", "ate"), ("overlap", "overlap")])
def test_standardised_mean_differences(nhefs, column, estimand):
    data, model, expected, _ = nhefs
    w = propensity.weights(model.score, data["qsmk"], estimand=estimand)
    covariates = ["age", "sex", "race", "smokeintensity", "smokeyrs", "wt71", "education"]
    ours = propensity.balance(data, treatment="qsmk", covariates=covariates, weights=w, estimand=estimand)
    table = ours.table.set_index("covariate").rename(
        index={"sex=1": "sex1", "race=1": "race1", "education=5": "edu5"}
    )
    for row in expected["smd"]["rows"]:
        assert table.loc[row["var"], "smd_before"] == pytest.approx(row["unadj"], abs=1e-10)
        assert table.loc[row["var"], "smd_after"] == pytest.approx(row[column], abs=1e-9)


def months(data):
    return ((data["yrdth"] - 83) * 12 + data["modth"]).where(data["death"] == 1, 120)


def test_survival_of_all_1629(nhefs, oracle):
    data = pd.read_csv(oracle("ps_iptw_nhefs_whatif")[0] / "nhefs.csv")
    compare(
        survival.kaplan_meier(months(data), data["death"], group=data["qsmk"]), nhefs[2]["survival"]["km"]
    )


def test_weighted_survival_of_the_1566(nhefs):
    data, model, expected, _ = nhefs
    weights = propensity.weights(model.score, data["qsmk"])
    fitted = survival.kaplan_meier(months(data), data["death"], group=data["qsmk"], weights=weights)
    compare(fitted, expected["survival"]["weighted_km"])


def compare(fitted, rows):
    for row in rows:
        at = fitted.at([row["time"]]).set_index("group")["survival"]
        assert at[row["strata"].removeprefix("qsmk=")] == pytest.approx(row["surv"], abs=1e-9)


def whole(nhefs):
    data, _, expected, tolerance = nhefs
    covariates = [name for name in data if name in FACTORS or name in SQUARED or name.startswith("I(")]
    return data, {"outcome": "wt82_71", "treatment": "qsmk", "covariates": covariates}, expected, tolerance


@pytest.mark.parametrize(("key", "estimand"), [("w", "ate"), ("ow", "overlap"), ("att", "att")])
def test_weighted_effects_with_weights_taken_as_known(nhefs, key, estimand):
    data, what, expected, tolerance = whole(nhefs)
    theirs = expected["weighted"]["by_weight"][key]
    found = propensity.effect(data, **what, estimand=estimand, variance="known")
    assert found.difference == pytest.approx(theirs["est"], abs=tolerance["coef_abs"])
    assert found.se == pytest.approx(theirs["robust_se"], rel=1e-9)
    # Weights that are estimated make the difference less uncertain than the robust variance says.
    assert propensity.effect(data, **what, estimand=estimand).se < theirs["robust_se"]


def test_standardised(nhefs):
    data, what, expected, _ = whole(nhefs)
    found = propensity.standardised_effect(data, **what, interactions=["smokeintensity"]).table["coef"]
    theirs = expected["standardisation"]
    assert found.tolist() == pytest.approx([theirs["mean0"], theirs["mean1"], theirs["diff"]], abs=1e-9)


def test_doubly_robust(nhefs):
    data, what, expected, _ = whole(nhefs)
    options = {"augmented": True, "interactions": ["smokeintensity"], "normalised": False}
    found = propensity.effect(data, **what, estimand="ate", **options, variance="known")
    assert found.difference == pytest.approx(expected["aipw"]["est"], abs=1e-9)
    # Theirs divides by n - 1.
    assert found.se == pytest.approx(expected["aipw"]["se"] * np.sqrt(1565 / 1566), rel=1e-9)
