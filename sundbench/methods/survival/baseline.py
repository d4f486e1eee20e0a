"""The baseline hazard of a proportional hazards model, and survival predicted from it.

Source: Therneau and Grambsch, Modeling Survival Data (2000), section 10.2: the hazard follows the handling of
ties; the variance of the log survival has a part from the hazard and one from the coefficients.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats
from sundbench.methods.survival.follow_up import check_limits
from sundbench.methods.survival.partial_likelihood import PartialLikelihood

ConfidenceType = Literal["log-log", "log", "plain"]


def baseline(model: PartialLikelihood, beta: Floats, means: Floats, strata: tuple[str, ...]) -> pd.DataFrame:
    """stratum, time, cumulative_hazard, survival at covariates and offset of 0."""
    sets = model.sets
    hazard = model.hazard(beta).increment * np.exp(-(means @ beta))
    table = pd.DataFrame({"stratum": np.asarray(strata)[sets.stratum], "time": sets.time})
    table["cumulative_hazard"] = pd.Series(hazard).groupby(sets.stratum).cumsum()
    table["survival"] = np.exp(-table["cumulative_hazard"])
    return table


def predicted_survival(
    model: PartialLikelihood,
    beta: Floats,
    variance: Floats,
    matrix: Floats,
    *,
    times: Floats,
    stratum: int,
    last: float,
    conf_type: ConfidenceType,
    conf_level: float,
) -> pd.DataFrame:
    """Survival of new rows at given times: row, time, survival, se, lower, upper.

    Raises:
        MethodError: negative times, or unknown limits.
    """
    check_limits(conf_type, conf_level)
    if (times < 0).any():
        raise MethodError("times: some are negative: survival starts at time 0")
    own = model.sets.stratum == stratum
    hazard = model.hazard(beta)
    gone = model.mean_steps(hazard)[1][own]
    increment = hazard.increment[own]
    squares = hazard.squares[own, 0]
    place = np.searchsorted(model.sets.time[own], times, side="right")

    def by_then(steps: Floats) -> Floats:
        return np.concatenate((np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)))[place]

    total, spread, means = by_then(increment), by_then(squares), by_then(gone)
    parts = []
    for row, (covariates, relative) in enumerate(zip(matrix, relative_hazard(matrix, beta), strict=True)):
        gap = means - total[:, None] * covariates
        se_log = relative * np.sqrt(spread + np.einsum("tp,pq,tq->t", gap, variance, gap))
        survival = np.exp(-relative * total)
        lower, upper = survival_limits(survival, se_log, conf_type, conf_level)
        part = {"survival": survival, "se": survival * se_log, "lower": lower, "upper": upper}
        known = times <= last
        columns = {name: np.where(known, values, np.nan) for name, values in part.items()}
        parts.append(pd.DataFrame({"row": row, "time": times, **columns}))
    return pd.concat(parts, ignore_index=True)


def relative_hazard(matrix: Floats, beta: Floats) -> Floats:
    """The hazard of new rows, relative to that at the means.

    Raises:
        MethodError: it can't be computed.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        relative = np.exp(matrix @ beta)
    bad = int((~np.isfinite(relative)).sum())
    if bad:
        raise MethodError(f"{bad} of {relative.size} new rows lie so far from the data that hazards overflow")
    return np.asarray(relative)


def survival_limits(
    survival: Floats, se_log: Floats, conf_type: ConfidenceType, conf_level: float
) -> tuple[Floats, Floats]:
    """Limits of a survival of which the standard error of the logarithm is known; 1 where it is 1."""
    z = norm.ppf((1 + conf_level) / 2)
    certain = survival >= 1.0
    inner = np.where(certain, 0.5, survival)
    if conf_type == "plain":
        lower, upper = inner * (1 - z * se_log), inner * (1 + z * se_log)
    elif conf_type == "log":
        lower, upper = inner * np.exp(-z * se_log), inner * np.exp(z * se_log)
    else:
        wide = z * se_log / np.log(inner)
        with np.errstate(over="ignore"):  # next to certain, with a wide interval: the limit is 0 or 1
            lower, upper = inner ** np.exp(-wide), inner ** np.exp(wide)
    lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
    return np.where(certain, 1.0, lower), np.where(certain, 1.0, upper)
