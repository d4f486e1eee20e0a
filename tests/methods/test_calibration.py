"""Calibration by negative and positive controls."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods import calibration

LOG_RR = [0.31, -0.12, 0.55, 0.08, 0.62, -0.31, 0.24, 0.47, 0.02, 0.39, 0.90, -0.05]
SE = [0.10, 0.22, 0.15, 0.31, 0.12, 0.28, 0.09, 0.18, 0.25, 0.14, 0.35, 0.11]
POSITIVE = [0.95, 0.55, 1.20, 0.60, 0.82, 1.4, 1.75, 1.10, 1.31, 1.62]
POSITIVE_SE = [0.12, 0.2, 0.1, 0.25, 0.15, 0.12, 0.2, 0.1, 0.25, 0.15]
TRUE = [0.0] * 12 + [np.log(2)] * 5 + [np.log(4)] * 5
ALL, ALL_SE = LOG_RR + POSITIVE, SE + POSITIVE_SE
COLUMNS = ["calibrated_log_rr", "calibrated_lower", "calibrated_upper", "calibrated_se_log_rr"]


def on_the_log_scale(table):
    columns = table[COLUMNS].to_numpy().copy()
    columns[:, 1:3] = np.log(columns[:, 1:3])
    return columns


def test_the_empirical_null_is_that_of_r():
    # R EmpiricalCalibration 3.1.4: fitNull, calibrateP, convertNullToErrorModel, calibrateConfidenceInterval,
    # with optim restarted until it stands still (it stops 1e-4 before the maximum otherwise).
    null = calibration.fit_null(LOG_RR, SE)
    assert (null.mean, null.sd) == pytest.approx((0.2716992082, 0.2113036021), rel=1e-7)
    assert null.expected_absolute_error == pytest.approx(0.2915269016, rel=1e-7)
    table = calibration.calibrate([0.9, -0.2], [0.2, 0.15], null).table
    assert table["calibrated_p_value"].tolist() == pytest.approx([0.03081026511, 0.06871223604], rel=1e-6)
    wanted = [
        [0.6283007918, 0.05805833193, 1.19854325173, 0.2909453768],
        [-0.4716992082, -0.97958791026, 0.03618949392, 0.2591316504],
    ]
    np.testing.assert_allclose(on_the_log_scale(table), wanted, atol=1e-7)


def test_the_error_model_of_positive_controls_is_that_of_r():
    # R: fitSystematicErrorModel, calibrateConfidenceInterval (uniroot stops at 1e-4).
    model = calibration.fit_error_model(ALL, ALL_SE, TRUE)
    assert model.table["estimate"].tolist() == pytest.approx(
        [0.27877102332, 0.82571499805, 0.20923900451, -0.01712010842], rel=2e-6
    )
    table = calibration.calibrate([0.9, -0.2], [0.2, 0.15], model).table
    wanted = [
        [0.7523527829, 0.06727947609, 1.39948973064, 0.3398557997],
        [-0.5798259986, -1.15345382044, 0.03027502809, 0.3019771939],
    ]
    np.testing.assert_allclose(on_the_log_scale(table), wanted, atol=2e-4)


@given(st.integers(0, 10_000))
@example(3601)  # two maxima, of which the higher lies far from the grid's best point
@settings(max_examples=6, deadline=None)
def test_no_search_finds_a_higher_likelihood(seed):
    random = np.random.default_rng(seed)
    se = random.uniform(0.05, 0.5, 30)
    true = np.repeat(np.log([1, 2, 4]), 10)
    estimates = random.normal(0.1 + 0.9 * true, np.hypot(se, random.uniform(0, 0.3) + 0.1 * true))

    def loss(theta):
        sd = theta[2] + theta[3] * true
        if (sd < 0).any():
            return np.inf
        return -norm.logpdf(estimates, theta[0] + theta[1] * true, np.hypot(sd, se)).sum()

    model = calibration.fit_error_model(estimates, se, true)
    for start in ([0, 1, 0.1, 0], [0.1, 0.9, 0.3, 0.1]):
        found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 800, "fatol": 1e-12})
        assert -found.fun <= model.loglik + 1e-7
    assert -loss(model.table["estimate"].to_numpy()) == pytest.approx(model.loglik)


def test_negative_controls_alone_calibrate_as_an_error_model_of_slope_one():
    null = calibration.fit_null(LOG_RR, SE)
    model = calibration.ErrorModel(null.mean, 1.0, null.sd, 1e-13, 12, null.loglik)
    one, two = (calibration.calibrate(LOG_RR, SE, m).table for m in (null, model))
    np.testing.assert_allclose(one, two, rtol=1e-9)


def test_without_systematic_error_nothing_changes():
    null = calibration.Null(0.0, 0.0, 50, 0.0, np.array(LOG_RR), np.array(SE))
    table = calibration.calibrate(LOG_RR, SE, null).table
    for name in ("log_rr", "se_log_rr", "rr", "lower", "upper", "p_value"):
        np.testing.assert_allclose(table[f"calibrated_{name}"], table[name], rtol=1e-12)
    assert null.expected_absolute_error == 0


def test_calibrated_p_and_intervals_agree():
    null = calibration.fit_null(LOG_RR, SE)
    table = calibration.calibrate(np.linspace(-2, 2, 41), [0.2] * 41, null).table
    excludes = (table["calibrated_lower"] > 1) | (table["calibrated_upper"] < 1)
    assert (excludes == (table["calibrated_p_value"] < 0.05)).all()


def test_calibrated_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(7)
    held, plain, rejected = [], [], []
    for _ in range(40):
        se, new_se = random.uniform(0.05, 0.3, 50), random.uniform(0.05, 0.3, 40)
        null = calibration.fit_null(random.normal(0.2, np.hypot(0.25, se)), se)
        new = random.normal(0.2, np.hypot(0.25, new_se))
        table = calibration.calibrate(new, new_se, null).table
        held.append(table["calibrated_lower"].lt(1) & table["calibrated_upper"].gt(1))
        plain.append(table["lower"].lt(1) & table["upper"].gt(1))
        rejected.append(table["calibrated_p_value"] < 0.05)
    # 1,600 intervals; the models' own uncertainty costs about one in a hundred.
    assert np.mean(held) == pytest.approx(0.945, abs=0.018)
    assert np.mean(rejected) == pytest.approx(0.055, abs=0.018)
    assert np.mean(plain) < 0.75


def test_limits_of_the_null_are_where_the_likelihood_has_fallen():
    null = calibration.fit_null(LOG_RR, SE)
    x, s = np.array(LOG_RR), np.array(SE)
    for limit in null.table.loc["sd", ["lower", "upper"]]:
        best = max(norm.logpdf(x, mean, np.hypot(s, limit)).sum() for mean in np.linspace(-0.5, 1, 601))
        assert null.loglik - best == pytest.approx(1.920729, abs=1e-3)
    for limit in null.table.loc["mean", ["lower", "upper"]]:
        best = max(norm.logpdf(x, limit, np.hypot(s, sd)).sum() for sd in np.linspace(0, 1, 601))
        assert null.loglik - best == pytest.approx(1.920729, abs=1e-3)


def test_controls_that_agree_have_no_spread():
    null = calibration.fit_null([0.1, 0.1, 0.1, 0.1], [0.2, 0.3, 0.2, 0.1])
    assert null.sd == 0
    assert null.mean == pytest.approx(0.1)
    assert null.table.loc["sd", "lower"] == 0


def test_each_control_is_calibrated_by_the_others():
    found = calibration.leave_one_out(LOG_RR, SE)
    others = calibration.fit_null(LOG_RR[1:], SE[1:])
    first = calibration.calibrate(LOG_RR[:1], SE[:1], others).table
    assert found.table.loc[0, "calibrated_p_value"] == pytest.approx(first.loc[0, "calibrated_p_value"])
    assert found.coverage["calibrated_coverage"].iloc[-1] > found.coverage["coverage"].iloc[-1]
    positive = calibration.leave_one_out(ALL, ALL_SE, TRUE)
    assert positive.coverage["controls"].tolist() == [12, 5, 5, 22]


@pytest.mark.parametrize("bad", [0.0, -0.1, np.inf, np.nan])
def test_controls_whose_estimate_failed_are_refused(bad):
    with pytest.raises(MethodError, match="1 of 12 are 0, negative, missing, infinite or beyond 100"):
        calibration.fit_null(LOG_RR, [*SE[:-1], bad])
    null = calibration.fit_null(LOG_RR, SE)
    with pytest.raises(MethodError, match="se_log_rr: 1 of 1"):
        calibration.calibrate([0.1], [bad], null)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: calibration.fit_null([0.1, 0.2], [0.1, 0.1]), "2 controls"),
        (lambda: calibration.fit_null(["a", "b", "c"], [0.1] * 3), "not numbers"),
        (lambda: calibration.fit_null([0.1, np.inf, 0.2], [0.1] * 3), "1 of 3 are missing, infinite"),
        (lambda: calibration.fit_null([0.1, 0.2, 0.3], [0.1, 0.1]), "different lengths"),
        (lambda: calibration.fit_error_model(LOG_RR, SE, [0.0] * 12), "use fit_null"),
        (lambda: calibration.fit_error_model(ALL, ALL_SE, [-t for t in TRUE]), "don't rise"),
        (lambda: calibration.leave_one_out([0.1, 0.2, 0.3], [0.1] * 3), "four or more"),
        (lambda: calibration.fit_null(LOG_RR, SE).limits(1.5), "outside 0 to 1"),
    ],
)
def test_what_calibration_refuses(call, says):
    with pytest.raises(MethodError, match=says):
        call()


def test_a_slope_of_the_spread_can_leave_an_interval_open():
    model = calibration.ErrorModel(0.0, 1.0, 0.1, 0.8, 50, 0.0)
    row = calibration.calibrate([0.5], [0.1], model).table.loc[0]
    assert (row["calibrated_lower"], row["calibrated_upper"]) == (0.0, np.inf)
