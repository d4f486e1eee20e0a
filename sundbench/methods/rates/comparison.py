"""Ratios and differences of two or more groups' rates against one of them.

The exact limits of a ratio rest on the binomial distribution of the group's events among both groups'
(Przyborowski and Wilenski 1940); its score limits on Wilson's. Differences have no exact conditional limits.
Their score limits (Miettinen and Nurminen 1985) are written by hand: statsmodels stops its search at some
eight decimals, whatever the unit of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binom, norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Frame
from sundbench.methods.rates.counts import summed
from sundbench.methods.rates.incidence import check_per
from sundbench.methods.survival.follow_up import check_level

RatioMethod = Literal["exact", "score", "wald"]
DifferenceMethod = Literal["score", "wald"]


@dataclass(frozen=True)
class Comparison:
    """Groups' rates against a reference's.

    Attributes:
        table: the group's column, events, person_time, rate, then rr (or difference), lower, upper and
            p_value; the reference's row has no limits.
        reference: the group that the others are compared with.
        conf_level: of the limits.
        method: by which limits and p-values were made.
    """

    table: pd.DataFrame
    reference: object
    conf_level: float
    method: str


@kinds_checked
def rate_ratio(
    data: Frame,
    *,
    events: str,
    person_time: str,
    group: str,
    reference: object = None,
    per: float = 1000,
    conf_level: float = 0.95,
    method: RatioMethod = "exact",
) -> Comparison:
    """Each group's rate over the reference's.

    With no events in the reference the ratio is infinite and has a lower limit alone; with none in either
    group it is NaN with limits 0 and infinity (``wald`` has no limits in either case: NaN).

    Args:
        data: a frame; rows of a group are added.
        events: the column with the number of events.
        person_time: the column with the time under observation.
        group: the column whose groups are compared.
        reference: the group that the others are compared with; None for the first in order.
        per: person-time that rates refer to.
        conf_level: coverage of the limits.
        method: ``exact`` (the p-value is twice the smaller tail, so that it agrees with the limits),
            ``score``, or ``wald`` (on the logarithm).

    Raises:
        MethodError: bad counts, one group, an unknown reference, a group without person-time, or no events.
    """
    compute = {"exact": _exact, "score": _score, "wald": _wald}.get(method)
    if compute is None:
        raise MethodError(f"method {method} is unknown: use exact, score or wald")
    table, place = _groups(
        data,
        events=events,
        person_time=person_time,
        group=group,
        reference=reference,
        per=per,
        conf_level=conf_level,
    )
    seen, time = table["events"].to_numpy(), table["person_time"].to_numpy()
    rows = []
    for i in range(len(table)):
        if i == place:
            rows.append((1.0, np.nan, np.nan, np.nan))
            continue
        times = float(time[place] / time[i])
        a, b = int(seen[i]), int(seen[place])
        ratio = a / b * times if b else (np.inf if a else np.nan)
        lower, upper, p_value = compute(a, b, times, conf_level)
        rows.append((ratio, lower, upper, p_value))
    table[["rr", "lower", "upper", "p_value"]] = rows
    return Comparison(table, table.loc[place, group], conf_level, method)


@kinds_checked
def rate_difference(
    data: Frame,
    *,
    events: str,
    person_time: str,
    group: str,
    reference: object = None,
    per: float = 1000,
    conf_level: float = 0.95,
    method: DifferenceMethod = "score",
) -> Comparison:
    """Each group's rate less the reference's, per ``per`` person-time.

    Where neither has events the difference is 0 with score limits and no p-value (``wald``: no limits).

    Args:
        data: a frame; rows of a group are added.
        events: the column with the number of events.
        person_time: the column with the time under observation.
        group: the column whose groups are compared.
        reference: the group that the others are compared with; None for the first in order.
        per: person-time that rates refer to.
        conf_level: coverage of the limits.
        method: ``score`` (Miettinen and Nurminen) or ``wald``.

    Raises:
        MethodError: as ``rate_ratio``.
    """
    if method not in ("score", "wald"):
        raise MethodError(f"method {method} is unknown: use score or wald")
    table, place = _groups(
        data,
        events=events,
        person_time=person_time,
        group=group,
        reference=reference,
        per=per,
        conf_level=conf_level,
    )
    seen, time = table["events"].to_numpy(), table["person_time"].to_numpy()
    rows = []
    for i in range(len(table)):
        if i == place:
            rows.append((0.0, np.nan, np.nan, np.nan))
            continue
        a, t1, b, t0 = float(seen[i]), float(time[i]), float(seen[place]), float(time[place])
        difference = a / t1 - b / t0
        # The variance under equal rates for the score test, the groups' own for Wald's.
        pooled = (a + b) / (t1 + t0)
        spread = pooled / t1 + pooled / t0 if method == "score" else a / t1**2 + b / t0**2
        z = float(norm.ppf((1 + conf_level) / 2))
        if method == "score":
            lower, upper = _score_difference(a, t1, b, t0, z)
        else:
            reach = z * np.sqrt(spread) if spread > 0 else np.nan
            lower, upper = difference - reach, difference + reach
        p_value = 2 * norm.sf(abs(difference) / np.sqrt(spread)) if spread > 0 else np.nan
        rows.append((difference * per, lower * per, upper * per, p_value))
    table[["difference", "lower", "upper", "p_value"]] = rows
    return Comparison(table, table.loc[place, group], conf_level, method)


def _groups(
    data: Frame,
    *,
    events: str,
    person_time: str,
    group: str,
    reference: object,
    per: float,
    conf_level: float,
) -> tuple[pd.DataFrame, int]:
    check_level(conf_level)
    check_per(per)
    table = summed(data, events=events, person_time=person_time, by=[group])
    if len(table) < 2:
        raise MethodError(f"{group} has one group: a comparison needs two or more")
    if not table["events"].any():
        raise MethodError(f"{events}: no events in any group: rates can't be compared without any")
    table["rate"] = table["events"] / table["person_time"] * per
    if reference is None:
        return table, 0
    if not pd.api.types.is_scalar(reference):
        raise MethodError(f"reference: this {type(reference).__name__} is not one of the values of {group}")
    own = np.flatnonzero((table[group] == reference).to_numpy(dtype=np.bool_))
    if own.size == 0:
        raise MethodError(
            f"reference {reference} is not among {group}: {', '.join(map(str, table[group].head(20)))}"
        )
    return table, int(own[0])


def _score_difference(a: float, t1: float, b: float, t0: float, z: float) -> tuple[float, float]:
    """The differences at which the score statistic is z and -z."""

    def statistic(difference: float) -> float:
        # The rate in the reference that is likeliest at this difference: the larger root of a quadratic.
        half = ((t1 + t0) * difference - a - b) / (2 * (t1 + t0))
        root = np.sqrt(half**2 + b * difference / (t1 + t0))
        base = root - half if half <= 0 else b * difference / (t1 + t0) / (root + half)
        spread = max(base + difference, 0.0) / t1 + max(base, 0.0) / t0
        return float((a / t1 - b / t0 - difference) / np.sqrt(spread))

    seen = a / t1 - b / t0
    step = np.sqrt((a + 1) / t1**2 + (b + 1) / t0**2)
    limits = []
    for sign in (-1, 1):
        far = z * step
        while sign * statistic(seen + sign * far) + z > 0:
            far *= 2
        near = seen + sign * 1e-9 * step
        limits.append(
            float(brentq(lambda d, s=sign: s * statistic(d) + z, near, seen + sign * far, xtol=1e-14 * step))
        )
    return limits[0], limits[1]


def _odds(share: float, times: float) -> float:
    return np.inf if share >= 1 else share / (1 - share) * times


def _exact(a: int, b: int, times: float, conf_level: float) -> tuple[float, float, float]:
    from scipy.stats import binomtest

    if a + b == 0:
        return 0.0, np.inf, 1.0
    interval = binomtest(a, a + b).proportion_ci(conf_level, "exact")
    share = 1 / (1 + times)
    tail = min(binom.cdf(a, a + b, share), binom.sf(a - 1, a + b, share))
    return _odds(float(interval.low), times), _odds(float(interval.high), times), min(1.0, 2 * float(tail))


def _score(a: int, b: int, times: float, conf_level: float) -> tuple[float, float, float]:
    from scipy.stats import binomtest

    if a + b == 0:
        return 0.0, np.inf, 1.0
    interval = binomtest(a, a + b).proportion_ci(conf_level, "wilson")
    share, n = 1 / (1 + times), a + b
    z = (a - n * share) / np.sqrt(n * share * (1 - share))
    low = float(interval.low) if a else 0.0
    high = float(interval.high) if b else 1.0
    return _odds(low, times), _odds(high, times), float(2 * norm.sf(abs(z)))


def _wald(a: int, b: int, times: float, conf_level: float) -> tuple[float, float, float]:
    if a == 0 or b == 0:
        return np.nan, np.nan, np.nan
    log, se = np.log(a / b * times), np.sqrt(1 / a + 1 / b)
    reach = norm.ppf((1 + conf_level) / 2) * se
    return float(np.exp(log - reach)), float(np.exp(log + reach)), float(2 * norm.sf(abs(log / se)))
