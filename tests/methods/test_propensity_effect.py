"""Weighted, doubly robust and standardised effects: their variance, coverage, and what they refuse."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from statsmodels.tools.numdiff import approx_fprime

from sundbench.errors import MethodError
from sundbench.methods import propensity
from sundbench.methods.propensity.newton import probability

WHAT = {"outcome": "y", "treatment": "t", "covariates": ["x1", "x2"]}


def draw(seed, size=400, *, binary=False):
    random = np.random.default_rng(seed)
    x1, x2 = random.normal(size=size), (random.random(size) < 0.4).astype(float)
    t = (random.random(size) < probability(-0.4 + 0.7 * x1 - 0.5 * x2)).astype(int)
    linear = -0.5 + 0.5 * t + 0.6 * x1 + 0.4 * x2
    y = (
        (random.random(size) < probability(linear)).astype(int)
        if binary
        else linear + random.normal(size=size)
    )
    return pd.DataFrame({"t": t, "x1": x1, "x2": x2, "y": y})


def stacked(data, estimand, *, binary):
    """The doubly robust difference and its variance from estimating equations, differentiated in steps."""
    z, y = data["t"].to_numpy(), data["y"].to_numpy()
    x = np.column_stack((np.ones(len(z)), data["x1"], data["x2"]))
    mean = probability if binary else np.asarray
    tilt = {
        "ate": np.ones_like,
        "att": lambda e: e,
        "overlap": lambda e: e * (1 - e),
    }[estimand]

    def equations(theta):
        e, m0, m1 = probability(x @ theta[6:9]), mean(x @ theta[9:12]), mean(x @ theta[12:])
        h = tilt(e)
        w0, w1 = (1 - z) * h / (1 - e), z * h / e
        parts = [w0 * (y - theta[0]), h * (m0 - theta[1]), w0 * (m0 - theta[2])]
        parts += [w1 * (y - theta[3]), h * (m1 - theta[4]), w1 * (m1 - theta[5])]
        rest = (x.T * (z - e), x.T * ((1 - z) * (y - m0)), x.T * (z * (y - m1)))
        return np.vstack((*parts, *rest))

    theta = np.zeros(15)
    for _ in range(60):
        jacobian = approx_fprime(theta, lambda at: equations(at).mean(axis=1), centered=True)
        step = np.linalg.solve(jacobian, equations(theta).mean(axis=1))
        theta = theta - step
        if np.abs(step).max() < 1e-12:
            break
    bread = np.linalg.inv(approx_fprime(theta, lambda at: equations(at).mean(axis=1), centered=True))
    score = equations(theta)
    contrast = np.array([-1, -1, 1, 1, 1, -1, *([0] * 9)])
    covariance = bread @ (score @ score.T / len(z)) @ bread.T / len(z)
    return contrast @ theta, np.sqrt(contrast @ covariance @ contrast)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("estimand", ["ate", "att", "overlap"])
def test_the_stacked_equations(estimand, binary):
    data = draw(3, binary=binary)
    found = propensity.effect(data, **WHAT, estimand=estimand, augmented=True)
    difference, se = stacked(data, estimand, binary=binary)
    assert found.difference == pytest.approx(difference, abs=1e-9)
    assert found.se == pytest.approx(se, rel=1e-6)


def test_any_frame_gives_the_same_and_the_table_reads_well():
    data = draw(4, binary=True)
    one = propensity.effect(data, **WHAT, estimand="ate")
    pd.testing.assert_frame_equal(
        one.table, propensity.effect(pl.from_pandas(data), **WHAT, estimand="ate").table
    )
    assert one.table.index.tolist() == ["untreated", "treated", "difference"]
    assert one.table.columns.tolist() == ["coef", "se", "z", "p_value", "lower", "upper"]
    risks = one.table["coef"]
    assert one.ratios.loc["risk ratio", "ratio"] == pytest.approx(risks["treated"] / risks["untreated"])
    odds = risks / (1 - risks)
    assert one.ratios.loc["odds ratio", "ratio"] == pytest.approx(odds["treated"] / odds["untreated"])
    assert propensity.effect(draw(4), **WHAT, estimand="ate").ratios is None


def test_weighted_means_are_those_of_the_weights():
    data = draw(5)
    score = propensity.fit(data, treatment="t", covariates=["x1", "x2"]).score
    for estimand in ("ate", "att", "overlap"):
        w = propensity.weights(score, data["t"], estimand=estimand)
        found = propensity.effect(data, **WHAT, estimand=estimand).table["coef"]
        for name, arm in (("untreated", data["t"] == 0), ("treated", data["t"] == 1)):
            assert found[name] == pytest.approx(np.average(data["y"][arm], weights=w[arm]))


def test_without_interactions_standardising_gives_the_coefficient_of_treatment():
    from statsmodels.regression.linear_model import OLS

    data = draw(6)
    fitted = OLS(data["y"], np.column_stack((np.ones(400), data[["t", "x1", "x2"]]))).fit(cov_type="HC0")
    found = propensity.standardised_effect(data, **WHAT, interactions=[])
    assert found.difference == pytest.approx(fitted.params["x1"])
    assert found.se == pytest.approx(fitted.bse["x1"], rel=1e-9)


ESTIMATORS = {
    "weighted": lambda data: propensity.effect(data, **WHAT, estimand="ate"),
    "treated": lambda data: propensity.effect(data, **WHAT, estimand="att"),
    "overlap": lambda data: propensity.effect(data, **WHAT, estimand="overlap", augmented=True),
    "doubly robust": lambda data: propensity.effect(data, **WHAT, estimand="ate", augmented=True),
    "standardised": lambda data: propensity.standardised_effect(data, **WHAT),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_intervals_cover_the_truth(name):
    # The effect is 0.5 in everybody, and so in every target population.
    found = [ESTIMATORS[name](draw(1000 + seed, 300)) for seed in range(50)]
    estimates, errors = np.array([(one.difference, one.se) for one in found]).T
    covered = np.mean(np.abs(estimates - 0.5) < 1.96 * errors)
    assert covered >= 0.86  # 0.95 has a standard error of 0.03 over 50 draws
    assert errors.mean() == pytest.approx(estimates.std(ddof=1), rel=0.25)


def test_known_weights_are_too_wide():
    data = draw(7, 2000)
    known = propensity.effect(data, **WHAT, estimand="ate", variance="known").se
    assert propensity.effect(data, **WHAT, estimand="ate").se < 0.95 * known


def test_doubly_robust_is_right_when_one_model_is_wrong():
    data = draw(8, 20_000)
    data["y"] += data["x1"] ** 2  # the outcome model on x1 alone is wrong, the propensity model right
    naive = data["y"][data["t"] == 1].mean() - data["y"][data["t"] == 0].mean()
    assert propensity.effect(data, **WHAT, estimand="ate", augmented=True).difference == pytest.approx(
        0.5, abs=0.08
    )
    assert abs(naive - 0.5) > 0.2


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda d: d.assign(y=0), {}, "y is 0 for everybody"),
        (lambda d: d.assign(t=1), {}, "nobody is untreated"),
        (lambda d: d.assign(x1=3), {}, "x1 has the same value"),
        (lambda d: d.assign(y=d["y"].where(d["y"] < 1)), {}, r"column y: \d+ of 400 values are missing"),
        (lambda d: d.assign(x2=d["t"]), {}, "separate"),
        (lambda d: d.assign(t=(d.index == 0) * 1), {}, "one person is treated"),
        (lambda d: d, {"estimand": "atc"}, "estimand atc"),
        (lambda d: d, {"variance": "robust"}, "variance robust"),
        (lambda d: d, {"conf_level": 95}, "conf_level 95"),
        (lambda d: d, {"interactions": ["x1"]}, "give augmented=True"),
        (lambda d: d, {"augmented": True, "interactions": ["x3"]}, "x3 is not among the covariates"),
        (lambda d: d, {"covariates": ["x1", "y"]}, "y is the outcome or the treatment"),
        (
            lambda d: d.assign(y=d["t"] * (d["x1"] > 0)),
            {"augmented": True},
            "all untreated have the outcome 0",
        ),
        (lambda d: d.assign(y=(d["x1"] > 0) * 1), {"augmented": True}, "separate those with the outcome"),
        (lambda d: d.assign(x2=(d["t"] & (d.index % 3 == 0)) * 1), {}, "x2 separates the arms"),
    ],
)
def test_refuses(change, options, message):
    with pytest.raises(MethodError, match=message):
        propensity.effect(change(draw(9)), **{**WHAT, "estimand": "ate", **options})


def test_an_arm_without_events_is_said():
    data = draw(10, binary=True)
    found = propensity.effect(data.assign(y=data["y"] * data["t"]), **WHAT, estimand="ate")
    assert found.table.loc["untreated", "coef"] == 0
    assert found.ratios["ratio"].isna().all()
    assert "all untreated have the outcome 0" in found.note


def test_standardising_has_no_overlap():
    with pytest.raises(MethodError, match="use ate or att"):
        propensity.standardised_effect(draw(11), **WHAT, estimand="overlap")
