"""Discounting: chained rates, in any fraction of a year."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from sundbench.economics import discount
from sundbench.errors import MethodError

YEARS = st.floats(0, 120, allow_nan=False)


def test_rates_change_at_35_and_70_years():
    assert discount.factor(36) == pytest.approx(1.035**-35 / 1.025)
    assert discount.factor(71) == pytest.approx(1.035**-35 * 1.025**-35 / 1.015)
    assert discount.factor(0.5) == pytest.approx(1.035**-0.5)


@given(YEARS, YEARS)
def test_later_is_never_worth_more(one, other):
    first, later = sorted((one, other))
    assert discount.factor(later) <= discount.factor(first)
    assert discount.life_years(later) >= discount.life_years(first)


@given(YEARS)
def test_life_years_are_the_integral_of_the_factor(years):
    integral, _ = quad(lambda t: float(discount.factor(t)), 0, years, points=[35, 70], limit=200)
    assert discount.life_years(years) == pytest.approx(integral, rel=1e-9, abs=1e-12)


def test_without_discounting_time_is_time():
    rates = discount.profile("none")
    assert discount.factor([0, 40], rates=rates).tolist() == [1, 1]
    assert discount.life_years([0, 40], rates=rates).tolist() == [0, 40]


def test_streams():
    assert discount.present_value([100, 100], [0, 1]).tolist() == pytest.approx([100, 100 / 1.035])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discount.factor(-1), "years: some are missing or negative"),
        (lambda: discount.life_years(float("nan")), "years: some are missing"),
        (lambda: discount.profile("swedish"), "discount profile swedish is unknown"),
        (lambda: discount.Rates("odd", ((1, 0.03),)), "give steps from year 0"),
        (lambda: discount.Rates("odd", ((0, -0.03),)), "a rate is negative"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(MethodError, match=message):
        call()
