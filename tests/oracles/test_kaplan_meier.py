"""Kaplan-Meier against R survival on the lung data (oracle survival_km_cox_lung)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import survival


@pytest.fixture
def lung(oracle):
    folder, expected = oracle("survival_km_cox_lung")
    return pd.read_csv(folder / "lung.csv"), expected["expected"]["km"], expected["tolerance"], folder


def fit(lung, conf_type="log", group="sex"):
    return survival.kaplan_meier(
        lung["time"], lung["status"] == 2, group=lung[group] if group else None, conf_type=conf_type
    )


def test_every_step_of_the_curve_with_its_limits(lung):
    data, _, tolerance, folder = lung
    theirs = pd.read_csv(folder / "km_by_sex_expected.csv")
    ours = fit(data).table.query("events > 0")
    assert (ours["at_risk"].to_numpy() == theirs["n_risk"]).all()
    assert (ours["events"].to_numpy() == theirs["n_event"]).all()
    np.testing.assert_allclose(
        ours[["survival", "se", "lower", "upper"]],
        theirs[["surv", "std_err", "lower", "upper"]],
        rtol=0,
        atol=tolerance["km_abs"],
    )


@pytest.mark.parametrize(("conf_type", "key"), [("log", "at_times"), ("log-log", "at_times_loglog")])
def test_survival_at_given_times(lung, conf_type, key):
    data, expected, tolerance, _ = lung
    theirs = pd.DataFrame(expected[key])
    ours = fit(data, conf_type).at([90, 180, 365, 730])
    assert ours["at_risk"].tolist() == theirs["n_risk"].tolist()
    np.testing.assert_allclose(
        ours[["survival", "se", "lower", "upper"]],
        theirs[["surv", "std_err", "lower", "upper"]],
        rtol=0,
        atol=tolerance["km_abs"],
    )


@pytest.mark.parametrize(("conf_type", "key"), [("log", "medians"), ("log-log", "medians_loglog")])
def test_median_and_its_limits(lung, conf_type, key):
    data, expected, _, _ = lung
    theirs = pd.DataFrame(expected[key])[["median", "0.95LCL", "0.95UCL"]]
    assert (fit(data, conf_type).median()[["median", "lower", "upper"]].to_numpy() == theirs.to_numpy()).all()


@pytest.mark.parametrize(("tau", "key"), [(365, "rmst_365"), (730, "rmst_730")])
def test_restricted_mean_and_its_standard_error(lung, tau, key):
    data, expected, tolerance, _ = lung
    theirs = pd.DataFrame(expected[key])
    ours = fit(data).rmst(tau)
    np.testing.assert_allclose(ours["rmst"], theirs["rmean"], rtol=1e-10)
    np.testing.assert_allclose(ours["se"], theirs["se(rmean)"], rtol=tolerance["se_rel"])


def test_all_persons_together(lung):
    data, expected, tolerance, _ = lung
    fitted = fit(data, group=None)
    theirs = expected["overall"]
    median = fitted.median().iloc[0]
    assert (median["median"], median["lower"], median["upper"]) == (
        theirs["median"],
        theirs["0.95LCL"],
        theirs["0.95UCL"],
    )
    whole = fitted.rmst(data["time"].max()).iloc[0]
    assert whole["rmst"] == pytest.approx(theirs["rmean"], rel=1e-10)
    assert whole["se"] == pytest.approx(theirs["se(rmean)"], rel=tolerance["se_rel"])


def test_quantiles_and_their_limits(lung):
    data, expected, _, _ = lung
    ours = fit(data).quantiles([0.25, 0.5, 0.75])
    for column, key in (("time", "quantile"), ("lower", "lower"), ("upper", "upper")):
        theirs = pd.DataFrame(expected["quantiles"]["q"][key])[["25", "50", "75"]].to_numpy(dtype=float)
        np.testing.assert_array_equal(ours[column].to_numpy().reshape(2, 3), theirs)


def test_cumulative_hazard(lung):
    data, expected, tolerance, _ = lung
    ours = fit(data, group=None).cumulative_hazard()
    theirs = pd.DataFrame(expected["nelson_aalen"]["at"])
    row = np.searchsorted(ours["time"], theirs["time"], side="right") - 1
    np.testing.assert_allclose(ours["cumulative_hazard"].iloc[row], theirs["cumhaz"], rtol=1e-12)
    np.testing.assert_allclose(ours["se"].iloc[row], theirs["std"], rtol=tolerance["se_rel"])
