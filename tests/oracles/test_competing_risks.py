"""Competing risks against R survival and cmprsk on the MGUS data (oracle survival_competing_risks_mgus2)."""

import numpy as np
import pandas as pd
import pytest

from sundbench.methods import survival

TIMES = [12, 60, 120, 240]


@pytest.fixture
def mgus(oracle):
    folder, expected = oracle("survival_competing_risks_mgus2")
    data = pd.read_csv(folder / "mgus2.csv").assign(male=lambda d: (d["sex"] == "M").astype(int))
    return data, expected["expected"], expected["tolerance"]


@pytest.mark.parametrize(("key", "group"), [("at", "sex"), ("overall", None)])
def test_aalen_johansen(mgus, key, group):
    data, expected, tolerance = mgus
    theirs = pd.DataFrame(expected["aj"][key])
    ours = survival.aalen_johansen(data["etime"], data["ev"], group=data[group] if group else None).at(TIMES)
    for cause, name in ((1, "pcm"), (2, "death")):
        own = ours[ours["cause"] == cause]
        np.testing.assert_allclose(own["incidence"], theirs[f"p_{name}"], atol=tolerance["prob_abs"], rtol=0)
        np.testing.assert_allclose(
            own["survival"], theirs["p_event_free"], atol=tolerance["prob_abs"], rtol=0
        )
        np.testing.assert_allclose(own["se"], theirs[f"se_{name}"], rtol=tolerance["se_rel"])


def test_aalens_variance(mgus):
    data, expected, tolerance = mgus
    fitted = survival.aalen_johansen(data["etime"], data["ev"], group=data["sex"], variance="aalen")
    ours = fitted.at(TIMES).set_index(["group", "cause"])
    for key, column, rtol in (("est", "incidence", 1e-10), ("var", "se", tolerance["se_rel"])):
        for row in expected["cuminc"][key]:
            group, cause = row["key"].split()
            theirs = np.array([row[str(time)] for time in TIMES])
            value = ours.loc[(group, int(cause)), column] ** (2 if key == "var" else 1)
            np.testing.assert_allclose(value, theirs, rtol=rtol)


def test_grays_test(mgus):
    data, expected, _ = mgus
    for row in expected["cuminc"]["gray_test"]:
        ours = survival.gray_test(data["etime"], data["ev"], data["sex"], of_interest=int(row["cause"]))
        assert (ours.statistic, ours.df) == (pytest.approx(row["stat"], rel=1e-9), row["df"])
        assert ours.p_value == pytest.approx(row["pv"], rel=1e-8)


def compare(ours, theirs, tolerance):
    for row in theirs:
        assert ours.table.loc[row["term"], "coef"] == pytest.approx(row["coef"], abs=tolerance["coef_abs"])
        assert ours.table.loc[row["term"], "se"] == pytest.approx(row["se"], rel=tolerance["se_rel"])


def test_fine_gray_and_its_prediction_as_crr(mgus):
    data, expected, tolerance = mgus
    theirs = expected["fine_gray_crr"]
    ours = survival.fine_gray(data, time="etime", cause="ev", covariates=["age", "male"])
    compare(ours, theirs["rows"], tolerance)
    new = dict(zip(("age", "male"), np.array(theirs["pred_cif"]["cov"]).T, strict=True))
    for time, *incidence in theirs["pred_cif"]["cif"]:
        np.testing.assert_allclose(ours.predict(new, [time])["incidence"], incidence, rtol=1e-6)


@pytest.mark.parametrize(("cause", "name"), [(1, "pcm"), (2, "death")])
def test_fine_gray_of_each_cause(mgus, cause, name):
    data, expected, tolerance = mgus
    used = data.dropna(subset=["mspike"]).assign(age10=lambda d: d["age"] / 10)
    covariates = ["age10", "male", "mspike"]
    ours = survival.fine_gray(used, time="etime", cause="ev", covariates=covariates, of_interest=cause)
    compare(ours, expected["fine_gray_crr_mspike"][name], tolerance)
    assert ours.persons == expected["fine_gray_crr_mspike"]["n"]


def test_fine_gray_as_finegray(mgus):
    data, expected, tolerance = mgus
    ours = survival.fine_gray(
        data, time="etime", cause="ev", covariates=["age", "male"], convention="finegray"
    ).table
    for term, key in (("age", "age"), ("male", "sexM")):
        theirs = expected["finegray_survival"]["robust"][key]
        assert ours.loc[term, "coef"] == pytest.approx(theirs["coef"], abs=1e-8)
        assert ours.loc[term, "se"] == pytest.approx(theirs["robust_se"], rel=tolerance["se_rel"])


@pytest.mark.parametrize(("cause", "name"), [(1, "pcm"), (2, "death")])
def test_cause_specific_hazards(mgus, cause, name):
    data, expected, tolerance = mgus
    own = data.assign(own=data["ev"] == cause)
    ours = survival.cox(own, time="etime", event="own", covariates=["age", "male"]).table
    for term, key in (("age", "age"), ("male", "sexM")):
        theirs = expected["cause_specific"][name][key]
        assert ours.loc[term, "coef"] == pytest.approx(theirs["coef"], abs=tolerance["coef_abs"])
        assert ours.loc[term, "se"] == pytest.approx(theirs["se_coef_"], rel=tolerance["se_rel"])


def test_one_less_survival_is_no_incidence(mgus):
    data, expected, tolerance = mgus
    fitted = survival.kaplan_meier(data["etime"], data["ev"] == 1, group=data["sex"]).at([60, 120, 240])
    theirs = pd.DataFrame(expected["one_minus_km_biased"]["rows"])["one_minus_km"]
    np.testing.assert_allclose(1 - fitted["survival"], theirs, atol=tolerance["prob_abs"], rtol=0)
    right = survival.aalen_johansen(data["etime"], data["ev"], group=data["sex"]).at([60, 120, 240])
    assert (right.query("cause == 1")["incidence"].to_numpy() < theirs).all()
