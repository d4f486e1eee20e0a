"""maxSPRT: critical values against published tables and simulation."""

import numpy as np
import pytest

from sundbench.errors import MethodError
from sundbench.methods import signals

# R package Sequential 4.5.1, table that CV.Poisson keeps at alpha 0.05:
# upper limit, fewest events, first look, critical value.
PUBLISHED = [
    (1, 1, 0, 2.85393700326128),
    (1, 2, 0, 2.36663822744395),
    (1.5, 1, 0, 2.96497144429574),
    (2, 3, 0, 2.34967932492501),
    (10, 1, 0, 3.46795158033368),
    (20, 1, 4, 2.717137),
    (4, 1, 1, 2.498892),
    (100, 1, 0, 3.95232090599911),
    (100, 10, 0, 3.35579446678864),
]


@pytest.mark.parametrize(("limit", "events", "first", "wanted"), PUBLISHED)
def test_poisson_critical_values_are_the_published_ones(limit, events, first, wanted):
    ours = signals.poisson_critical_value(limit, min_events=events, first_look=first)
    assert ours == pytest.approx(wanted, abs=2e-6 if first else 1e-9)


@pytest.mark.parametrize(
    ("events", "ratio", "wanted"), [(50, 1, 3.46574), (100, 3, 3.45219), (20, 1, 3.09884)]
)
def test_binomial_critical_values_are_those_of_r_sequential(events, ratio, wanted):
    # R: CV.Binomial(N, alpha = 0.05, M = 1, z).
    assert signals.binomial_critical_value(events, ratio=ratio) == pytest.approx(wanted, abs=1e-5)


def test_false_signals_come_as_often_as_planned():
    random = np.random.default_rng(5)
    value = signals.poisson_critical_value(5)
    arrivals = np.cumsum(random.exponential(size=(20_000, 40)), axis=1)
    n = np.arange(1, 41)
    with np.errstate(divide="ignore"):
        ratio = np.where(n > arrivals, arrivals - n + n * np.log(n / arrivals), 0.0)
    signalled = ((ratio >= value) & (arrivals <= 5)).any(axis=1).mean()
    assert signalled == pytest.approx(0.05, abs=0.005)


def test_grouped_looks_need_less_and_many_looks_as_much():
    continuous = signals.poisson_critical_value(10)
    yearly = signals.poisson_critical_value(10, looks=np.arange(1, 11))
    many = signals.poisson_critical_value(10, looks=np.linspace(0.005, 10, 2000))
    assert yearly < continuous
    assert many == pytest.approx(continuous, abs=0.06)


def test_surveillance_signals_and_stays_so():
    found = signals.max_sprt([0, 2, 6, 9, 9], [0.5, 1.0, 1.5, 2.0, 4.0], upper_limit=5)
    assert found.signal
    assert found.table["signal"].tolist() == [False, False, True, True, True]
    assert found.table["llr"].iloc[2] == pytest.approx(1.5 - 6 + 6 * np.log(4))
    assert not signals.max_sprt([0, 1], [1.0, 2.0], upper_limit=5).signal


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: signals.poisson_critical_value(0), "upper_limit"),
        (lambda: signals.poisson_critical_value(1, alpha=0), "alpha"),
        (lambda: signals.poisson_critical_value(1, min_events=0), "min_events"),
        (lambda: signals.poisson_critical_value(1, min_events=8), "no critical value uses alpha up"),
        (lambda: signals.poisson_critical_value(1, first_look=2), "first_look"),
        (lambda: signals.poisson_critical_value(3, looks=[1, 1]), "rise from look to look"),
        (lambda: signals.binomial_critical_value(0, ratio=1), "whole number"),
        (lambda: signals.binomial_critical_value(10, ratio=0), "not greater than 0"),
        (lambda: signals.max_sprt([2, 1], [1, 2], upper_limit=5), "never falls"),
        (lambda: signals.max_sprt([1, 2], [2, 1], upper_limit=5), "never falling"),
        (lambda: signals.max_sprt([1, 2], [2, 6], upper_limit=5), "beyond the upper limit"),
    ],
)
def test_plans_that_make_no_sense_are_refused(call, says):
    with pytest.raises(MethodError, match=says):
        call()
