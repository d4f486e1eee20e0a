"""Proportional ratios, odds ratios, the information component, and the empirical Bayes geometric mean."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma, nbinom

from sundbench.errors import MethodError
from sundbench.methods import signals

REPORTS = pd.DataFrame(
    {
        "id": [1, 1, 2, 3, 4, 4, 5, 6, 7, 8],
        "drug": ["a", "b", "a", "a", "b", "b", "b", "c", "c", "a"],
        "event": ["x", "x", "x", "y", "x", "y", "y", "x", "y", "x"],
        "season": ["summer", "winter"] * 5,  # report 1 has two
    }
)
CALL = {"report": "id", "drug": "drug", "event": "event"}


def random_counts(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    expected = random.gamma(0.7, 2, 800) + 0.01
    ratio = np.where(random.random(800) < 0.1, random.gamma(3, 2, 800), random.gamma(2, 0.5, 800))
    return {"count": random.poisson(expected * ratio), "expected": expected}


def test_reports_are_counted_once_however_often_they_say_it():
    once = signals.disproportionality(REPORTS, **CALL).table
    twice = signals.disproportionality(pd.concat([REPORTS, REPORTS]), **CALL).table
    pd.testing.assert_frame_equal(once, twice)
    row = once.set_index(["drug", "event"]).loc[("a", "x")]
    # Of 4 reports with a, 3 hold x; of the 4 others 2 (reports 4 and 6).
    assert (row["count"], row["expected"], row["estimate"]) == (3, 2, 1.5)


@pytest.mark.parametrize("method", ["prr", "ror", "ic"])
def test_reports_in_one_stratum_are_as_without(method):
    plain = signals.disproportionality(REPORTS, **CALL, method=method).table
    one = signals.disproportionality(pl.from_pandas(REPORTS.assign(s=1)), **CALL, method=method, strata="s")
    pd.testing.assert_frame_equal(plain, one.table)


def test_strata_give_the_pooled_odds_ratio_of_statsmodels():
    from statsmodels.stats.contingency_tables import StratifiedTable

    random = np.random.default_rng(2)
    sex = random.integers(0, 3, 3000)
    drug = np.where(random.random(3000) < 0.2 + 0.2 * sex, "a", "b")
    event = np.where(random.random(3000) < 0.1 + 0.1 * sex + 0.1 * (drug == "a"), "x", "y")
    data = {"id": np.arange(3000), "drug": drug, "event": event, "sex": sex}
    ours = signals.disproportionality(data, **CALL, method="ror", strata=["sex"]).table
    tables = [
        pd.crosstab(drug[sex == s] != "a", event[sex == s] != "x").to_numpy(dtype=float) for s in range(3)
    ]
    theirs = StratifiedTable(tables)
    row = ours.set_index(["drug", "event"]).loc[("a", "x")]
    wanted = [theirs.oddsratio_pooled, *theirs.oddsratio_pooled_confint()]
    assert row[["estimate", "lower", "upper"]].tolist() == pytest.approx(wanted, rel=1e-9)
    ratio = signals.disproportionality(data, **CALL, method="prr", strata=["sex"]).table
    row = ratio.set_index(["drug", "event"]).loc[("a", "x")]
    assert row["estimate"] == pytest.approx(theirs.riskratio_pooled, rel=1e-9)
    assert row["lower"] < row["estimate"] < row["upper"]


def test_a_pair_that_only_this_drug_has_is_infinite_without_limits():
    counts = {"d": ["a"], "e": ["x"], "n": [3], "n1": [10], "m1": [3]}
    call = {"drug": "d", "event": "e", "count": "n", "total": 100, "drug_total": "n1", "event_total": "m1"}
    for method in ("prr", "ror"):
        row = signals.disproportionality(counts, **call, method=method).table.loc[0]
        assert row["estimate"] == np.inf
        assert row[["lower", "upper"]].isna().all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": [4]}, "don't fit their marginals"),
        ({"n1": [200]}, "don't fit their marginals"),
        ({"n": [-1]}, "negative"),
        ({"n": [0.5]}, "not whole"),
        ({"d": [None]}, "missing"),
        ({"d": ["a", "a"], "e": ["x", "x"], "n": [1, 1], "n1": [5, 5], "m1": [3, 3]}, "more than once"),
        ({"d": ["a", "a"], "e": ["x", "y"], "n": [1, 1], "n1": [5, 6], "m1": [3, 3]}, "rows of one d differ"),
    ],
)
def test_counts_that_contradict_themselves_are_refused(change, says):
    counts = {"d": ["a"], "e": ["x"], "n": [2], "n1": [10], "m1": [3]} | change
    with pytest.raises(MethodError, match=says):
        signals.disproportionality(
            counts, drug="d", event="e", count="n", total=100, drug_total="n1", event_total="m1"
        )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"method": "mgps"}, "unknown"),
        ({"report": None}, "marginals can't be had by adding pairs"),
        ({"count": "event"}, "not both"),
        ({"strata": "season"}, "more than one stratum"),
        ({"method": "prr", "prior": signals.Prior(1, 1, 1, 1, 0.5)}, "has none"),
        ({"method": "ebgm"}, "don't determine a prior"),
        ({"conf_level": 95}, "outside 0 to 1"),
    ],
)
def test_what_is_refused(call, says):
    with pytest.raises(MethodError, match=says):
        signals.disproportionality(REPORTS, **(CALL | call))


@pytest.mark.parametrize("conditional", [True, False])
def test_the_prior_has_the_highest_likelihood(conditional):
    data = random_counts(1)
    kept = data["count"] > 0 if conditional else np.ones(800, dtype=bool)
    n, e = data["count"][kept], data["expected"][kept]
    prior = signals.fit_prior(n, e)
    assert prior.conditional == conditional

    def loglik(a1, b1, a2, b2, share):
        parts = []
        for a, b in ((a1, b1), (a2, b2)):
            p = nbinom.pmf(n, a, b / (b + e))
            parts.append(p / nbinom.sf(0, a, b / (b + e)) if conditional else p)
        return np.log(share * parts[0] + (1 - share) * parts[1]).sum()

    best = [prior.alpha1, prior.beta1, prior.alpha2, prior.beta2, prior.share]
    assert loglik(*best) == pytest.approx(prior.loglik, rel=1e-12)
    random = np.random.default_rng(0)
    for size in (1e-3, 0.03, 0.3):
        for _ in range(20):
            near = np.array(best) * np.exp(size * random.normal(size=5))
            near[4] = min(near[4], 0.999)
            assert loglik(*near) <= prior.loglik + 1e-9


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.05, 0.5, 0.95]))
@settings(max_examples=30, deadline=None)
def test_quantiles_have_their_probability(seed, probability):
    random = np.random.default_rng(seed)
    prior = signals.Prior(*random.gamma(1, 2, 4) + 0.05, random.uniform(0.01, 0.99))
    n, e = random.poisson(5, 20) * random.integers(0, 20, 20), random.gamma(1, 5, 20) + 1e-3
    q, at = prior.posterior_share(n, e), prior.quantile(probability, n, e)
    first = gamma.cdf(at, prior.alpha1 + n, scale=1 / (prior.beta1 + e))
    second = gamma.cdf(at, prior.alpha2 + n, scale=1 / (prior.beta2 + e))
    np.testing.assert_allclose(q * first + (1 - q) * second, probability, rtol=1e-8)


def test_with_much_data_the_geometric_mean_is_the_ratio():
    prior = signals.Prior(3.0, 0.4, 2.0, 2.0, 0.1)
    assert prior.geometric_mean([100_000], [50_000.0])[0] == pytest.approx(2, rel=1e-4)
    assert prior.geometric_mean([3], [0.01])[0] < 3 / 0.01


def test_pairs_that_are_all_alike_determine_no_prior():
    with pytest.raises(MethodError, match="don't determine a"):
        signals.fit_prior(np.random.default_rng(0).poisson(100, 300), np.full(300, 100.0))


@pytest.mark.parametrize("method", ["prr", "ror"])
def test_reports_of_one_drug_alone_compare_with_nothing(method):
    with pytest.raises(MethodError, match="nothing to compare with"):
        signals.disproportionality(REPORTS.assign(drug="a"), **CALL, method=method)
