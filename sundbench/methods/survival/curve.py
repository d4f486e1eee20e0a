"""One Kaplan-Meier curve: the estimate, its variance, and the area below it.

Written by hand: statsmodels' ``SurvfuncRight`` knows neither late entry with its standard errors nor the
robust variance of a weighted curve, and lifelines holds pandas back.

Source: the product limit, Greenwood's variance and the restricted mean as in Klein and Moeschberger,
Survival Analysis (2003), sections 4.2 and 4.5. With weights that are not whole numbers the variance is the
infinitesimal jackknife, which R's ``survfit`` uses then too: the influence of one person on the curve is its
derivative with respect to that person's weight. Without weights and late entry it equals Greenwood's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, sums


@dataclass(frozen=True)
class Curve:
    """One group's curve, at each distinct time at which follow-up ends.

    Attributes:
        time: distinct times, ascending.
        at_risk: (weighted) persons at risk just before each.
        events, censored: (weighted) persons with the event, or censored, at each.
        persons_at_risk, person_events, persons_censored: the same, unweighted.
        survival: probability of no event up to and including each time.
        end, entry, event, weight: each person's own data.
        leave: the place of each person's end among the times.
        robust: whether the variance is the infinitesimal jackknife.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    persons_at_risk: Floats
    person_events: Floats
    persons_censored: Floats
    survival: Floats
    end: Floats
    entry: Floats
    event: Bools
    weight: Floats
    leave: NDArray[np.int64]
    robust: bool

    @cached_property
    def enter(self) -> NDArray[np.int64]:
        """How many of the times are not after each person's entry."""
        places = np.zeros(self.entry.size, dtype=np.int64)
        late = self.entry > 0
        places[late] = np.searchsorted(self.time, self.entry[late], side="right")
        return places

    @cached_property
    def _hazard(self) -> Floats:
        return _ratio(self.events, self.at_risk)

    @cached_property
    def _gone(self) -> Bools:
        """Where everybody at risk has the event: the curve is 0 from there on."""
        return np.asarray((self.persons_at_risk > 0) & (self.persons_at_risk == self.person_events))

    @cached_property
    def se(self) -> Floats:
        """Standard error of the survival at each time; NaN where it is 0, as in R."""
        left = np.where(self._gone, 0.0, self.at_risk - self.events)
        if not self.robust:
            variance = np.cumsum(_ratio(self.events, self.at_risk * left))
        else:
            variance = self._jackknife_variance(left)
        return np.where(self.survival > 0, self.survival * np.sqrt(variance), np.nan)

    def _jackknife_variance(self, left: Floats) -> Floats:
        """Sum over persons of the squared derivative of log survival with respect to their weights.

        At time t a person who is still followed has the value A(t) - A(entry), where A sums
        hazard / (at risk - events); who has left keeps the value of that moment, less 1 / (at risk - events)
        if it was an event.
        """
        cumulated = np.cumsum(_ratio(self._hazard, left))
        at, entered = self.leave, self.enter
        before_entry = np.concatenate(([0.0], cumulated))[entered]
        final = cumulated[at] - before_entry - np.where(self.event, _ratio(np.ones_like(left), left)[at], 0.0)
        squared = self.weight**2
        size = self.time.size
        gone = np.cumsum(sums(at, squared * final**2, size))

        def still(values: Floats) -> Floats:
            arrived = np.cumsum(sums(entered, values, size + 1)[:size])
            return np.asarray(arrived - np.cumsum(sums(at, values, size)))

        following = (
            cumulated**2 * still(squared)
            - 2 * cumulated * still(squared * before_entry)
            + still(squared * before_entry**2)
        )
        return np.asarray(np.maximum(gone + following, 0.0))

    def limits(self, conf_type: str, conf_level: float) -> tuple[Floats, Floats]:
        """Pointwise confidence limits of the survival at each time."""
        z = norm.ppf((1 + conf_level) / 2)
        s, se = self.survival, self.se
        certain = (s == 1.0) | (s == 0.0)
        inner = np.where(certain, 0.5, s)
        if conf_type == "plain":
            lower, upper = s - z * se, s + z * se
        elif conf_type == "log":
            spread = z * se / inner
            lower, upper = s * np.exp(-spread), s * np.exp(spread)
        else:
            spread = z * se / (inner * np.log(inner))
            lower, upper = inner ** np.exp(-spread), inner ** np.exp(spread)
        certain_value = np.where(s == 0.0, np.nan, s)
        lower = np.where(certain, certain_value, np.clip(lower, 0.0, 1.0))
        upper = np.where(certain, certain_value, np.clip(upper, 0.0, 1.0))
        return lower, upper

    def cumulative_hazard(self) -> tuple[Floats, Floats]:
        """Nelson and Aalen's cumulative hazard and Aalen's variance at each time."""
        hazard = _ratio(self.events, self.at_risk)
        return np.cumsum(hazard), np.cumsum(_ratio(hazard, self.at_risk))

    def quantile(self, curve: Floats, probability: float) -> float:
        """First time at which a curve is at or below the probability; NaN if it never is.

        Where the curve lies on it, halfway to the next step, as in R.
        """
        below = np.flatnonzero(np.nan_to_num(curve, nan=2.0) < probability + 1.5e-8)
        if below.size == 0:
            return float("nan")
        first = below[0]
        lower = below[curve[below] < curve[first]]
        if abs(curve[first] - probability) < 1.5e-8 and lower.size:
            return float((self.time[first] + self.time[lower[0]]) / 2)
        return float(self.time[first])

    def restricted_mean(self, tau: float) -> tuple[float, float]:
        """Area below the curve from 0 to ``tau`` and its standard error.

        Raises:
            MethodError: ``tau`` is not positive, or lies beyond the last follow-up while some still live.
        """
        if not tau > 0:
            raise MethodError("tau must be greater than 0: give the time up to which survival counts")
        if tau > self.time[-1] and self.survival[-1] > 0:
            raise MethodError(
                f"tau {tau:g} lies beyond the last follow-up ({self.time[-1]:g}): choose a shorter horizon"
            )
        inside = self.time < tau
        knots = np.concatenate(([0.0], self.time[inside], [tau]))
        heights = np.concatenate(([1.0], self.survival[inside]))
        areas = np.diff(knots) * heights
        mean = float(areas.sum())
        area_after = np.cumsum(areas[:0:-1])[::-1]
        left = np.where(self._gone, 0.0, self.at_risk - self.events)[inside]
        hazard = self._hazard[inside]
        if not self.robust:
            pieces = area_after**2 * _ratio(self.events[inside], self.at_risk[inside] * left)
            return mean, float(np.sqrt(pieces.sum()))
        cumulated = np.cumsum(_ratio(area_after * hazard, left))
        time = self.time[inside]
        influence = _step(time, cumulated, self.end, 0.0) - _step(time, cumulated, self.entry, 0.0)
        jump = np.append(_ratio(area_after, left), 0.0)
        at = np.minimum(np.searchsorted(time, self.end), time.size)
        influence -= np.where(self.event & (self.end < tau), jump[at], 0.0)
        return mean, float(np.sqrt(np.sum((self.weight * influence) ** 2)))


