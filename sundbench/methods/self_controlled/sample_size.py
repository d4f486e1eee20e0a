"""How many events a self-controlled case series needs.

Source: Musonda, Farrington and Whitaker, Stat Med 2006;25:2618, by the signed root of the likelihood ratio,
with or without age effects. R's SCCS rounds the normal quantiles to four decimals; they aren't rounded here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, numbers
from sundbench.methods.self_controlled.days import not_negative_days


@dataclass(frozen=True)
class SampleSize:
    """The number of events.

    Attributes:
        events: in exposed and unexposed cases together, rounded up.
        exact: the same, before rounding.
        table: by age group: its first and last day, its ratio, the share of the population that is exposed in
            it, the share of cases that is, and an exposed case's chance to have the event in the risk window.
    """

    events: int
    exact: float
    table: pd.DataFrame


@kinds_checked
def sccs_sample_size(
    ratio: float,
    *,
    risk_days: int,
    start: int,
    end: int,
    exposed: float | Sequence[float] = 1.0,
    age_breaks: Sequence[int] | None = None,
    age_ratios: Sequence[float] | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
) -> SampleSize:
    """Find how many events show a given rate ratio.

    Everybody is supposed to be observed over the same ages, and exposed once at most.

    Args:
        ratio: the rate ratio in the risk window that is to be found.
        risk_days: how long the risk window is; shorter than every age group.
        start: the first day of observation, in days of age.
        end: the last one.
        exposed: the share of the population that is exposed; with age groups, in each of them. 1: the study
            has exposed cases alone.
        age_breaks: the first day of each age group but the first.
        age_ratios: the rate in each of these groups over that in the first.
        alpha: the two-sided level of the test.
        power: the chance to find it.

    Raises:
        MethodError: a ratio of 1, shares that aren't between 0 and 1 in sum, or age groups that don't fit.
    """
    if not (np.isfinite(ratio) and ratio > 0) or ratio == 1:
        raise MethodError(f"ratio {ratio}: give a rate ratio above 0, other than 1")
    for value, name in ((alpha, "alpha"), (power, "power")):
        if not 0 < value < 1:
            raise MethodError(f"{name} {value}: give a share between 0 and 1")
    risk = not_negative_days(risk_days, "risk_days", least=1)
    firsts, lengths, rates = _ages(start, end, age_breaks, age_ratios)
    share = numbers(np.atleast_1d(exposed), "exposed")
    if share.size != lengths.size:
        raise MethodError(f"exposed: {share.size} shares for {lengths.size} age groups: give one a group")
    if (share < 0).any() or not 0 < share.sum() <= 1 + 1e-12:
        raise MethodError("exposed: give shares from 0 to 1 that add up to more than 0 and no more than 1")
    if risk >= lengths.min():
        raise MethodError(
            f"risk_days {risk}: the shortest age group has {int(lengths.min())} days: give fewer, "
            "or merge groups"
        )
    at_risk = rates * risk / (rates @ lengths)
    raised = at_risk * ratio + 1 - at_risk
    chance = at_risk * ratio / raised
    cases = share * raised / (1 - share.sum() + share @ raised)
    log = math.log(ratio)
    information = 2 * float(cases @ (chance * log - np.log(raised)))
    spread = log**2 / information * float(cases @ (chance * (1 - chance)))
    root = norm.isf(alpha / 2) + norm.ppf(power) * math.sqrt(spread)
    exact = root**2 / information
    table = pd.DataFrame(
        {
            "first_day": firsts,
            "last_day": firsts + lengths.astype(np.int64) - 1,
            "ratio": rates,
            "exposed": share,
            "exposed_cases": cases,
            "in_risk_window": chance,
        },
        index=pd.Index(range(1, lengths.size + 1), name="age group"),
    )
    return SampleSize(math.ceil(exact), exact, table)


def _ages(
    start: int, end: int, breaks: Sequence[int] | None, ratios: ArrayLike | None
) -> tuple[np.ndarray, Floats, Floats]:
    """First days, lengths and rates of the age groups."""
    first = not_negative_days(start, "start")
    last = not_negative_days(end, "end", least=first + 1)
    if (breaks is None) != (ratios is None):
        raise MethodError("age_breaks and age_ratios: give both, or neither")
    starts = np.array([first, *(breaks or ())])
    rates = np.append(1.0, numbers(ratios, "age_ratios")) if ratios is not None else np.ones(1)
    if rates.size != starts.size:
        raise MethodError(
            f"age_ratios: {rates.size - 1} ratios for {starts.size - 1} breaks: give one a break"
        )
    lengths = np.diff(np.append(starts, last + 1)).astype(np.float64)
    if (lengths <= 0).any() or (starts != np.round(starts)).any():
        raise MethodError("age_breaks: give whole days in order, between start and end")
    if (rates <= 0).any():
        raise MethodError("age_ratios: give rate ratios above 0")
    return starts, lengths, rates
