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
from sundbench.methods.inputs import Bools, Floats, arms, indicator, numbers, same_length

Estimand = Literal["ate", "att", "overlap"]


def weights(
    score: ArrayLike,
    treatment: ArrayLike,
    *,
    estimand: Estimand = "ate",
    stabilise: bool = True,
    trim: float | None = None,
) -> Floats:
    """Each person's weight.

    Args:
        score: the probability of treatment, strictly between 0 and 1.
        treatment: 1 (treated) or 0.
        estimand: the population that the weighted arms stand for. ``ate``: all, 1/score for the treated and
            1/(1-score) for the others. ``att``: the treated, 1 and score/(1-score). ``overlap``: those who
            could have had either, 1-score and score.
        stabilise: multiply ate weights by the share of the person's own arm, so that their mean is near 1;
            att and overlap weights are bounded by nature and stay as they are.
        trim: give weight 0 to persons with a score below ``trim`` or above ``1 - trim``.

    Returns:
        One weight a person.

    Raises:
        MethodError: scores outside (0, 1), an empty arm (also after trimming), or an unknown estimand.
    """
    ps = numbers(score, "score")
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    same_length(score=ps, treatment=arm)
    arms(arm)
    if (ps <= 0).any() or (ps >= 1).any():
        raise MethodError("score: some lie at 0, at 1 or outside: the arms don't overlap there")
    if estimand not in ("ate", "att", "overlap"):
        raise MethodError(f"estimand {estimand} is unknown: use ate, att or overlap")
    if trim is not None and not 0 < trim < 0.5:
        raise MethodError(f"trim {trim} lies outside 0 to 0.5: use e.g. 0.05")
    kept = np.ones_like(arm) if trim is None else (ps >= trim) & (ps <= 1 - trim)
    if not (kept & arm).any() or not (kept & ~arm).any():
        raise MethodError(f"trim {trim}: an arm is empty after trimming: trim less")
    result = raw_weights(ps, arm, estimand)
    if stabilise and estimand == "ate":
        share = arm[kept].mean()
        result = result * np.where(arm, share, 1 - share)
    return np.where(kept, result, 0.0)


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
    """
    w = numbers(weights, "weights")
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    same_length(weights=w, treatment=arm)
    rows = []
    for name, own in (("0", ~arm), ("1", arm), ("all", np.ones_like(arm))):
        part = w[own & (w > 0)]
        effective = float(part.sum() ** 2 / (part**2).sum()) if part.size else 0.0
        rows.append((name, int(part.size), effective))
    return pd.DataFrame(rows, columns=["arm", "persons", "effective"])
