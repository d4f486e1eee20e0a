"""Poisson, negative binomial and conditional logistic regression."""

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import rates

SCRIPT = Path(__file__).parent / "against_r" / "rates.R"
SETS = int(os.environ.get("SUNDBENCH_R_SETS", "12"))
MATCHED = {"outcome": "y", "covariates": ["x1", "x2", "x3"], "strata": "s", "offset": "o"}


def matched(seed: int) -> pd.DataFrame:
    """Sets of sizes from 2 to 60 with several cases."""
    random = np.random.default_rng(seed)
    sets, longest = [(60, 12), (5, 60), (1, 100), (200, 4)][seed % 4]
    s = np.repeat(np.arange(sets), random.integers(max(2, longest // 3), longest + 1, sets))
    x = random.normal(size=(s.size, 3))
    x[:, 1] = random.integers(0, 2, s.size)
    o = 0.3 * random.normal(size=s.size)
    chance = 1 / (1 + np.exp(-(random.normal(size=sets)[s] + x @ [0.5, -0.4, 0.2] + o)))
    data = {"s": s, "y": (random.random(s.size) < chance).astype(int), "o": o}
    return pd.DataFrame(data | {f"x{i + 1}": x[:, i] for i in range(3)})


def counted(seed: int, size: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x, g = random.normal(60, 10, size), random.choice(list("abc"), size)
    years = random.uniform(0.1, 5, size)
    mean = years * np.exp(-3 + 0.03 * x + 0.4 * (g == "b"))
    y = random.poisson(mean * random.gamma(1.5, 1 / 1.5, size))
    return pd.DataFrame({"y": y, "x": x, "g": g, "years": years, "id": random.integers(0, size // 5, size)})


@pytest.fixture(scope="module")
def by_r(tmp_path_factory) -> pd.DataFrame:
    if shutil.which("Rscript") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Rscript is not installed: install r-base-core and r-cran-survival")
        pytest.skip("Rscript is not installed: install r-base-core and r-cran-survival")
    folder = tmp_path_factory.mktemp("r")
    for seed in range(SETS):
        matched(seed).to_csv(folder / f"matched{seed}.csv", index=False, float_format="%.17g")
        counted(seed).to_csv(folder / f"counted{seed}.csv", index=False, float_format="%.17g")
    done = subprocess.run(
        ["Rscript", str(SCRIPT), str(folder), str(SETS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return pd.read_csv(folder / "out.csv").set_index("set")


@pytest.mark.parametrize("seed", range(SETS))
def test_random_data_against_r(by_r, seed):
    theirs = by_r.loc[seed].to_dict()
    fit = rates.conditional_logistic(matched(seed), **MATCHED)
    ours = [*fit.table["coef"], *fit.table["se"], fit.loglik_null, fit.loglik]
    np.testing.assert_allclose(ours, [theirs[f"m{i}"] for i in range(8)], rtol=1e-9, atol=1e-11)
    fit = rates.poisson(counted(seed), events="y", covariates=["x", "g"], person_time="years")
    ours = [*fit.table["coef"], *fit.table["se"], fit.loglik]
    # R's standard errors come from the step before the last.
    np.testing.assert_allclose(ours, [theirs[f"p{i}"] for i in range(9)], rtol=1e-6)
    np.testing.assert_allclose(ours[:4], [theirs[f"p{i}"] for i in range(4)], rtol=1e-10)


@given(st.integers(0, 10_000), st.integers(2, 7))
@settings(max_examples=30, deadline=None)
def test_the_recursion_is_the_sum_over_all_choices_of_cases(seed, size):
    from sundbench.methods.rates.conditional_likelihood import MatchedSets

    random = np.random.default_rng(seed)
    x, offset = random.normal(size=(size, 2)), random.normal(size=size) * 5
    case = np.zeros(size, dtype=bool)
    case[: random.integers(1, size)] = True
    beta = random.normal(size=2) * 3
    ours = MatchedSets(x, case, offset, np.array([0, size])).at(beta)
    choices = [list(c) for c in itertools.combinations(range(size), int(case.sum()))]
    linear = x @ beta + offset
    logs = np.array([linear[c].sum() for c in choices])
    chance = np.exp(logs - np.logaddexp.reduce(logs))
    sums = np.array([x[c].sum(axis=0) for c in choices])
    mean = chance @ sums
    spread = (chance[:, None] * (sums - mean)).T @ (sums - mean)
    assert ours.loglik == pytest.approx(linear[case].sum() - np.logaddexp.reduce(logs), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(ours.gradient, x[case].sum(axis=0) - mean, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(ours.information, spread, rtol=1e-7, atol=1e-8)


def test_pairs_are_a_logistic_regression_of_differences_without_intercept():
    from statsmodels.discrete.discrete_model import Logit

    random = np.random.default_rng(3)
    x = random.normal(size=(200, 2))
    y = np.tile([1, 0], 100)
    x[y == 1] += 0.3
    data = {"a": x[:, 0], "b": x[:, 1], "y": y, "pair": np.repeat(np.arange(100), 2)}
    ours = rates.conditional_logistic(data, outcome="y", covariates=["a", "b"], strata="pair").table
    theirs = Logit(np.ones(100), x[::2] - x[1::2]).fit(disp=0, method="newton", tol=1e-14)
    np.testing.assert_allclose(ours["coef"], theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours["se"], theirs.bse, rtol=1e-9)


def test_cases_and_controls_can_change_places():
    data = matched(0)
    fit, turned = (
        rates.conditional_logistic(d, **(MATCHED | {"offset": None}))
        for d in (data, data.assign(y=1 - data["y"]))
    )
    np.testing.assert_allclose(turned.coef, -fit.coef, rtol=1e-9)
    np.testing.assert_allclose(turned.table["se"], fit.table["se"], rtol=1e-9)


def test_a_set_of_many_does_not_overflow():
    random = np.random.default_rng(0)
    x = random.normal(size=1500)
    y = (random.random(1500) < 1 / (1 + np.exp(-x))).astype(int)
    fit = rates.conditional_logistic(
        {"x": x, "y": y, "s": np.zeros(1500)}, outcome="y", covariates=["x"], strata="s"
    )
    plain = rates.conditional_logistic(
        {"x": x, "y": y, "s": np.arange(1500) % 30}, outcome="y", covariates=["x"], strata="s"
    )
    assert np.isfinite(fit.loglik)
    assert fit.coef["x"] == pytest.approx(1, abs=0.15)
    assert plain.coef["x"] == pytest.approx(fit.coef["x"], abs=0.1)


def test_sets_that_say_nothing_are_counted_and_left_out():
    data = pd.concat([matched(1), pd.DataFrame({"s": [900, 900], "y": [0, 0]})], ignore_index=True).fillna(1)
    fit = rates.conditional_logistic(data, **MATCHED)
    assert fit.left_out == 1
    np.testing.assert_allclose(fit.coef, rates.conditional_logistic(matched(1), **MATCHED).coef, rtol=1e-10)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"x": [1, 2, 3, 4], "y": [0, 0, 0, 0], "s": [0, 0, 1, 1]}, "no set has both"),
        ({"x": [1, 1, 1, 1], "y": [0, 1, 0, 1], "s": [0, 0, 1, 1]}, "same value for everybody"),
        ({"x": [1, 1, 2, 2], "y": [0, 1, 0, 1], "s": [0, 0, 1, 1]}, "within sets they don't vary"),
        ({"x": [1, 2, 3, 4], "y": [0, 1, 0, 1], "s": [0, 0, 1, 1]}, "infinite"),
        ({"x": [1, 2, 3, np.nan], "y": [0, 1, 0, 1], "s": [0, 0, 1, 1]}, "missing"),
        ({"x": [1, 2, 3, 4], "y": [0, 2, 0, 1], "s": [0, 0, 1, 1]}, "values other than 0 and 1"),
    ],
)
def test_sets_that_determine_nothing_are_refused(data, says):
    with pytest.raises(MethodError, match=says):
        rates.conditional_logistic(data, outcome="y", covariates=["x"], strata="s")


def test_robust_and_clustered_variance():
    data = counted(7)
    call = {"events": "y", "covariates": ["x", "g"], "person_time": "years"}
    plain, robust = rates.poisson(data, **call), rates.poisson(data, robust=True, **call)
    own = rates.poisson(data.assign(id=range(len(data))), cluster="id", **call)
    assert plain.pearson > 1.2
    assert (robust.table["se"] > plain.table["se"]).all()
    np.testing.assert_allclose(own.table["se"], robust.table["se"], rtol=1e-10)


def test_negative_binomial_has_the_figures_of_glm_nb():
    # R 4.2.2, MASS 7.3-58.2: glm.nb(days ~ age + offset(log(t))) on these rows.
    data = {
        "days": [2, 11, 14, 5, 5, 13, 20, 22, 6, 6, 15, 7],
        "age": [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3],
        "t": [1, 2, 1, 1, 2, 1, 2, 2, 1, 1, 1, 2],
    }
    fit = rates.negative_binomial(data, events="days", covariates=["age"], person_time="t")
    figures = [*fit.table["coef"], *fit.table["se"], *fit.dispersion, fit.loglik]
    wanted = [1.66507488536, 0.226492774672, 0.27824192569, 0.141209737987, 0.194565594176, 0.119747060431]
    # glm.nb's standard error of the dispersion comes from the step before the last.
    np.testing.assert_allclose(figures, [*wanted, -36.514917751], rtol=2e-5)
    np.testing.assert_allclose(figures[:5], wanted[:5], rtol=1e-9)


def test_counts_without_overdispersion_have_no_negative_binomial():
    data = {"y": [2, 2, 2, 3, 3, 3], "x": [0, 1, 2, 0, 1, 2]}
    with pytest.raises(MethodError, match=r"use rates\.poisson"):
        rates.negative_binomial(data, events="y", covariates=["x"])


def test_a_level_without_events_is_told_and_takes_nothing_from_the_others():
    cells = pd.DataFrame(
        {"age": list("aabbcc"), "drug": [0, 1] * 3, "d": [3, 9, 0, 0, 5, 8], "y": [100.0, 90, 50, 60, 80, 70]}
    )
    call = {"events": "d", "covariates": ["age", "drug"], "person_time": "y"}
    fit, without = rates.poisson(cells, **call), rates.poisson(cells[cells["age"] != "b"], **call)
    assert fit.infinite == {"age=b": "infinite: no events at some of its values"}
    assert fit.table.loc["age=b", ["coef", "rr"]].tolist() == [-np.inf, 0]
    assert fit.table.loc["age=b", ["se", "lower", "upper"]].isna().all()
    others = ["(intercept)", "age=c", "drug"]
    pd.testing.assert_frame_equal(fit.table.loc[others], without.table.loc[others], rtol=1e-8)


def test_two_empty_levels_are_not_compared():
    cells = {"age": list("abcd"), "d": [0, 0, 5, 8], "y": [100.0, 90, 50, 60]}
    fit = rates.poisson(cells, events="d", covariates=["age"], person_time="y")
    assert fit.infinite["age=b"].startswith("not determined")
    assert fit.table.loc["age=c", "coef"] == np.inf


def test_an_intercept_far_from_the_data_keeps_its_digits():
    data = counted(2)
    year = 2000 + data["x"] / 10
    call = {"events": "y", "person_time": "years", "covariates": ["year"]}
    far, near = (rates.poisson(data.assign(year=v), **call) for v in (year, year - 2000))
    np.testing.assert_allclose(far.table.loc["year"], near.table.loc["year"], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y": 0}, "no events"),
        ({"years": 0.0}, "no time"),
        ({"x": 1.0}, "same value for everybody"),
        ({"y": -1}, "negative"),
        ({"y": 0.5}, "not whole"),
    ],
)
def test_what_poisson_refuses(change, says):
    with pytest.raises(MethodError, match=says):
        rates.poisson(counted(1).assign(**change), events="y", covariates=["x", "g"], person_time="years")


def test_a_robust_variance_of_rows_that_are_fitted_exactly_is_refused():
    data = {"y": [1, 4, 2], "g": list("abc")}
    with pytest.raises(MethodError, match="fits some term's rows"):
        rates.poisson(data, events="y", covariates=["g"], robust=True)
