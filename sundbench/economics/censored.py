"""Mean costs up to a horizon when follow-up is censored.

Averaging what was seen is too low (costs after censoring are missing), and averaging complete cases is too
(who dies early is complete more often). The estimators here weight by the inverse of the probability of not
yet being censored: Bang and Tsiatis (Biometrika 87, 2000) use complete persons, in one piece or interval by
interval; Zhao and Tian (Biometrics 57, 2001) add what is known of the censored.

Conventions, those of R's ccostr and Stata's hcost: who is followed to the horizon is complete; at equal times
censorings come first; the censoring Kaplan-Meier is evaluated at the time itself, and where it is 0 its
smallest positive value is used; a cost that crosses the horizon or the end of follow-up is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from sundbench.economics.discount import UNDISCOUNTED
from sundbench.economics.history import History, distinct_persons, history
from sundbench.economics.panel import panel
from sundbench.errors import MethodError
from sundbench.methods import survival
from sundbench.methods.inputs import Bools, Floats, Frame, frame, indicator, numbers, same_length, sums


@dataclass(frozen=True)
class MeanCost:
    """Mean cost up to a horizon by four estimators.

    Attributes:
        table: indexed by estimator: ``available`` (what was seen; too low), ``complete`` (complete persons
            only; biased), ``bang_tsiatis``, ``zhao_tian``; columns estimate, se, lower, upper.
        persons, complete: how many, and how many of them are followed to death or horizon.
        survival_time: restricted mean survival time to the horizon, and its standard error.
    """

    table: pd.DataFrame
    persons: int
    complete: int
    survival_time: tuple[float, float]


def mean_cost(
    persons: Frame, costs: Frame, *, horizon: float, day: float = 1.0, conf_level: float = 0.95
) -> MeanCost:
    """Estimate the mean cost a person from time 0 to the horizon.

    The Zhao-Tian estimator compares each censored person with all who are followed as long, which takes time
    with censored persons times costs; for many thousands of persons ``partitioned_mean`` does the like.

    Args:
        persons: columns person, time (end of follow-up), event (1 death, 0 censored); one row a person.
        costs: columns person, start, stop, cost.
        horizon: in the unit of time.
        day: the length of a cost with start = stop: 1 for days, both included.
        conf_level: coverage of the normal limits.

    Raises:
        MethodError: bad data, or nobody complete.
    """
    number, time, event = _persons(persons)
    if not horizon > 0:
        raise MethodError("horizon: give a time greater than 0")
    complete = event | (time >= horizon)
    if not complete.any():
        raise MethodError("everybody is censored before the horizon: choose a shorter horizon")
    end = np.minimum(time, horizon)
    seen = history(costs, number).until(end, day)
    total = sums(seen.row, seen.amount, number.size)
    n = number.size
    remaining = _at_end(end, ~complete)
    remaining = np.where(remaining > 0, remaining, remaining[remaining > 0].min())
    available, whole = float(total.mean()), total[complete]
    bang_tsiatis = float((total * complete / remaining).mean())
    alive = _at_end(end, complete)
    later = _Later(end)
    first = later.sums(complete * total / remaining) / (n * _or_one(alive))
    second = later.sums(complete * total**2 / remaining) / (n * _or_one(alive))
    lost = ~complete / remaining**2
    variance = (
        (complete * (total - bang_tsiatis) ** 2 / remaining).mean() + (lost * (second - first**2)).mean()
    ) / n
    mean, square, cross, running = _running(
        seen, end, censored=~complete, weight=complete / remaining, total=total, day=day
    )
    zhao_tian = bang_tsiatis + float((~complete * (total - mean) / remaining).mean())
    scale = 1 / (n * _or_one(alive))
    improved = (
        variance
        - 2 / n**2 * (lost * (cross * scale - first * running * scale)).sum()
        + (lost * (square - mean**2)).sum() / n**2
    )
    estimates = [available, float(whole.mean()), bang_tsiatis, zhao_tian]
    spread = float(total.var(ddof=1)) / n if n > 1 else np.nan
    case = float(whole.var(ddof=1)) / whole.size if whole.size > 1 else np.nan
    se = np.sqrt(np.maximum([spread, case, variance, improved], 0.0))
    z = norm.ppf((1 + conf_level) / 2)
    table = pd.DataFrame(
        {"estimate": estimates, "se": se, "lower": estimates - z * se, "upper": estimates + z * se},
        index=pd.Index(["available", "complete", "bang_tsiatis", "zhao_tian"], name="estimator"),
    )
    lived = survival.kaplan_meier(end, complete).rmst(horizon).iloc[0]
    return MeanCost(table, n, int(complete.sum()), (float(lived["rmst"]), float(lived["se"])))


def partitioned_mean(
    persons: Frame,
    costs: Frame,
    *,
    horizon: float,
    interval: float | None = None,
    day: float = 1.0,
    weights: ArrayLike | None = None,
) -> float:
    """The partitioned Bang-Tsiatis mean cost, with weights for treatment if wanted.

    Each interval's costs are averaged over those who complete it (or die in it), weighted by the inverse
    probability of not being censored by then, so that the censored count for the intervals they complete.

    Args:
        persons: columns person, time, event, as for ``mean_cost``.
        costs: columns person, start, stop, cost.
        horizon: in the unit of time.
        interval: the intervals' length; None for one interval, which is the simple estimator.
        day: the length of a cost with start = stop.
        weights: one a person, such as from ``propensity.weights``; they weight the censoring curve too.

    Returns:
        The mean cost a person. For its uncertainty see ``economics.evaluate``.

    Raises:
        MethodError: bad data.
    """
    number, time, event = _persons(persons)
    w = np.ones_like(time) if weights is None else numbers(weights, "weights")
    same_length(persons=time, weights=w)
    if (w < 0).any() or w.sum() == 0:
        raise MethodError("weights: negative, or all 0: give weights that leave somebody")
    prepared = panel(
        time,
        event,
        history(costs, number),
        np.arange(number.size),
        horizon=horizon,
        interval=interval or horizon,
        rates=UNDISCOUNTED,
        unit=1.0,
        day=day,
    )
    return float(prepared.means(w[None, :]).costs.sum())


def _persons(persons: Frame) -> tuple[NDArray[np.int64], Floats, Bools]:
    table = frame(persons, ["person", "time", "event"])
    number = table["person"].to_numpy(dtype=np.int64)
    distinct_persons(number)
    time = numbers(table["time"], "time")
    if (time < 0).any():
        raise MethodError(f"time: {int((time < 0).sum())} of {time.size} values are negative")
    return number, time, indicator(table["event"], "event", "death as 1 and censoring as 0")


def _at_end(end: Floats, event: Bools) -> Floats:
    """The Kaplan-Meier curve of an event, at each person's own end."""
    one = survival.kaplan_meier(end, event).curves["all"]
    return one.survival[np.searchsorted(one.time, end)]


