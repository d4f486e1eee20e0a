"""Adjusted restricted means: what they say, and what they refuse."""

import numpy as np
import pandas as pd
import pytest

from sundbench.errors import MethodError
from sundbench.methods import survival


def draw(size=300) -> pd.DataFrame:
    random = np.random.default_rng(2)
    arm, x = random.integers(0, 2, size), random.normal(size=size)
    time = 5 * random.exponential(np.exp(0.4 * arm - 0.3 * x))
    censored = random.uniform(1, 20, size)
    return pd.DataFrame({"t": np.minimum(time, censored), "e": time <= censored, "arm": arm, "x": x})


def fit(data, **keywords):
    return survival.rmst_regression(
        data, time="t", event="e", arm="arm", **{"covariates": ["x"], "tau": 6, **keywords}
    )


@pytest.mark.parametrize("contrast", ["difference", "ratio", "ratio of time lost"])
def test_without_covariates_it_is_the_difference_of_the_curves(contrast):
    data = draw()
    ours = fit(data, covariates=[], contrast=contrast).table.loc["arm"]
    theirs = survival.rmst(data["t"], data["e"], data["arm"], tau=6).table.loc[contrast]
    assert ours.get("ratio", ours["coef"]) == pytest.approx(theirs["estimate"])
    assert [ours["lower"], ours["upper"]] == pytest.approx([theirs["lower"], theirs["upper"]], rel=0.02)


def test_without_censoring_it_is_least_squares():
    data = draw().assign(e=True)
    matrix = np.column_stack((np.ones(len(data)), data["arm"], data["x"]))
    wanted = np.linalg.lstsq(matrix, np.minimum(data["t"], 6), rcond=None)[0]
    np.testing.assert_allclose(fit(data).table["coef"], wanted)


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({"arm": 1}, {}, r"nobody is untreated \(0\)"),
        ({"arm": 2}, {}, "arm: values other than 0 and 1"),
        ({}, {"tau": 100}, "tau 100 is not within the follow-up of arm"),
        ({"x": 1.0}, {}, "covariate x has the same value"),
        ({}, {"contrast": "odds"}, "contrast odds is unknown"),
        ({}, {"covariates": ["x", "double"]}, "one follows exactly from the others"),
    ],
)
def test_refuses(change, keywords, message):
    with pytest.raises(MethodError, match=message):
        fit(draw().assign(double=lambda d: 2 * d["x"], **change), **keywords)
