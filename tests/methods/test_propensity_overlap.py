"""Strata, preference scores, equipoise and E-values."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundbench.errors import MethodError
from sundbench.methods import propensity
from sundbench.methods.propensity.newton import probability


@pytest.fixture(scope="module")
def persons():
    random = np.random.default_rng(1)
    x = random.normal(size=2000)
    return pd.DataFrame({"x": x, "score": probability(x - 1), "t": random.random(2000) < probability(x - 1)})


@pytest.mark.parametrize("base", ["all", "treated", "untreated"])
def test_strata_hold_equal_shares_of_their_base(persons, base):
    found = propensity.stratify(persons["score"], persons["t"], strata=5, base=base)
    counts = {"all": found.table[["treated", "untreated"]].sum(axis=1)}.get(base)
    counts = found.table[base] if counts is None else counts
    assert counts.max() - counts.min() <= 2
    assert found.stratum.min() == 1
    assert found.stratum.max() == 5
    for row in found.table.itertuples():
        own = persons["score"][found.stratum == row.stratum]
        assert row.lower <= own.min() <= own.max() <= row.upper
        assert (row.treated + row.untreated) == len(own)


@pytest.mark.parametrize("estimand", ["ate", "att"])
def test_weights_give_both_arms_the_strata_of_the_target(persons, estimand):
    found = propensity.stratify(persons["score"], persons["t"], strata=10)
    weights = found.weights(estimand)
    target = np.ones(2000) if estimand == "ate" else persons["t"].astype(float)
    wanted = np.bincount(found.stratum, target) / target.sum()
    for arm in (persons["t"], ~persons["t"]):
        np.testing.assert_allclose(np.bincount(found.stratum[arm], weights[arm]) / weights[arm].sum(), wanted)
        assert weights[arm].mean() == pytest.approx(1)
    balance = {"treatment": "t", "covariates": ["x"]}
    after = propensity.balance(persons, **balance, weights=weights)
    assert after.largest < 0.1 < propensity.balance(persons, **balance).largest


def test_a_stratum_without_an_arm_is_told_and_has_no_weight():
    found = propensity.stratify([0.1, 0.1, 0.5, 0.5], [0, 0, 1, 0], strata=2)
    assert found.note.startswith("2 persons")
    assert found.weights().tolist() == [0, 0, 1, 1]
    with pytest.raises(MethodError, match="no stratum has persons in both arms"):
        propensity.stratify([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], strata=2)


def test_scores_of_one_value_make_one_stratum():
    found = propensity.stratify([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1])
    assert found.stratum.tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(found.weights(), 1)


@given(st.floats(0.01, 0.99), st.integers(1, 9))
def test_preference_is_a_half_at_the_share_of_the_treated(score, treated):
    arm = np.arange(10) < treated
    scores = np.full(10, score)
    scores[0] = treated / 10
    preference = propensity.preference_score(scores, arm)
    assert preference[0] == pytest.approx(0.5)
    odds = score / (1 - score) / (treated / (10 - treated))
    assert preference[-1] == pytest.approx(odds / (1 + odds))


def test_equipoise_counts_by_arm():
    found = propensity.equipoise([0.5, 0.9, 0.5, 0.35], [1, 1, 0, 0])
    assert found.table.to_dict("list") == {
        "arm": ["untreated", "treated", "all"],
        "persons": [2, 2, 4],
        "within": [2, 1, 3],
        "share": [1.0, 0.5, 0.75],
    }
    assert found.share == 0.75
    assert found.reached
    assert not propensity.equipoise([0.8, 0.9, 0.5, 0.35], [1, 1, 0, 0]).reached


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: propensity.stratify([0.1, 0.2], [0, 1], strata=1), "strata 1"),
        (lambda: propensity.stratify([0.1, 0.2], [0, 1], base="some"), "base some"),
        (lambda: propensity.stratify([0.1, 0.2], [1, 1]), "nobody is untreated"),
        (lambda: propensity.stratify([0.5, 0.5], [0, 1]).weights("overlap"), "unknown for strata"),
        (lambda: propensity.equipoise([0.1, 0.2], [0, 1], bounds=(0.7, 0.3)), "bounds 0.7 to 0.3"),
        (lambda: propensity.preference_score([0.0, 0.2], [0, 1]), "some lie at 0"),
        (lambda: propensity.e_value(0), "above 0"),
        (lambda: propensity.e_value(2, measure="rd"), "measure rd"),
        (lambda: propensity.e_value(2, measure="or"), "say whether the outcome is rare"),
        (lambda: propensity.e_value(2, lower=2.5), "don't enclose"),
        (lambda: propensity.e_value(float("nan")), "missing or infinite"),
        (lambda: propensity.e_value(2, se=0.1), "se belongs to a difference"),
        (lambda: propensity.e_value(2, measure="difference", lower=1), "give se="),
        (lambda: propensity.e_value(2, measure="difference", sd=0), "sd must be above 0"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(MethodError, match=message):
        call()


# From R's EValue 4: evalues.RR, .OR, .HR, .MD and .OLS.
@pytest.mark.parametrize(
    ("arguments", "estimate", "limit"),
    [
        ({"estimate": 3.9, "lower": 1.8, "upper": 8.7}, 7.26303434416005, 3),
        ({"estimate": 0.8, "lower": 0.71, "upper": 0.91}, 1.80901699437495, 1.42857142857143),
        (
            {"estimate": 0.86, "lower": 0.75, "upper": 0.99, "measure": "or", "rare": False},
            1.36895286109248,
            1.0761939452959,
        ),
        (
            {"estimate": 2.5, "lower": 1.2, "upper": 5, "measure": "or", "rare": True},
            4.43649167310371,
            1.68989794855664,
        ),
        (
            {"estimate": 0.56, "lower": 0.46, "upper": 0.69, "measure": "hr", "rare": False},
            2.34953125732243,
            1.90800394327444,
        ),
        ({"estimate": 1.5, "lower": 0.9, "upper": 2.2, "measure": "hr", "rare": True}, 2.36602540378444, 1),
        ({"estimate": 0.42, "se": 0.14, "measure": "difference"}, 2.29145927659643, 1.54534435497216),
        ({"estimate": 2, "se": 0.5, "sd": 4, "measure": "difference"}, 2.52914198186127, 1.83643622356955),
        ({"estimate": 2, "lower": 1.5, "upper": 3, "null": 1.2}, 2.72075922005613, 1.80901699437495),
        ({"estimate": 1.1, "lower": 1.05, "upper": 1.3, "null": 2}, 3.03785526045443, 2.4486276589384),
    ],
)
def test_e_values_are_those_of_r(arguments, estimate, limit):
    found = propensity.e_value(**arguments)
    assert found.estimate == pytest.approx(estimate, rel=1e-13)
    assert found.limit == pytest.approx(limit, rel=1e-13)


@given(st.floats(0.01, 100))
def test_a_confounder_as_strong_as_the_e_value_just_explains_the_estimate(ratio):
    strength = propensity.e_value(ratio).estimate
    bias = strength**2 / (2 * strength - 1)  # Ding and VanderWeele's bounding factor
    assert bias == pytest.approx(max(ratio, 1 / ratio))
    assert propensity.e_value(1 / ratio).estimate == pytest.approx(strength)


def test_without_limits_there_is_one_row():
    found = propensity.e_value(2)
    assert found.table.index.tolist() == ["estimate"]
    assert np.isnan(found.limit)