def _or_one(alive: Floats) -> Floats:
    """Survival, with 1 where nobody lives on: nothing is divided by it there."""
    return np.where(alive > 0, alive, 1.0)


class _Later:
    """Sums over all persons whose end is the same or later."""

    def __init__(self, end: Floats) -> None:
        times, self._place = np.unique(end, return_inverse=True)
        self._size = times.size

    def sums(self, values: Floats) -> Floats:
        at = sums(self._place, values, self._size)
        return np.asarray(np.cumsum(at[::-1])[::-1][self._place])


def _running(
    seen: History, end: Floats, *, censored: Bools, weight: Floats, total: Floats, day: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """What those followed as long as a censored person had cost by that person's end.

    Returns:
        For each person, 0 unless censored: mean and mean square of that cost; its weighted sum with the total
        cost, and its weighted sum.
    """
    mean, square, cross, plain = (np.zeros_like(end) for _ in range(4))
    for time in np.unique(end[censored]):
        by_then = seen.until(np.full_like(end, time), day)
        followed = end >= time
        cost = sums(by_then.row, by_then.amount, end.size)[followed]
        here = censored & (end == time)
        mean[here], square[here] = cost.mean(), (cost**2).mean()
        cross[here] = (weight[followed] * total[followed] * cost).sum()
        plain[here] = (weight[followed] * cost).sum()
    return mean, square, cross, plain
