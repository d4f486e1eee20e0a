"""Disproportionality against R pvda and openEBGM (oracles disproportionality_*)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import signals

EXPECTED = {"prr": "exp_prr", "ror": "exp_ror", "ic": "exp_rrr"}


@pytest.mark.parametrize("method", ["prr", "ror", "ic"])
def test_ratios_and_information_component(oracle, method):
    folder, expected = oracle("disproportionality_prr_ror_ic_pvda")
    theirs = pd.read_csv(folder / "expected.csv.gz").sort_values(["drug", "event"], ignore_index=True)
    reports = pd.read_csv(folder / "drug_event.csv.gz")
    from_reports = signals.disproportionality(
        reports, report="report_id", drug="drug", event="event", method=method
    ).table
    from_counts = signals.disproportionality(
        theirs,
        drug="drug",
        event="event",
        count="obs",
        total="n_tot",
        drug_total="n_drug",
        event_total="n_event",
        method=method,
    ).table
    wanted = theirs[["obs", EXPECTED[method], method, f"{method}_lower", f"{method}_upper"]].to_numpy(float)
    # Where no other drug has the event the ratio is infinite and has no limits.
    empty = ~np.isfinite(wanted[:, 2])
    assert empty.any() == (method != "ic")
    wanted[empty, 3:] = np.nan
    for ours in (from_reports, from_counts):
        assert ours["drug"].tolist() == theirs["drug"].tolist()
        figures = ours[["count", "expected", "estimate", "lower", "upper"]].to_numpy(float)
        rtol = expected["expected"]["all"]["tolerance"]["rel"]
        np.testing.assert_allclose(figures, wanted, rtol=rtol, atol=1e-11)


def test_information_component_of_one_report_where_one_is_expected(oracle):
    unit = oracle("disproportionality_prr_ror_ic_pvda")[1]["expected"]["ic_unit"]
    counts = {"drug": ["a"], "event": ["b"], "n": [1], "n1": [10], "m1": [10]}
    row = signals.disproportionality(
        counts,
        drug="drug",
        event="event",
        count="n",
        total=100,
        drug_total="n1",
        event_total="m1",
        method="ic",
    ).table.loc[0]
    wanted = [unit["ic"], unit["lower"], unit["upper"]]
    assert row[["estimate", "lower", "upper"]].tolist() == pytest.approx(wanted, abs=1e-12)


@pytest.fixture(scope="module")
def caers(oracle):
    folder, expected = oracle("disproportionality_ebgm_caers")
    reports = pd.read_csv(folder / "caers.csv.gz")
    pairs = pd.read_csv(folder / "expected_pairs.csv.gz").rename(columns={"var1": "drug", "var2": "event"})
    return reports, pairs, expected["expected"]


CAERS = {"report": "id", "drug": "var1", "event": "var2"}


def test_the_prior_has_the_likelihood_of_r(caers):
    reports, _, expected = caers
    prior = signals.disproportionality(reports, **CAERS, method="ebgm").prior
    theirs = expected["hyper_full"]
    assert -prior.loglik == pytest.approx(theirs["minimum"], abs=theirs["tolerance"]["minus_loglik_abs"])
    ours = [prior.alpha1, prior.beta1, prior.alpha2, prior.beta2, prior.share]
    np.testing.assert_allclose(ours, list(theirs["theta_recomputed"].values()), rtol=1e-4)
    np.testing.assert_allclose(
        ours, list(theirs["theta_published"].values()), rtol=theirs["tolerance"]["theta_rel"]
    )
    assert prior.conditional
    # The vignette fits squashed counts, which moves the prior a little.
    squashed = expected["hyper_vignette"]
    np.testing.assert_allclose(ours, list(squashed["theta"].values()), rtol=squashed["tolerance"]["rel"])


@pytest.mark.parametrize("key", ["pairs", "stratified"])
def test_proportional_reporting_ratios_and_ratios_to_the_expected(caers, key):
    reports, pairs, expected = caers
    rows = pairs
    if key == "stratified":  # openEBGM's PRR knows no strata
        rows = pd.DataFrame(expected["stratified"]["rows"]).rename(columns={"var1": "drug", "var2": "event"})
    both = rows.merge(
        signals.disproportionality(reports, **CAERS, method="prr").table,
        on=["drug", "event"],
        validate="1:1",
    )
    np.testing.assert_allclose(both["estimate"], both["PRR"], rtol=0, atol=0.005 + 1e-12)
    if key == "pairs":
        np.testing.assert_allclose(both["count"] / both["E"], both["RR"], rtol=0, atol=0.005 + 1e-12)


def test_geometric_means_and_quantiles_at_the_priors_of_the_vignette(caers):
    reports, pairs, expected = caers
    prior = signals.Prior(*expected["hyper_vignette"]["theta"].values())
    ours = signals.disproportionality(reports, **CAERS, method="ebgm", prior=prior).table
    both = ours.merge(pairs, on=["drug", "event"], validate="1:1")
    assert len(ours) == len(both) == expected["processRaw"]["n_pairs"]
    tolerance = expected["pairs"]["tolerance"]
    assert (both["count"] == both["N"]).all()
    np.testing.assert_allclose(both["expected"], both["E"], rtol=1e-12)
    np.testing.assert_allclose(both["estimate"], both["EBGM_unrounded"], rtol=1e-12)
    for name, theirs in (("lower", "Q05"), ("upper", "Q95")):
        np.testing.assert_allclose(both[name], both[theirs], atol=tolerance["q_abs"])
    np.testing.assert_allclose(
        prior.posterior_share(both["N"], both["E"]), both["Qn"], rtol=tolerance["qn_rel"]
    )
    top = expected["pairs"]["top"]
    row = ours.set_index(["drug", "event"]).loc[(top["var1"], top["var2"])]
    assert row["count"] == top["N"]
    for name, key in (("expected", "E"), ("estimate", "EBGM"), ("lower", "Q05"), ("upper", "Q95")):
        assert row[name] == pytest.approx(top[key], abs=tolerance["q_abs"])
    # Their list holds Q05 to two decimals; one pair lies within the rounding of 2.
    assert (ours["lower"] >= 2 - 0.005).sum() == pytest.approx(expected["pairs"]["n_with_Q05_ge_2"], abs=1)


def test_expected_counts_within_strata(caers):
    reports, _, expected = caers
    rows = pd.DataFrame(expected["stratified"]["rows"]).rename(columns={"var1": "drug", "var2": "event"})
    ours = signals.disproportionality(reports, **CAERS, method="ic", strata="strat1").table
    both = rows.merge(ours, on=["drug", "event"], validate="1:1")
    assert (both["count"] == both["N"]).all()
    np.testing.assert_allclose(both["expected"], both["E"], rtol=1e-12)
    np.testing.assert_allclose(both["count"] / both["expected"], both["RR"], atol=0.005)
