"""L1-penalised propensity models on sparse covariates: against glmnet and scikit-learn, and by their laws."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_matrix, csr_array
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from sundbench.cohort.high_dimensional import prioritise
from sundbench.errors import MethodError
from sundbench.methods import propensity
from sundbench.methods.propensity.lasso import Lasso
from sundbench.methods.propensity.sparse import compressed

I = np.arange(1, 241)  # noqa: E741 - as in the R call
X = np.column_stack(
    [I % 2, I % 3 == 0, I % 5 == 0, (I * I) % 7, (I // 4) % 2, (I * 7) % 11 > 7],
).astype(float)
ARM = 30 + 12 * X[:, 1] + 3 * X[:, 3] - 9 * X[:, 4] > (I * 37) % 101
NAMES = list("abcdef")


# glmnet 4.1: glmnet(X, y, family = "binomial", lambda = c(12, 9, 6, 4.5, 3) / 240, thresh = 1e-22,
#                    standardize = TRUE or FALSE), coef(fit, s = 3 / 240)
@pytest.mark.parametrize(
    ("standardise", "coef"),
    [
        (
            True,
            [
                -0.57083227362009303,
                0,
                0.39568694425509038,
                0,
                0.04819409575517247,
                -0.32639551075270906,
                -0.47244698772025068,
            ],
        ),
        (
            False,
            [
                -0.64251291170582137,
                0,
                0.25710035849850371,
                0,
                0.05977883075112661,
                -0.21373884762661410,
                -0.30118031870078416,
            ],
        ),
    ],
)
def test_coefficients_are_those_of_glmnet(standardise, coef):
    model = propensity.fit(csr_array(X), treatment=ARM, covariates=NAMES, penalty=3, standardise=standardise)
    assert model.table.index.tolist() == ["(intercept)", *NAMES]
    np.testing.assert_allclose(model.table["coef"], coef, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        model.score, expit(model.table["coef"].iloc[0] + X @ model.table["coef"].iloc[1:])
    )
    assert model.penalty == 3


# cv.glmnet(X, y, family = "binomial", lambda = c(12, 9, 6, 4.5, 3) / 240, thresh = 1e-20,
#           foldid = ((1:240 - 1) %/% 3) %% 10 + 1)$cvm
def test_deviance_of_persons_held_out_is_that_of_glmnet():
    fold = ((I - 1) // 3) % 10
    models = [Lasso(compressed(csr_array(X)), ARM, counted=fold != k, standardise=True) for k in range(10)]
    theirs = [1.35055087913609, 1.37802207527985, 1.42080264740991, 1.45253112506011, 1.48826045054351]
    for penalty, expected in zip((12, 9, 6, 4.5, 3), theirs, strict=True):
        deviance = 0.0
        for k, model in enumerate(models):
            linear = model.linear(model.at(penalty * 0.9))[fold == k]
            deviance += 2 * (np.logaddexp(0, linear) - ARM[fold == k] * linear).sum()
        assert deviance / 240 == pytest.approx(expected, rel=1e-11)


def test_coefficients_are_those_of_scikit_learn():
    draw = np.random.default_rng(2)
    matrix = (draw.random((800, 30)) < draw.uniform(0.02, 0.4, 30)).astype(float)
    matrix[:, 0] = draw.normal(65, 9, 800)
    arm = draw.random(800) < expit(-4 + 0.05 * matrix[:, 0] + matrix[:, 1:5].sum(axis=1))
    scale = matrix.std(axis=0)
    theirs = LogisticRegression(l1_ratio=1.0, C=1 / 8, solver="saga", tol=1e-12, max_iter=50_000)
    theirs.fit((matrix - matrix.mean(axis=0)) / scale, arm)
    ours = propensity.fit(csr_array(matrix), treatment=arm, penalty=8).table["coef"]
    np.testing.assert_allclose(ours.iloc[1:], theirs.coef_[0] / scale, rtol=0, atol=1e-9)
    assert 0 < (ours == 0).sum() < 30


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(12, 80),
    st.integers(1, 12),
    st.floats(0.02, 0.9),
    st.booleans(),
    st.booleans(),
)
def test_the_gradient_equals_the_penalty_or_lies_below_it(seed, persons, width, share, standardise, real):
    draw = np.random.default_rng(seed)
    matrix = (draw.random((persons, width)) < draw.random(width)).astype(float)
    if real:
        matrix *= draw.normal(3, 1, matrix.shape)
    arm = np.zeros(persons, bool)
    arm[: persons // 3] = True
    scale = matrix.std(axis=0) if standardise else (np.ptp(matrix, axis=0) > 0).astype(float)
    null = np.abs(matrix.T @ (arm - arm.mean()))
    largest = np.divide(null, scale, out=np.zeros(width), where=scale > 0).max()
    penalty = share * largest if largest > 1e-9 else 1.0
    model = propensity.fit(csr_array(matrix), treatment=arm, penalty=penalty, standardise=standardise)
    coef = model.table["coef"].to_numpy()[1:]
    gradient = matrix.T @ (arm - model.score)
    near = 1e-8 * max(largest, 1)
    assert (arm - model.score).sum() == pytest.approx(0, abs=near)
    active = coef != 0
    np.testing.assert_allclose(gradient[active], (np.sign(coef) * penalty * scale)[active], atol=near)
    assert (np.abs(gradient[~active & (scale > 0)]) <= (penalty * scale)[~active & (scale > 0)] + near).all()
    assert not active[scale == 0].any()


def test_at_the_largest_penalty_only_the_intercept_is_left():
    largest = np.abs((X - X.mean(axis=0)).T @ (ARM - ARM.mean()) / X.std(axis=0)).max()
    for factor, left in ((1.0001, 0), (0.9999, 1)):
        model = propensity.fit(csr_array(X), treatment=ARM, penalty=factor * largest)
        assert (model.table["coef"].iloc[1:] != 0).sum() == left
    assert model.score.mean() == pytest.approx(ARM.mean())


def test_the_way_in_which_covariates_come_does_not_matter():
    one = propensity.fit(csr_array(X), treatment=ARM, covariates=NAMES, penalty=3)
    data = pd.DataFrame(X, columns=NAMES).assign(new=ARM)
    framed = propensity.fit(data, treatment="new", covariates=NAMES, penalty=3)
    for other in (
        framed,
        propensity.fit(csc_matrix(X), treatment=ARM.astype(int), covariates=NAMES, penalty=3),
        propensity.fit(coo_array(X.astype(int)), treatment=ARM.tolist(), covariates=NAMES, penalty=3),
    ):
        np.testing.assert_array_equal(one.score, other.score)
        pd.testing.assert_frame_equal(one.table, other.table)
    # What stands twice in one place is added.
    twice = coo_array((np.tile(csr_array(X).tocoo().data / 2, 2), np.tile(csr_array(X).nonzero(), 2)))
    summed = propensity.fit(twice, treatment=ARM, covariates=NAMES, penalty=3)
    np.testing.assert_allclose(summed.score, one.score)


def test_high_dimensional_covariates_feed_straight_in():
    binary = csr_array(X[:, [0, 1, 2, 4, 5]].astype(np.int32))
    found = prioritise(binary, ARM, I % 4 == 0, k=4)
    model = propensity.fit(found, treatment=ARM, penalty=2)
    assert model.table.index.tolist() == ["(intercept)", *found.names]
    some = propensity.fit(found, treatment=ARM, covariates=found.names[2:0:-1], penalty=2)
    bare = propensity.fit(found.matrix[:, [2, 1]], treatment=ARM, penalty=2)
    np.testing.assert_array_equal(some.score, bare.score)
    with pytest.raises(MethodError, match="no column age"):
        propensity.fit(found, treatment=ARM, covariates=["age"], penalty=2)


def test_balance_of_a_matrix_is_that_of_a_frame():
    real = X * [1, 1, 1, 0.7, 1, 1]
    data = pd.DataFrame(real, columns=NAMES).assign(new=ARM)
    weights = 1 + I % 4
    score = propensity.fit(csr_array(real), treatment=ARM, penalty=3).score
    pairs = propensity.match(score, ARM, ratio=2)
    for options in ({}, {"weights": weights, "estimand": "att"}, {"pairs": pairs}):
        framed = propensity.balance(data, treatment="new", covariates=NAMES, **options)
        sparse = propensity.balance(csr_array(real), treatment=ARM, covariates=NAMES, **options)
        pd.testing.assert_frame_equal(framed.table, sparse.table, rtol=1e-12)
        assert sparse.table["variance_ratio_before"].notna().tolist() == [name == "d" for name in NAMES]
    with pytest.raises(MethodError, match="3 values for 240 rows"):
        propensity.balance(csr_array(real), treatment=[0, 1, 1])


@pytest.fixture(scope="module")
def drawn():
    draw = np.random.default_rng(4)
    matrix = csr_array((draw.random((1500, 40)) < 0.1).astype(np.int8))
    return matrix, draw.random(1500) < expit(matrix[:, [0, 1, 2]].sum(axis=1) - 0.8)


def test_the_penalty_is_chosen_by_cross_validation(drawn):
    matrix, arm = drawn
    model = propensity.fit(matrix, treatment=arm)
    tried = model.validation
    assert tried.columns.tolist() == ["penalty", "deviance", "se", "terms"]
    assert model.penalty == tried["penalty"][tried["deviance"].idxmin()]
    assert tried["deviance"].idxmin() == len(tried) - 6  # five more, all worse
    assert (model.table["coef"].iloc[1:4] > 0.5).all()
    null = 2 * -(arm.mean() * np.log(arm.mean()) + (1 - arm.mean()) * np.log(1 - arm.mean()))
    assert tried["deviance"].min() < null - 0.04
    again = propensity.fit(matrix, treatment=arm, penalty="cv")
    pd.testing.assert_frame_equal(model.table, again.table)
    alone = propensity.fit(matrix, treatment=arm, penalty=model.penalty)
    pd.testing.assert_frame_equal(model.table, alone.table)
    assert alone.validation is None


def test_columns_that_say_nothing_are_told():
    matrix = csr_array(np.column_stack([X, np.zeros(240), np.ones(240)]))
    model = propensity.fit(matrix, treatment=ARM, penalty=3)
    assert model.note == "2 of 8 covariates are the same for everybody: coefficient 0"
    without = propensity.fit(csr_array(X), treatment=ARM, penalty=3)
    np.testing.assert_array_equal(model.score, without.score)
    assert without.note == ""


def test_equal_columns_share_one_coefficient():
    model = propensity.fit(csr_array(X[:, [1, 4, 1]]), treatment=ARM, penalty=3)
    alone = propensity.fit(csr_array(X[:, [1, 4]]), treatment=ARM, penalty=3)
    assert model.table["coef"].iloc[[1, 3]].sum() == pytest.approx(alone.table["coef"].iloc[1], abs=1e-10)
    np.testing.assert_allclose(model.score, alone.score, atol=1e-10)


def test_separated_arms_have_finite_coefficients_and_a_note():
    matrix = csr_array(np.column_stack([ARM, X[:, 0]]))
    model = propensity.fit(matrix, treatment=ARM, penalty=0.1)
    assert np.isfinite(model.table["coef"]).all()
    assert model.c_statistic == 1
    assert "separate the arms" in model.note


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treatment": np.ones(240)}, "nobody is untreated"),
        ({"treatment": ARM[:-1]}, "239 values for 240 rows"),
        ({"treatment": "new"}, "a matrix holds covariates alone"),
        ({"treatment": np.where(ARM, np.nan, 0)}, "values are missing"),
        ({"covariates": ["a", "b"]}, "2 names for 6 columns"),
        ({"covariates": ["a", "a", *"cdef"]}, "a is named twice"),
        ({"data": csr_array(np.where(X == 4, np.nan, X))}, "values are missing or infinite"),
        ({"data": csr_array((240, 0)), "covariates": None}, "240 rows and no columns"),
        ({"data": csr_array(X.astype(complex))}, "no real numbers"),
        ({"penalty": 0}, "penalty 0 is no number above 0"),
        ({"penalty": "best"}, "penalty best is no number above 0"),
        ({"data": csr_array(np.ones((240, 2))), "covariates": None, "penalty": "cv"}, "no covariate differs"),
        ({"treatment": I < 8, "penalty": None}, "an arm has 7 persons"),
        ({"data": pd.DataFrame(X, columns=NAMES)}, "name treatment= and covariates="),
    ],
)
def test_refuses(change, message):
    options = {"data": csr_array(X), "treatment": ARM, "covariates": NAMES, "penalty": 3, **change}
    with pytest.raises(MethodError, match=message):
        propensity.fit(options.pop("data"), **options)