def curve(end: Floats, event: Bools, entry: Floats, weight: Floats) -> Curve:
    """The curve of one group; persons of weight 0 are left out."""
    kept = weight > 0
    end, event, entry, weight = end[kept], event[kept], entry[kept], weight[kept]
    time, at = np.unique(end, return_inverse=True)
    size = time.size
    once = np.ones_like(weight)
    events, persons_with = sums(at, weight * event, size), sums(at, once * event, size)
    censored, persons_without = sums(at, weight * ~event, size), sums(at, once * ~event, size)
    late = entry > 0
    # Persons at time t are at risk when they entered before t and left at t or later (R's convention).
    not_yet = np.searchsorted(time, entry[late], side="right")
    persons = _from_here_on(persons_with + persons_without)
    at_risk = _from_here_on(events + censored)
    if late.any():
        persons = persons - _from_here_on(sums(not_yet, once[late], size + 1))[1:]
        at_risk = at_risk - _from_here_on(sums(not_yet, weight[late], size + 1))[1:]
    everybody = (persons > 0) & (persons == persons_with)
    hazard = np.where(everybody, 1.0, _ratio(events, at_risk))
    return Curve(
        time=time,
        at_risk=at_risk,
        events=events,
        censored=censored,
        persons_at_risk=persons,
        person_events=persons_with,
        persons_censored=persons_without,
        survival=np.cumprod(1.0 - hazard, dtype=np.float64),
        end=end,
        entry=entry,
        event=event,
        weight=weight,
        leave=at,
        robust=bool((weight != np.round(weight)).any()),
    )


def _from_here_on(values: Floats) -> Floats:
    return np.asarray(np.cumsum(values[::-1])[::-1])


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotients, 0 where the denominator is 0 (there the numerator is, or the curve is already 0)."""
    return np.divide(above, below, out=np.zeros_like(below, dtype=np.float64), where=below != 0)


def _step(time: Floats, values: Floats, at: Floats, initial: float) -> Floats:
    """A right-continuous step function's values at given times."""
    return np.asarray(np.concatenate(([initial], values))[np.searchsorted(time, at, side="right")])
