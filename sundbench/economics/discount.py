"""Discounting at rates that fall with time, of costs and of time lived.

Denmark: 3.5 % a year for years 0 to 35, 2.5 % to year 70, 1.5 % after, for costs and effects alike (the
Ministry of Finance's rates, used by the Danish Medicines Council: https://dagenspharma.dk/er-den-nuvaerende-praksis-med-diskontering-i-sundhedsoekonomisk-evaluering-misvisende/).

Rates are chained: the factor at year 36 is the factor at year 35 discounted once more at 2.5 %. (Raising the
current rate to the whole time would make a krone in year 36 worth more than one in year 35.) Time 0 is the
start and is not discounted; within a year the factor falls steadily, at the year's own rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Rates:
    """Yearly discount rates by time.

    Attributes:
        name: how the profile is called.
        steps: (year from which, rate), the first from year 0, ascending.
    """

    name: str
    steps: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        years = [year for year, _ in self.steps]
        if not years or years[0] != 0 or years != sorted(set(years)):
            raise MethodError(f"discount rates {self.name}: give steps from year 0, each later than the last")
        if any(rate < 0 for _, rate in self.steps):
            raise MethodError(f"discount rates {self.name}: a rate is negative")

    @cached_property
    def _pieces(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Where each step starts, its log rate, and at its start the log factor and the time lived."""
        start = np.array([year for year, _ in self.steps], dtype=np.float64)
        log_rate = np.log1p(np.array([rate for _, rate in self.steps], dtype=np.float64))
        width = np.diff(start)
        log_factor = -np.concatenate(([0.0], np.cumsum(log_rate[:-1] * width)))
        lived = np.concatenate(([0.0], np.cumsum(np.exp(log_factor[:-1]) * _annuity(log_rate[:-1], width))))
        return start, log_rate, log_factor, lived

    def factor(self, years: ArrayLike) -> Floats:
        """What 1 at each time is worth at time 0."""
        t = _years(years)
        start, log_rate, log_factor, _ = self._pieces
        piece = np.searchsorted(start, t, side="right") - 1
        return np.asarray(np.exp(log_factor[piece] - log_rate[piece] * (t - start[piece])))

    def life_years(self, years: ArrayLike) -> Floats:
        """The present value of living from time 0 to each time: the integral of the factor."""
        t = _years(years)
        start, log_rate, log_factor, lived = self._pieces
        piece = np.searchsorted(start, t, side="right") - 1
        return np.asarray(
            lived[piece] + np.exp(log_factor[piece]) * _annuity(log_rate[piece], t - start[piece])
        )


DANISH = Rates("danish", ((0, 0.035), (35, 0.025), (70, 0.015)))
UNDISCOUNTED = Rates("none", ((0, 0.0),))


def profile(name: str) -> Rates:
    """The rates called ``danish`` or ``none``.

    Raises:
        MethodError: no such profile.
    """
    for rates in (DANISH, UNDISCOUNTED):
        if rates.name == name:
            return rates
    raise MethodError(f"discount profile {name} is unknown: use danish or none")


def factor(years: ArrayLike, *, rates: Rates = DANISH) -> Floats:
    """Discount factors at times in years, which may be fractions.

    Args:
        years: times from the start, 0 or more.
        rates: the yearly rates.

    Returns:
        1 at time 0, falling; the shape of ``years``.
    """
    return rates.factor(years)


def present_value(amounts: ArrayLike, years: ArrayLike, *, rates: Rates = DANISH) -> Floats:
    """Amounts at times, each discounted to time 0 (not summed)."""
    return np.asarray(np.asarray(amounts, dtype=np.float64) * rates.factor(years))


def life_years(years: ArrayLike, *, rates: Rates = DANISH) -> Floats:
    """The present value of living to each time.

    The area below a survival curve, discounted, is the area below the same curve drawn over this time
    scale: ``kaplan_meier(life_years(t), died).rmst(life_years(tau))`` is the discounted restricted mean.
    """
    return rates.life_years(years)


def _years(years: ArrayLike) -> Floats:
    t = np.asarray(years, dtype=np.float64)
    if not np.isfinite(t).all() or (t < 0).any():
        raise MethodError("years: some are missing or negative: count from the start, 0 or more")
    return t


def _annuity(log_rate: Floats, width: Floats) -> Floats:
    """The integral of exp(-log_rate u) for u from 0 to width."""
    safe = np.where(log_rate > 0, log_rate, 1.0)
    return np.asarray(np.where(log_rate > 0, -np.expm1(-log_rate * width) / safe, width))
