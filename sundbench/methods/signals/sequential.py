"""Sequential tests: the maximised sequential probability ratio test (maxSPRT; Kulldorff et al. 2011).

Written by hand: no Python library has it. The Poisson test's process signals when its n-th event comes no
later than the time at which n events have a log likelihood ratio of the critical value. So no signal comes
if at each of those times the count is lower: a chain of counts with Poisson increments between known times,
which gives the probability exactly, without cutting time into steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammaln, lambertw, xlogy
from scipy.stats import poisson

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, numbers, same_length

_EXACT = 1e-12


_MOST = 1e6


@dataclass(frozen=True)
class MaxSprt:
    """A sequential test so far.

    Attributes:
        table: look, observed, expected, rr, llr, signal (from the first look at which the log likelihood
            ratio reached the critical value).
        critical_value: as planned.
        signal: whether there is one.
        alpha: the planned chance of a false signal over the whole surveillance.
    """

    table: pd.DataFrame
    critical_value: float
    signal: bool
    alpha: float


@kinds_checked
def poisson_critical_value(
    upper_limit: float,
    *,
    alpha: float = 0.05,
    min_events: int = 1,
    first_look: float = 0.0,
    looks: ArrayLike | None = None,
) -> float:
    """The log likelihood ratio at which a Poisson maxSPRT signals.

    The smallest value whose chance of a signal without effect is at most alpha: exactly alpha where looks are
    continuous from the start, less where looks are discrete.

    Args:
        upper_limit: length of the surveillance, in events expected without effect.
        alpha: the chance of a false signal over the whole surveillance.
        min_events: no signal with fewer.
        first_look: expected events before which nothing signals.
        looks: the expected events at each look, for data that come in groups; None for continuous looks.

    Raises:
        MethodError: no such test exists, or numbers out of range.
    """
    _check_alpha(alpha)
    _check_events(min_events)
    if not 0 < upper_limit <= _MOST:
        raise MethodError(
            f"upper_limit {upper_limit}: give how many events are expected at the end, up to a million"
        )
    if not 0 <= first_look <= upper_limit:
        raise MethodError(f"first_look {first_look} lies outside 0 to the upper limit {upper_limit}")
    times = None
    if looks is not None:
        times = numbers(looks, "looks")
        if not (times[0] > 0 and (np.diff(times) > 0).all() and times[-1] <= upper_limit):
            raise MethodError("looks: expected events must rise from look to look, up to the upper limit")
        times = times[times >= first_look]
    if times is None and poisson.sf(min_events - 1, upper_limit) < alpha:
        raise MethodError(
            f"min_events {min_events} come with a chance below alpha by the upper limit {upper_limit}: no "
            "critical value uses alpha up; lengthen the surveillance"
        )

    def chance(value: float) -> float:
        if times is None:
            return _continuous(value, upper_limit, min_events, first_look)
        return _grouped(value, times, min_events)

    return _smallest(chance, alpha)


@kinds_checked
def binomial_critical_value(events: int, *, ratio: float, alpha: float = 0.05, min_events: int = 1) -> float:
    """The log likelihood ratio at which a binomial maxSPRT signals, looking after every event.

    Args:
        events: length of the surveillance, in events among exposed and comparators together.
        ratio: comparators to one exposed person (or time unexposed over time exposed, in a self-controlled
            design): without effect an event falls in the exposed by the chance 1 / (1 + ratio).
        alpha: the chance of a false signal over the whole surveillance.
        min_events: no signal with fewer among the exposed.

    Raises:
        MethodError: numbers out of range.
    """
    _check_alpha(alpha)
    _check_events(min_events)
    if not (events >= 1 and events == int(events)):
        raise MethodError(f"events {events}: give a whole number of events at the end")
    if not 0 < ratio < np.inf:
        raise MethodError(f"ratio {ratio} is not greater than 0")
    share = 1 / (1 + ratio)

    def chance(value: float) -> float:
        alive, signalled = np.ones(1), 0.0
        for n in range(1, int(events) + 1):
            alive = np.append(alive * (1 - share), 0.0) + np.append(0.0, alive * share)
            exposed = np.arange(n + 1)
            out = (_binomial_ratio(exposed, n, share) >= value) & (exposed >= min_events)
            signalled += float(alive[out].sum())
            alive = np.where(out, 0.0, alive)
        return signalled

    return _smallest(chance, alpha)


@kinds_checked
def max_sprt(
    observed: ArrayLike,
    expected: ArrayLike,
    *,
    upper_limit: float,
    alpha: float = 0.05,
    min_events: int = 1,
    first_look: float = 0.0,
    looks: ArrayLike | None = None,
) -> MaxSprt:
    """Test whether events come more often than expected, look by look (Poisson maxSPRT).

    Args:
        observed: events so far, at each look.
        expected: events expected so far without effect.
        upper_limit: of the plan: length of the surveillance, in expected events.
        alpha: of the plan: the chance of a false signal over the whole surveillance.
        min_events: of the plan: no signal with fewer.
        first_look: of the plan: expected events before which nothing signals.
        looks: of the plan: the expected events at each look; None for continuous looks.

    Raises:
        MethodError: counts that fall, looks beyond the upper limit, or a plan that doesn't exist.
    """
    seen, due = numbers(observed, "observed"), numbers(expected, "expected")
    same_length(observed=seen, expected=due)
    if (seen < 0).any() or (np.diff(seen) < 0).any() or (seen != np.floor(seen)).any():
        raise MethodError("observed: give the number of events up to each look, which never falls")
    if (due <= 0).any() or (np.diff(due) < 0).any():
        raise MethodError("expected: give the expected events up to each look, above 0 and never falling")
    if due[-1] > upper_limit * (1 + 1e-12):
        raise MethodError(f"expected: looks go beyond the upper limit {upper_limit} of the plan")
    value = poisson_critical_value(
        upper_limit, alpha=alpha, min_events=min_events, first_look=first_look, looks=looks
    )
    ratio = _poisson_ratio(seen, due)
    reached = (ratio >= value) & (seen >= min_events) & (due >= first_look)
    table = pd.DataFrame(
        {
            "look": np.arange(1, seen.size + 1),
            "observed": seen.astype(np.int64),
            "expected": due,
            "rr": seen / due,
            "llr": ratio,
            "signal": np.logical_or.accumulate(reached),
        }
    )
    return MaxSprt(table, value, bool(reached.any()), alpha)


def _poisson_ratio(n: Floats, expected: Floats) -> Floats:
    return np.asarray(np.where(n > expected, expected - n + xlogy(n, n / expected), 0.0))


def _binomial_ratio(exposed: np.ndarray[tuple[int], np.dtype[np.int64]], n: int, share: float) -> Floats:
    other = n - exposed
    ratio = xlogy(exposed, exposed / n / share) + xlogy(other, other / n / (1 - share))
    return np.asarray(np.where(exposed > n * share, ratio, 0.0))


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise MethodError(f"alpha {alpha} lies outside 0 to 1: use e.g. 0.05")


def _check_events(min_events: int) -> None:
    if not (min_events >= 1 and min_events == int(min_events)):
        raise MethodError(f"min_events {min_events}: give a whole number from 1")


def _smallest(chance: Callable[[float], float], alpha: float) -> float:
    """The smallest critical value with at most that chance of a signal, which falls in the value."""
    low, high = 0.0, 2.0
    while chance(high) > alpha:
        low, high = high, high * 2
    while high - low > _EXACT * high:
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) > alpha else (low, middle)
    return high


def _continuous(value: float, upper: float, min_events: int, first_look: float) -> float:
    """The chance of a signal by continuous looks."""
    # The times at which n events have the critical value: m = n exp(-value/n - 1 + m/n), by Lambert's W.
    n = np.arange(min_events, min_events + int(upper + 12 * np.sqrt(upper) + 8 * value + 40))
    branch: Floats = lambertw(-np.exp(-1 - value / n)).real  # type: ignore[call-overload]
    times = np.minimum(-n * branch, upper)
    late = times >= first_look
    n, times = n[late], times[late]
    last = int(np.argmax(times >= upper)) if (times >= upper).any() else n.size - 1
    return _crossing(times[: last + 1], n[: last + 1])


def _grouped(value: float, times: Floats, min_events: int) -> float:
    """The chance of a signal at given looks."""
    limits = []
    for time in times:
        n = np.arange(min_events, min_events + int(time + 12 * np.sqrt(time) + 8 * value + 60))
        reached = _poisson_ratio(n.astype(np.float64), np.full(n.size, time)) >= value
        limits.append(int(n[np.argmax(reached)]) if reached.any() else int(n[-1]) + 1)
    return _crossing(times, np.array(limits))


def _crossing(times: Floats, limits: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """The chance that at one of the times the count reaches its limit."""
    alive, before = np.ones(1), 0.0
    logs = gammaln(np.arange(int(limits.max()) + 1) + 1.0)
    for time, limit in zip(times, limits, strict=True):
        mean = time - before
        # Beyond this many, increments have a chance below 1e-18.
        most = min(int(limit), int(mean + 9 * np.sqrt(mean)) + 20)
        k = np.arange(most)
        steps = np.exp(k * np.log(mean) - mean - logs[:most]) if mean > 0 else np.ones(1)
        alive = np.convolve(alive, steps)[:limit]
        before = time
    return 1 - float(alive.sum())
