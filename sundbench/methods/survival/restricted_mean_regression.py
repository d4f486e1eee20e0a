"""Restricted mean survival time between two arms, adjusted for covariates.

Written by hand: no Python library has it. Source: Tian, Zhao and Wei, Biostatistics 15 (2014): a regression
of the restricted time, weighted by the inverse probability of being uncensored, which each arm's Kaplan-Meier
curve of the censoring gives; its variance counts that this curve is estimated. As R's survRM2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, arms, frame, indicator
from sundbench.methods.survival.curve import curve
from sundbench.methods.survival.follow_up import check_level, follow_up
from sundbench.methods.survival.terms import terms

Contrast = Literal["difference", "ratio", "ratio of time lost"]
_LEAST = 0.001
"""The least probability of being uncensored that is divided by, as in survRM2."""
_ITERATIONS = 50


@dataclass(frozen=True)
class RestrictedMeanRegression:
    """Covariates' effects on the restricted mean survival time.

    Attributes:
        table: indexed by term, (intercept) and the arm first: coef, se, z, p_value, lower, upper; for ratios
            coef and se are logarithms, and ``ratio``, lower and upper are not.
        contrast: difference, ratio, or ratio of time lost.
        tau: the horizon.
    """

    table: pd.DataFrame
    contrast: Contrast
    tau: float


@kinds_checked
def rmst_regression(
    data: Frame,
    *,
    time: str,
    event: str,
    arm: str,
    covariates: Sequence[str],
    tau: float,
    contrast: Contrast = "difference",
    conf_level: float = 0.95,
) -> RestrictedMeanRegression:
    """Compare two arms' mean survival up to a horizon, adjusted.

    Args:
        data: a frame, one row a person.
        time: the column with the end of follow-up.
        event: 1 (event) or 0 (censored).
        arm: 1 or 0.
        covariates: numbers and booleans as they are; text and categories get a term a level but the first.
        tau: the horizon, in the unit of ``time``.
        contrast: ``difference``, ``ratio``, or ``ratio of time lost``.
        conf_level: coverage of the limits.

    Raises:
        MethodError: missing or wrong values, an empty arm, a covariate that is constant or follows from the
            others, or ``tau`` beyond the follow-up of an arm.
    """
    check_level(conf_level)
    if contrast not in ("difference", "ratio", "ratio of time lost"):
        raise MethodError(f"contrast {contrast} is unknown: use difference, ratio or ratio of time lost")
    if isinstance(covariates, str):
        raise MethodError("covariates: give a list of columns, which may be empty")
    chosen = frame(data, [time, event, arm, *covariates])
    end, occurred, _, _ = follow_up(chosen[time], chosen[event], None, None)
    treated = indicator(chosen[arm], arm, "the two arms as 1 and 0")
    arms(treated)
    for code, own in ((1, treated), (0, ~treated)):
        if not 0 < tau <= end[own].max():
            raise MethodError(
                f"tau {tau:g} is not within the follow-up of {arm} {code} (to {end[own].max():g})"
            )
    centred, made = terms(chosen, [arm, *covariates])
    matrix = np.column_stack((np.ones(end.size), centred + made.means))
    names = ("(intercept)", *made.names)
    if np.linalg.matrix_rank(centred) < centred.shape[1]:
        raise MethodError("covariates: one follows exactly from the others: leave it out")
    lived = np.minimum(end, tau)
    known = occurred | (end >= tau)
    weight = np.empty(end.size)
    for own in (treated, ~treated):
        weight[own] = _uncensored_weight(lived[own], known[own])
    response = tau - lived if contrast == "ratio of time lost" else lived
    beta, slope = _fit(matrix, response, weight, link=contrast != "difference")
    fitted = matrix @ beta if contrast == "difference" else np.exp(matrix @ beta)
    score = matrix * (weight * (response - fitted))[:, None]
    for own in (treated, ~treated):
        score[own] = _with_censoring(score[own], lived[own], known[own])
    inverse = np.linalg.inv((matrix * slope[:, None]).T @ matrix)
    se = np.sqrt(np.diag(inverse @ (score.T @ score) @ inverse))
    if not (se > 0).all():
        raise MethodError(f"event: survival up to tau {tau:g} doesn't vary: there is nothing to explain")
    wide = norm.ppf((1 + conf_level) / 2) * se
    table = pd.DataFrame(
        {"coef": beta, "se": se, "z": beta / se, "p_value": 2 * norm.sf(np.abs(beta / se))},
        index=pd.Index(names, name="term"),
    )
    if contrast == "difference":
        table = table.assign(lower=beta - wide, upper=beta + wide)
    else:
        table = table.assign(ratio=np.exp(beta), lower=np.exp(beta - wide), upper=np.exp(beta + wide))
    return RestrictedMeanRegression(table, contrast, float(tau))


def _uncensored_weight(lived: Floats, known: Bools) -> Floats:
    """Known / probability of being uncensored up to and including that time, within an arm."""
    free = curve(lived, ~known, np.zeros_like(lived), np.ones_like(lived))
    chance = free.survival[np.searchsorted(free.time, lived)]
    return np.asarray(known / np.maximum(chance, _LEAST))


def _fit(matrix: Floats, response: Floats, weight: Floats, *, link: bool) -> tuple[Floats, Floats]:
    """Coefficients, and the derivative of each person's fitted value with respect to the linear predictor."""

    def weighted(design: Floats, rest: Floats) -> Floats:
        return np.asarray(np.linalg.solve((design * weight[:, None]).T @ matrix, matrix.T @ (weight * rest)))

    if not link:
        return weighted(matrix, response), np.ones(response.size)
    beta = np.zeros(matrix.shape[1])
    beta[0] = np.log(np.average(response, weights=weight))
    for _ in range(_ITERATIONS):
        fitted = np.exp(matrix @ beta)
        step = weighted(matrix * fitted[:, None], response - fitted)
        beta = beta + step
        if np.abs(matrix @ step).max() < 1e-10:
            return beta, np.exp(matrix @ beta)
    raise MethodError(
        "covariates: the regression of the restricted mean doesn't converge: use fewer covariates"
    )


def _with_censoring(score: Floats, lived: Floats, known: Bools) -> Floats:
    """Each person's influence, with what the estimate of the censoring curve adds, within an arm."""
    times, at = np.unique(lived, return_inverse=True)
    by_time = np.zeros((times.size, score.shape[1]))
    np.add.at(by_time, at, score)
    ahead = np.cumsum(by_time[::-1], axis=0)[::-1]
    at_risk = np.cumsum(np.bincount(at)[::-1])[::-1].astype(np.float64)
    leaving = np.bincount(at, ~known, times.size)
    mean = ahead / at_risk[:, None]
    gathered = np.cumsum(mean * (leaving / at_risk)[:, None], axis=0)
    return np.asarray(score + mean[at] * ~known[:, None] - gathered[at])
