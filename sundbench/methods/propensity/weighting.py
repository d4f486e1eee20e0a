"""Weights from propensity scores.

Source: Austin and Stuart, Statistics in Medicine 34 (2015), for the average effect in all (ate) and in the
treated (att); Li, Morgan and Zaslavsky, JASA 113 (2018), for the overlap population; Crump et al.,
Biometrika 96 (2009), for trimming.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, arms, indicator, numbers, same_length

Estimand = Literal["ate", "att", "overlap"]
Trim = float | tuple[float, float] | Literal["optimal"] | None


@kinds_checked
def weights(
    score: ArrayLike,
    treatment: ArrayLike,
    *,
    estimand: Estimand = "ate",
    stabilise: bool = True,
    trim: Trim = None,
) -> Floats:
    """Each person's weight.

    Args:
        score: the probability of treatment, strictly between 0 and 1.
        treatment: 1 (treated) or 0.
        estimand: the population that the weighted arms stand for. ``ate``: all, 1/score for the treated and
            1/(1-score) for the others. ``att``: the treated, 1 and score/(1-score). ``overlap``: those who
            could have had either, 1-score and score.
        stabilise: multiply ate weights by the share of the person's own arm, so that their mean is near 1;
            att weights keep the treated at 1, overlap weights lie below 1, and both stay as they are.
        trim: give weight 0 to persons with a score below ``trim`` or above ``1 - trim``; or outside a pair of
            scores, such as percentiles; or outside the ``optimal`` threshold of ``optimal_trim``. The arms'
            shares by which weights are stabilised are those among who is left. The model is best fitted again
            to them.

    Returns:
        One weight a person.

    Raises:
        MethodError: scores outside (0, 1), an empty arm (also after trimming), or an unknown estimand.
    """
    ps, arm = scores_and_arm(score, treatment)
    if estimand not in ("ate", "att", "overlap"):
        raise MethodError(f"estimand {estimand} is unknown: use ate, att or overlap")
    lower, upper = _bounds(trim, ps)
    kept = (ps >= lower) & (ps <= upper)
    if not (kept & arm).any() or not (kept & ~arm).any():
        raise MethodError(f"trim {trim}: an arm is empty after trimming: trim less")
    result = raw_weights(ps, arm, estimand)
    if stabilise and estimand == "ate":
        share = arm[kept].mean()
        result = result * np.where(arm, share, 1 - share)
    return np.where(kept, result, 0.0)


def optimal_trim(score: ArrayLike) -> float:
    """The threshold of the score at which the average effect in those left is estimated most precisely.

    Persons with a score below it or above 1 less it are left out (Crump et al. 2009): of all symmetric
    thresholds it has the least bound of the variance, if outcomes vary alike in everybody. 0 where nobody
    need be left out.

    Args:
        score: the probability of treatment, strictly between 0 and 1.

    Raises:
        MethodError: scores outside (0, 1).
    """
    ps = _strictly_inside(numbers(score, "score"))
    cost = np.sort(1 / (ps * (1 - ps)))
    total, many = np.cumsum(cost), np.arange(1, cost.size + 1)
    if 2 * total[-1] / cost.size >= cost[-1]:
        return 0.0
    # Who costs as much as another is left out with the other.
    last = np.append(cost[1:] != cost[:-1], True)
    best = int(np.where(last, total / many**2, np.inf).argmin())
    return float(0.5 - np.sqrt(0.25 - 1 / (2 * total[best] / many[best])))


def scores_and_arm(score: ArrayLike, treatment: ArrayLike) -> tuple[Floats, Bools]:
    """Scores strictly between 0 and 1 and who is treated.

    Raises:
        MethodError: scores outside (0, 1), other lengths, or an empty arm.
    """
    ps = numbers(score, "score")
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    same_length(score=ps, treatment=arm)
    arms(arm)
    return _strictly_inside(ps), arm


def raw_weights(score: Floats, arm: Bools, estimand: Estimand) -> Floats:
    """Unstabilised weights; ``score`` may have replicates before its last axis, which is persons."""
    if estimand == "ate":
        return np.where(arm, 1 / score, 1 / (1 - score))
    if estimand == "att":
        return np.where(arm, 1.0, score / (1 - score))
    return np.where(arm, 1 - score, score)


def effective_sample_size(weights: ArrayLike, treatment: ArrayLike) -> pd.DataFrame:
    """Kish's effective sample size, (sum w)² / sum w², of each arm and of all.

    Returns:
        arm (0, 1, all), persons with a weight, effective.

    Raises:
        MethodError: negative weights.
    """
    w = numbers(weights, "weights")
    if (w < 0).any():
        raise MethodError("weights: some are negative: weights count persons")
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    same_length(weights=w, treatment=arm)
    rows = []
    for name, own in (("0", ~arm), ("1", arm), ("all", np.ones_like(arm))):
        part = w[own & (w > 0)]
        effective = float(part.sum() ** 2 / (part**2).sum()) if part.size else 0.0
        rows.append((name, int(part.size), effective))
    return pd.DataFrame(rows, columns=["arm", "persons", "effective"])


def _strictly_inside(score: Floats) -> Floats:
    """The same scores, where all are strictly between 0 and 1.

    Raises:
        MethodError: some are not.
    """
    if (score <= 0).any() or (score >= 1).any():
        raise MethodError("score: some lie at 0, at 1 or outside: the arms don't overlap there")
    return score


def _bounds(trim: Trim, score: Floats) -> tuple[float, float]:
    """The least and largest score that keep their weight."""
    if trim is None:
        return 0.0, 1.0
    if isinstance(trim, str):
        if trim != "optimal":
            raise MethodError(f"trim {trim} is unknown: use a score such as 0.05, a pair of them, or optimal")
        least = optimal_trim(score)
        return least, 1 - least
    if isinstance(trim, tuple | list):
        if len(trim) != 2 or not 0 <= trim[0] < trim[1] <= 1:
            raise MethodError(f"trim {trim}: give the least and the largest score that are kept")
        return float(trim[0]), float(trim[1])
    if not 0 < trim < 0.5:
        raise MethodError(f"trim {trim} lies outside 0 to 0.5: use e.g. 0.05")
    return float(trim), 1 - float(trim)
