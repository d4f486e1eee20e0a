"""Propensity models, weights and balance: what they say, and what they refuse."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import propensity
from sundbench.methods.propensity.newton import logistic, probability, standardise


@pytest.fixture(scope="module")
def persons():
    draw = np.random.default_rng(1)
    n = 600
    age, region, smoker = draw.normal(65, 9, n), draw.choice(list("abc"), n), draw.random(n) < 0.3
    linear = -3 + 0.04 * age + 0.5 * (region == "b") - 0.4 * smoker
    return pd.DataFrame(
        {"drug": draw.random(n) < probability(linear), "age": age, "region": region, "smoker": smoker}
    )


COVARIATES = ["age", "region", "smoker"]


def test_terms_and_columns(persons):
    table = propensity.fit(persons, treatment="drug", covariates=COVARIATES).table
    assert table.index.tolist() == ["(intercept)", "age", "region=b", "region=c", "smoker"]
    assert table.columns.tolist() == ["coef", "se", "z", "p_value", "or", "lower", "upper"]
    assert table.loc["age", "coef"] == pytest.approx(0.04, abs=0.03)


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas, dict])
def test_any_frame_gives_the_same(persons, convert):
    one = propensity.fit(persons, treatment="drug", covariates=COVARIATES)
    other = propensity.fit(convert(persons), treatment="drug", covariates=COVARIATES)
    np.testing.assert_array_equal(one.score, other.score)


def test_the_batched_newton_is_the_same_model(persons):
    model = propensity.fit(persons, treatment="drug", covariates=COVARIATES)
    matrix = standardise(propensity.design(persons, COVARIATES).matrix)
    draw = np.random.default_rng(2)
    counts = np.vstack([np.ones(600), draw.multinomial(600, np.full(600, 1 / 600), 3)])
    beta, converged = logistic(matrix, persons["drug"].to_numpy(), counts, np.zeros(5))
    assert converged.all()
    np.testing.assert_allclose(probability(matrix @ beta[0]), model.score, atol=1e-10)
    repeated = persons.loc[np.repeat(persons.index, counts[1].astype(int))]
    again = propensity.fit(repeated, treatment="drug", covariates=COVARIATES).score
    np.testing.assert_allclose(
        np.repeat(probability(matrix @ beta[1]), counts[1].astype(int)), again, atol=1e-10
    )


def test_a_strong_l1_penalty_leaves_only_the_intercept(persons):
    table = propensity.fit(persons, treatment="drug", covariates=COVARIATES, penalty=500).table
    assert (table["coef"].drop("(intercept)") == 0).all()
    assert table["se"].isna().all()
    weak = propensity.fit(persons, treatment="drug", covariates=COVARIATES, penalty=1e-4).table
    plain = propensity.fit(persons, treatment="drug", covariates=COVARIATES).table
    np.testing.assert_allclose(weak["coef"], plain["coef"], atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(drug=True), "nobody is untreated"),
        (lambda d: d.assign(drug=0), "nobody is treated"),
        (lambda d: d.assign(drug="new"), "drug: these are not numbers"),
        (lambda d: d.assign(age=65), "age has the same value for everybody"),
        (lambda d: d.assign(age=d["age"].where(d["age"] > 60)), r"column age: \d+ of 600 values are missing"),
        (lambda d: d.assign(region=np.where(d["drug"], "a", d["region"])), "separates the arms"),
        (lambda d: d.assign(age=d["drug"] * 10 + d["smoker"]), "separate"),
        (lambda d: d.assign(age=(d["region"] == "b") * 3), "follows exactly from the others"),
        (lambda d: d.drop(columns="age"), "no column age"),
        (lambda d: d.iloc[:0], "no rows"),
    ],
)
def test_refuses(persons, change, message):
    with pytest.raises(MethodError, match=message):
        propensity.fit(change(persons), treatment="drug", covariates=COVARIATES)


def test_refuses_the_treatment_as_covariate(persons):
    with pytest.raises(MethodError, match="is the treatment itself"):
        propensity.fit(persons, treatment="drug", covariates=["age", "drug"])


@settings(deadline=None)
@given(st.floats(0.02, 0.98), st.booleans())
def test_weights_by_formula(score, treated):
    scores, arms = [score, 0.5, 0.5], [treated, True, False]
    ate = propensity.weights(scores, arms, stabilise=False)[0]
    att = propensity.weights(scores, arms, estimand="att")[0]
    overlap = propensity.weights(scores, arms, estimand="overlap")[0]
    assert ate == pytest.approx(1 / score if treated else 1 / (1 - score))
    assert att == pytest.approx(1 if treated else score / (1 - score))
    assert overlap == pytest.approx(1 - score if treated else score)


def test_trimming_leaves_people_out():
    weights = propensity.weights([0.02, 0.5, 0.5, 0.99], [1, 1, 0, 0], trim=0.05)
    assert (weights == 0).tolist() == [True, False, False, True]
    assert weights[1] == pytest.approx(1.0)  # half of those who are left are treated
    with pytest.raises(MethodError, match="an arm is empty after trimming"):
        propensity.weights([0.01, 0.5], [1, 0], trim=0.05)


def test_trimming_between_two_scores():
    score, arm = [0.02, 0.3, 0.5, 0.6, 0.99], [1, 1, 0, 0, 1]
    weights = propensity.weights(score, arm, estimand="overlap", trim=(0.1, 0.55))
    assert weights.tolist() == [0, 0.7, 0.5, 0, 0]
    percentiles = tuple(np.quantile(score, [0.25, 0.75]))
    kept = propensity.weights(score, arm, trim=percentiles) > 0
    assert kept.tolist() == [False, True, True, True, False]


# PSweight 2.1's PStrim(optimal = TRUE), its root search to the end:
# i <- 1:400; e <- plogis(((i * 137) %% 401 - 230) / 37); w <- 1 / (e * (1 - e))
# l <- uniroot(Vectorize(function(x) x - 2 * mean(w[w <= x])), range(w), tol = 1e-12)$root
# 1 / 2 - sqrt(1 / 4 - 1 / l)
def test_the_optimal_threshold_is_that_of_psweight():
    i = np.arange(1, 401)
    score = probability((i * 137 % 401 - 230) / 37)
    threshold = propensity.optimal_trim(score)
    assert threshold == pytest.approx(0.0835085460020403, rel=1e-13)
    kept = propensity.weights(score, i % 2, trim="optimal") > 0
    assert kept.tolist() == (np.minimum(score, 1 - score) >= threshold).tolist()
    assert propensity.optimal_trim([0.2, 0.5, 0.7]) == 0


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=40))
def test_no_other_threshold_bounds_the_variance_lower(scores):
    score = np.array(scores)
    cost = 1 / (score * (1 - score))

    def bound(threshold):
        kept = np.minimum(score, 1 - score) >= threshold
        return cost[kept].sum() / kept.sum() ** 2 if kept.any() else np.inf

    found = propensity.optimal_trim(score)
    if found > 0:
        assert bound(found) <= min(bound(one) for one in np.minimum(score, 1 - score)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("score", "keywords", "message"),
    [
        ([0.0, 0.5], {}, "some lie at 0"),
        ([0.4, 0.5], {"trim": "best"}, "trim best is unknown"),
        ([0.4, 0.5], {"trim": (0.6, 0.4)}, "the least and the largest score"),
        ([0.4, 0.5], {"trim": (0.45, 0.6)}, "an arm is empty"),
        ([0.4, 0.5, 0.1], {}, "different lengths"),
        ([0.4, 0.5], {"estimand": "atc"}, "estimand atc is unknown"),
        ([0.4, 0.5], {"trim": 0.6}, "trim 0.6 lies outside"),
    ],
)
def test_weights_refuse(score, keywords, message):
    with pytest.raises(MethodError, match=message):
        propensity.weights(score, [1, 0], **keywords)


def test_overlap_weights_balance_the_means_of_the_model_exactly(persons):
    model = propensity.fit(persons, treatment="drug", covariates=COVARIATES)
    weights = propensity.weights(model.score, persons["drug"], estimand="overlap")
    result = propensity.balance(
        persons, treatment="drug", covariates=COVARIATES, weights=weights, estimand="overlap"
    )
    assert result.largest < 1e-9
    assert result.table["smd_before"].abs().max() > 0.1
    assert result.table["covariate"].tolist() == ["age", "region=a", "region=b", "region=c", "smoker"]


def test_the_denominator_is_never_weighted():
    data = pd.DataFrame({"t": [1, 1, 1, 0, 0, 0], "x": [1.0, 2, 6, 0, 2, 4]})
    result = propensity.balance(data, treatment="t", covariates=["x"], weights=[1, 1, 0, 1, 1, 0]).table.iloc[
        0
    ]
    pooled = np.sqrt((np.var([1, 2, 6], ddof=1) + np.var([0, 2, 4], ddof=1)) / 2)
    assert result["smd_before"] == pytest.approx((3 - 2) / pooled)
    assert result["smd_after"] == pytest.approx((1.5 - 1) / pooled)
    assert result["variance_ratio_before"] == pytest.approx(7 / 4)
    att = propensity.balance(data, treatment="t", covariates=["x"], estimand="att").table.iloc[0]
    assert att["smd_before"] == pytest.approx(1 / np.std([1, 2, 6], ddof=1))
    assert np.isnan(att["smd_after"])


def test_an_arm_in_which_all_are_alike_does_not_hide_its_difference():
    data = pd.DataFrame(
        {"t": [1, 1, 0, 0, 0], "x": [5.0, 5, 1, 1, 1], "y": [1.0, 1, 0, 0, 1], "z": [2.0] * 5}
    )
    rows = propensity.balance(data, treatment="t", covariates=["x", "y", "z"], estimand="att").table
    assert rows["smd_before"][0] == pytest.approx(4 / np.std(data["x"], ddof=1))
    assert rows["smd_before"][1] == pytest.approx((2 / 3) / np.sqrt(0.6 * 0.4))
    assert rows["smd_before"][2] == 0
    alike = pd.DataFrame({"t": np.arange(70) % 7 == 0, "x": 0.1})
    assert propensity.balance(alike, treatment="t", covariates=["x"]).largest < 1e-12
    assert np.isnan(rows["variance_ratio_before"][0])
    with pytest.raises(MethodError, match="estimand atc"):
        propensity.balance(data, treatment="t", covariates=["x"], estimand="atc")


def test_balance_and_sizes_refuse_what_counts_nobody():
    data = pd.DataFrame({"t": [1, 1, 0, 0], "x": [1.0, 2, np.inf, 4]})
    with pytest.raises(MethodError, match="covariate x: some values are infinite"):
        propensity.balance(data, treatment="t", covariates=["x"])
    with pytest.raises(MethodError, match="weights: some are negative"):
        propensity.effective_sample_size([1, -1, 1, 1], data["t"])
