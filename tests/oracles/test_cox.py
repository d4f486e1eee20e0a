"""Cox and log-rank against R survival on the lung data (oracle survival_km_cox_lung)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import survival

COVARIATES = ["age", "sex", "ph.ecog"]


@pytest.fixture
def lung(oracle):
    folder, expected = oracle("survival_km_cox_lung")
    data = pd.read_csv(folder / "lung.csv").assign(dead=lambda d: (d["status"] == 2).astype(int))
    return data, expected["expected"], expected["tolerance"]


def fit(data, covariates=COVARIATES, **keywords):
    used = data.dropna(subset=[*covariates, *(c for c in keywords.values() if c in data)])
    return survival.cox(used, time="time", event="dead", covariates=covariates, **keywords)


def compare(ours, theirs, tolerance, se="se_coef_"):
    for term, row in theirs.items():
        assert ours.table.loc[term, "coef"] == pytest.approx(row["coef"], abs=tolerance["coef_abs"])
        assert ours.table.loc[term, "se"] == pytest.approx(row[se], rel=tolerance["se_rel"])
        assert ours.table.loc[term, "p_value"] == pytest.approx(row["Pr___z__"], rel=1e-4)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_ties(lung, ties):
    data, expected, tolerance = lung
    theirs, ours = expected["cox"][ties], fit(data, ties=ties)
    compare(ours, theirs["coef"], tolerance)
    np.testing.assert_allclose([ours.loglik_null, ours.loglik], theirs["loglik"], rtol=1e-9)
    assert (ours.rows, ours.events) == (theirs["n"], theirs["nevent"])


@pytest.mark.parametrize(
    ("key", "keywords"), [("cox_robust", {"robust": True}), ("cox_cluster_inst", {"cluster": "inst"})]
)
def test_robust_variance(lung, key, keywords):
    data, expected, tolerance = lung
    compare(fit(data, **keywords), expected[key]["coef"], tolerance, se="robust_se")


def test_strata(lung):
    data, expected, tolerance = lung
    theirs, ours = expected["cox_strata_sex"], fit(data, ["age", "ph.ecog"], strata="sex")
    compare(ours, theirs["coef"], tolerance)
    np.testing.assert_allclose([ours.loglik_null, ours.loglik], theirs["loglik"], rtol=1e-9)


def test_overall_tests(lung):
    data, expected, tolerance = lung
    ours = fit(data).tests
    for name, key in (("likelihood ratio", "lr"), ("score", "score")):
        theirs = expected["tests"][key]["test"]
        assert ours.loc[name, "statistic"] == pytest.approx(theirs, rel=tolerance["chisq_rel"])
    assert round(ours.loc["wald", "statistic"], 2) == expected["tests"]["wald"]["test"]  # R rounds it


def test_proportional_hazards(lung):
    data, expected, tolerance = lung
    ours = fit(data).proportional_hazards_test()
    for row in expected["zph"]["rows"]:
        assert ours.loc[row["term"], "statistic"] == pytest.approx(row["chisq"], rel=tolerance["chisq_rel"])
        assert ours.loc[row["term"], "p_value"] == pytest.approx(row["p"], rel=tolerance["chisq_rel"])


def test_concordance(lung):
    data, expected, tolerance = lung
    ours, theirs = fit(data), expected["concordance"]
    assert ours.concordance == pytest.approx(theirs["c"], rel=1e-12)
    assert ours.concordance_se == pytest.approx(theirs["se"], rel=tolerance["se_rel"])


def test_baseline_hazard(lung):
    data, expected, _ = lung
    ours = fit(data).baseline().set_index("time")["cumulative_hazard"]
    for row in expected["basehaz_uncentered"]["at"]:
        assert ours[row["time"]] == pytest.approx(row["hazard"], rel=1e-8)


def test_predicted_survival(lung):
    data, expected, _ = lung
    new = {"age": [60, 70], "sex": [1, 2], "ph.ecog": [1, 0]}
    ours = fit(data).predict(new, [90, 180, 365, 730], conf_type="log")
    theirs = pd.concat([pd.DataFrame(rows) for rows in expected["pred_surv"]["rows"]])
    np.testing.assert_allclose(
        ours[["time", "survival", "lower", "upper"]], theirs[["time", "surv", "lower", "upper"]], rtol=1e-8
    )


def test_martingale_residuals(lung):
    data, expected, _ = lung
    ours = fit(data).residuals("martingale")["martingale"][:10]
    np.testing.assert_allclose(ours, expected["martingale_first10"]["v"], rtol=1e-7)


def test_log_rank(lung):
    data, expected, tolerance = lung
    theirs, ours = expected["logrank"], survival.log_rank(data["time"], data["dead"], data["sex"])
    assert ours.statistic == pytest.approx(theirs["chisq"], rel=tolerance["chisq_rel"])
    assert ours.p_value == pytest.approx(theirs["p"], rel=tolerance["chisq_rel"])
    np.testing.assert_allclose(ours.table[["observed", "expected"]].T, [theirs["obs"], theirs["exp"]])
    early = survival.log_rank(data["time"], data["dead"], data["sex"], rho=1)
    assert early.statistic == pytest.approx(expected["peto_rho1"]["chisq"], rel=tolerance["chisq_rel"])


def test_stratified_log_rank(lung):
    data, expected, tolerance = lung
    used = data.dropna(subset=["ph.ecog"])
    ours = survival.log_rank(used["time"], used["dead"], used["sex"], strata=used["ph.ecog"])
    assert ours.statistic == pytest.approx(
        expected["logrank_strat_ecog"]["chisq"], rel=tolerance["chisq_rel"]
    )
