"""Dominance, net benefit and ratios."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sundbench.economics import cea
from sundbench.errors import MethodError


def cloud(cost, effect, spread=(1000.0, 0.1), n=4000, seed=1):
    draw = np.random.default_rng(seed)
    return draw.normal(cost, spread[0], n), draw.normal(effect, spread[1], n)


def test_an_identical_strategy_stays_without_a_ratio():
    table = cea.icers(["a", "b", "c"], [1, 1, 3], [1, 1, 2]).table
    assert table["status"].tolist() == ["frontier"] * 3
    assert np.isnan(table["icer"][1])
    assert table["icer"][2] == pytest.approx(2)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
def test_the_frontier_is_what_some_willingness_to_pay_would_choose(points):
    cost, effect = map(np.array, zip(*points, strict=True))
    frontier = {int(name) for name in cea.icers(range(cost.size), cost, effect).frontier}
    for worth in (0, 0.013, 0.31, 0.77, 1.3, 3.1, 17.7, 1e4):
        benefit = worth * effect - cost
        best = set(np.flatnonzero(benefit > benefit.max() - 1e-9))
        assert best & frontier
        assert {k for k in best if worth > 0} <= frontier


def test_acceptability_is_strict():
    # The two options tie in every draw: neither is strictly best.
    table = cea.acceptability([[1, 1]] * 3, [[2, 2]] * 3, willingness_to_pay=[5], strategies="ab").table
    assert table["probability"].tolist() == [0, 0]
    draws = (np.zeros(3), np.zeros(3))
    assert cea.incremental_net_monetary_benefit(0, 0, draws, willingness_to_pay=[5])["probability"][0] == 0


def test_net_benefit_by_hand():
    draws = (np.array([100.0, 200.0]), np.array([1.0, 3.0]))
    table = cea.incremental_net_monetary_benefit(150, 2, draws, willingness_to_pay=[0, 100])
    assert table["net_benefit"].tolist() == [-150, 50]
    assert table["probability"].tolist() == [0, 0.5]


def test_ratio_in_one_quadrant_agrees_with_fieller():
    cost, effect, spread = 100_000.0, 0.5, (8000.0, 0.05)
    c, e = cloud(cost, effect, spread, n=200_000)
    ours = cea.ratio(cost, effect, (c, e))
    z2 = 1.959964**2
    a = effect**2 - z2 * spread[1] ** 2
    b = cost * effect
    q = cost**2 - z2 * spread[0] ** 2
    fieller = (b + np.array([-1, 1]) * np.sqrt(b**2 - a * q)) / a
    assert [ours.lower, ours.upper] == pytest.approx(fieller, rel=0.01)
    assert ours.quadrant == "costlier and more effective"


def test_ratio_without_an_effect_says_so():
    c, e = cloud(50_000, 0.02)
    ours = cea.ratio(50_000, 0.02, (c, e))
    assert ours.estimate == pytest.approx(2_500_000)
    assert ours.lower > 0
    assert np.isnan(ours.upper)
    assert ours.upper_quadrant == "dominated"
    assert ours.shares["dominated"] == pytest.approx((e < 0).mean())


def test_no_ratio_for_what_dominates():
    ours = cea.ratio(-9000, 0.5, cloud(-9000, 0.5))
    assert ours.quadrant == "dominant"
    assert np.isnan([ours.estimate, ours.lower, ours.upper]).all()


def test_ratio_does_not_depend_on_units():
    c, e = cloud(20_000, 0.3, (9000, 0.2))
    one, other = cea.ratio(20_000, 0.3, (c, e)), cea.ratio(20, 300, (c / 1000, e * 1000))
    assert other.quadrant == one.quadrant
    assert other.upper_quadrant == one.upper_quadrant
    assert other.lower * 1e6 == pytest.approx(one.lower)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cea.icers(["a", "a"], [1, 2], [1, 2]), "a name stands there twice"),
        (lambda: cea.icers(["a"], [1, 2], [1, 2]), "different lengths"),
        (lambda: cea.acceptability([[1]], [[1]], willingness_to_pay=[1], strategies="a"), "at least two"),
        (
            lambda: cea.acceptability([[1, np.nan]], [[1, 1]], willingness_to_pay=[1], strategies="ab"),
            "missing",
        ),
        (lambda: cea.ratio(1, 1, ([], [])), "cost draws: no values"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(MethodError, match=message):
        call()
