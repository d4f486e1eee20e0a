"""Cumulative incidence of competing causes by Aalen and Johansen's estimator.

Written by hand: lifelines moves tied times at random and knows no late entry with a variance; statsmodels'
``CumIncidenceRight`` has no weights. Sources: Aalen and Johansen (1978). The variance is the infinitesimal
jackknife, as R's survfit gives for several states: each person's influence is the derivative of the estimate
with respect to that person's weight. Or, on request, Aalen's with Gray's correction for ties, as R's cuminc.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, labels, numbers, sums
from sundbench.methods.survival.curve import Curve, curve
from sundbench.methods.survival.follow_up import Ints, causes, check_limits
from sundbench.methods.survival.kaplan_meier import ConfidenceType

Variance = Literal["jackknife", "aalen"]


@dataclass(frozen=True)
class Incidence:
    """One cause's cumulative incidence in one group, at each distinct time at which follow-up ends.

    Attributes:
        events: (weighted) events of the cause at each time.
        incidence: probability of the cause up to and including each time.
        se: its standard error.
    """

    events: Floats
    incidence: Floats
    se: Floats


@dataclass(frozen=True)
class AalenJohansen:
    """Cumulative incidences of one or several groups.

    Attributes:
        curves: of each group, survival without any of the causes.
        incidences: of each group and cause.
        conf_type, conf_level: how the confidence limits are made.
    """

    curves: Mapping[str, Curve]
    incidences: Mapping[tuple[str, int], Incidence]
    conf_type: ConfidenceType
    conf_level: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """group, cause, time, at_risk, events, censored, survival, incidence, se, lower, upper.

        One row a distinct time and cause. ``events`` are of the cause; ``survival`` is free of all causes.
        """
        parts = []
        for (group, cause), one in self.incidences.items():
            whole = self.curves[group]
            lower, upper = self._limits(one.incidence, one.se)
            columns = {
                "group": group,
                "cause": cause,
                "time": whole.time,
                "at_risk": whole.at_risk,
                "events": one.events,
                "censored": whole.censored,
                "survival": whole.survival,
                "incidence": one.incidence,
                "se": one.se,
                "lower": lower,
                "upper": upper,
            }
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """group, cause, time, survival, incidence, se, lower, upper at given times.

        NaN beyond a group's last follow-up, unless everybody has had an event by then.

        Raises:
            MethodError: negative times.
        """
        wanted = numbers(np.atleast_1d(np.asarray(times)), "times")
        if (wanted < 0).any():
            raise MethodError("times: some are negative: incidence starts at time 0")
        parts = []
        for (group, cause), one in self.incidences.items():
            whole = self.curves[group]
            place = np.searchsorted(whole.time, wanted, side="right")
            known = (wanted <= whole.time[-1]) | (whole.survival[-1] == 0)
            lower, upper = self._limits(one.incidence, one.se)
            part = pd.DataFrame({"group": group, "cause": cause, "time": wanted})
            for name, values, start in (
                ("survival", whole.survival, 1.0),
                ("incidence", one.incidence, 0.0),
                ("se", one.se, 0.0),
                ("lower", lower, 0.0),
                ("upper", upper, 0.0),
            ):
                part[name] = np.where(known, np.concatenate(([start], values))[place], np.nan)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def _limits(self, incidence: Floats, se: Floats) -> tuple[Floats, Floats]:
        z = norm.ppf((1 + self.conf_level) / 2)
        certain = (incidence <= 0) | (incidence >= 1)
        inner = np.where(certain, 0.5, incidence)
        if self.conf_type == "plain":
            lower, upper = inner - z * se, inner + z * se
        elif self.conf_type == "log":
            lower, upper = inner * np.exp(-z * se / inner), inner * np.exp(z * se / inner)
        else:
            wide = z * se / (inner * np.log(inner))
            with np.errstate(over="ignore"):  # next to nothing, with a wide interval: the limit is 0
                lower, upper = inner ** np.exp(-wide), inner ** np.exp(wide)
        lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
        return np.where(certain, incidence, lower), np.where(certain, incidence, upper)


@kinds_checked
def aalen_johansen(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    group: ArrayLike | None = None,
    conf_type: ConfidenceType = "log-log",
    conf_level: float = 0.95,
    variance: Variance = "jackknife",
) -> AalenJohansen:
    """Estimate the probability of each cause in the presence of the others.

    Args:
        time: each person's end of follow-up, counted from time 0.
        cause: 0 (censored), 1, 2, ... At equal times events come before censorings.
        entry: time from which a person is under observation; at risk after it.
        weights: not negative; they count as known, and whole numbers as one person each in the variance.
        group: label of each person's curves.
        conf_type: ``log-log``, ``log`` or ``plain`` limits of the incidence.
        conf_level: coverage of the limits.
        variance: ``jackknife``, or ``aalen`` (without weights and late entry).

    Raises:
        MethodError: empty, missing, negative or unequal data, no events at all, entry at or after the end, or
            no person with a weight above 0 in a group.
    """
    end, codes, late, weight = causes(time, cause, entry, weights)
    check_limits(conf_type, conf_level)
    if variance not in ("jackknife", "aalen"):
        raise MethodError(f"variance {variance} is unknown: use jackknife or aalen")
    if variance == "aalen" and (entry is not None or weights is not None):
        raise MethodError("variance aalen knows neither weights nor entry: use jackknife")
    kinds = [int(code) for code in np.unique(codes) if code > 0]
    if not kinds:
        raise MethodError("cause: no events: everybody is censored (0)")
    names, place = labels(group, end.size, "group")
    curves: dict[str, Curve] = {}
    incidences: dict[tuple[str, int], Incidence] = {}
    for i, name in enumerate(names):
        own = (place == i) & (weight > 0)
        if not own.any():
            raise MethodError(f"group {name}: all weights are 0: nobody is left in it")
        whole = curve(end[own], codes[own] > 0, late[own], weight[own])
        curves[name] = whole
        for kind in kinds:
            incidences[name, kind] = _incidence(whole, codes[own], kind, variance)
    return AalenJohansen(curves, incidences, conf_type, conf_level)


def _incidence(whole: Curve, codes: Ints, kind: int, variance: Variance) -> Incidence:
    events = sums(whole.leave, whole.weight * (codes == kind), whole.time.size)
    hazard = _ratio(events, whole.at_risk)
    before = np.concatenate(([1.0], whole.survival[:-1]))
    incidence = np.cumsum(before * hazard)
    if variance == "aalen":
        squared = _aalen(whole, events, incidence)
    else:
        squared = _jackknife(whole, codes == kind, hazard, before, incidence)
    return Incidence(events, incidence, np.sqrt(np.maximum(squared, 0.0)))


def _jackknife(whole: Curve, own: Floats, hazard: Floats, before: Floats, incidence: Floats) -> Floats:
    """Sum over persons of the squared, weighted derivative of the incidence with respect to their weights.

    With A(t) the sum of all causes' hazard / (at risk - events), the derivative of the log survival of who is
    followed since e is A(t) - A(e), and that of the incidence F is P(t) - P(e) - A(e) (F(t) - F(e)),
    P summing survival before times hazard times (A before - 1 / at risk). Who has left at T keeps the
    derivative s of the log survival, so that the incidence gains s (F(t) - F(T)).
    """
    size = whole.time.size
    left = np.where(whole.at_risk - whole.events > 1e-12 * whole.at_risk, whole.at_risk - whole.events, 0.0)
    running = np.cumsum(_ratio(_ratio(whole.events, whole.at_risk), left))
    earlier = np.concatenate(([0.0], running[:-1]))
    inverse = _ratio(np.ones(size), whole.at_risk)
    path = np.cumsum(before * hazard * (earlier - inverse))
    at, came = whole.leave, whole.enter  # nobody enters before time 0: an event at time 0 counts

    def step(values: Floats, place: Ints) -> Floats:
        return np.asarray(np.concatenate(([0.0], values))[place])

    start_a, start_p, start_f = step(running, came), step(path, came), step(incidence, came)
    log_survival = running[at] - start_a - np.where(whole.event, _ratio(np.ones(size), left)[at], 0.0)
    final = path[at] - start_p - start_a * (incidence[at] - start_f)
    final += np.where(own, (before * inverse)[at], 0.0)
    squared = whole.weight**2

    def gone(values: Floats) -> Floats:
        return np.asarray(np.cumsum(sums(at, squared * values, size)))

    def still(values: Floats) -> Floats:
        arrived = np.cumsum(sums(came, squared * values, size + 1)[:size])
        return np.asarray(arrived - gone(values))

    base = final - log_survival * incidence[at]
    after = gone(base**2) + 2 * incidence * gone(base * log_survival) + incidence**2 * gone(log_survival**2)
    begin = start_a * start_f - start_p
    following = (
        still(begin**2)
        + path**2 * still(np.ones_like(begin))
        + incidence**2 * still(start_a**2)
        + 2 * path * still(begin)
        - 2 * incidence * still(begin * start_a)
        - 2 * path * incidence * still(start_a)
    )
    return np.asarray(after + following)


def _aalen(whole: Curve, events: Floats, incidence: Floats) -> Floats:
    """Aalen's variance with a correction for ties (Gray's cuminc)."""
    n, survival = whole.at_risk, whole.survival
    before = np.concatenate(([1.0], survival[:-1]))
    inverse = _ratio(np.ones_like(survival), survival)

    def tied(deaths: Floats) -> Floats:
        many = np.where(deaths > 1, _ratio(deaths - 1, n - 1), 0.0)
        return np.asarray(before**2 * (1 - many) * _ratio(deaths, n**2))

    other = np.where(survival > 0, tied(whole.events - events), 0.0)
    own = tied(events)
    first = (incidence * inverse) ** 2 * other + (1 + incidence * inverse) ** 2 * own
    second = inverse * incidence * inverse * other + inverse * (1 + incidence * inverse) * own
    third = inverse**2 * (other + own)
    v1, v2, v3 = np.cumsum(first), np.cumsum(second), np.cumsum(third)
    value = v1 + incidence**2 * v3 - 2 * incidence * v2
    # The estimate changes at events of the cause only, and so does its variance.
    last = np.maximum.accumulate(np.where(events > 0, np.arange(events.size), -1))
    return np.where(last >= 0, value[np.maximum(last, 0)], 0.0)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(below, dtype=np.float64), where=below != 0)
