"""P-values and intervals of estimates, calibrated by the systematic error of controls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm

from sundbench.methods.arguments import kinds_checked
from sundbench.methods.calibration.error_model import ErrorModel, Null, checked
from sundbench.methods.inputs import Floats
from sundbench.methods.survival.follow_up import check_level

_FAR = 100.0
"""Log ratios beyond which a limit counts as infinite."""


@dataclass(frozen=True)
class Calibrated:
    """Estimates before and after calibration.

    Attributes:
        table: a row an estimate: log_rr, se_log_rr, rr, lower, upper, p_value as they were; and
            calibrated_log_rr, calibrated_se_log_rr, calibrated_rr, calibrated_lower, calibrated_upper,
            calibrated_p_value. Limits are of the ratio.
        conf_level: of the limits.
    """

    table: pd.DataFrame
    conf_level: float


@kinds_checked
def calibrate(
    log_rr: ArrayLike, se_log_rr: ArrayLike, null: Null | ErrorModel, *, conf_level: float = 0.95
) -> Calibrated:
    """Calibrate estimates.

    The calibrated p-value is that of no effect under random and systematic error together. The calibrated
    interval holds the true effects that both errors make plausible; an empirical null gives it by supposing
    that systematic error is the same at every true effect.

    Args:
        log_rr: estimated log ratios, of hypotheses that are not controls.
        se_log_rr: their standard errors.
        null: from ``fit_null`` or ``fit_error_model``, over controls of the same design.
        conf_level: coverage of the limits.

    Raises:
        MethodError: estimates that are missing or infinite, or whose standard error is 0, missing or
            infinite.
    """
    check_level(conf_level)
    estimates, se = checked(log_rr, se_log_rr)
    model = null if isinstance(null, ErrorModel) else as_error_model(null)
    z = float(norm.ppf((1 + conf_level) / 2))
    at_zero = (estimates - model.mean_intercept) / np.sqrt(model.sd_intercept**2 + se**2)
    centre = (estimates - model.mean_intercept) / model.mean_slope
    limits = [_limits(model, y, s, z) for y, s in zip(estimates, se, strict=True)]
    lower, upper = (np.array(side) for side in zip(*limits, strict=True))
    return Calibrated(
        pd.DataFrame(
            {
                "log_rr": estimates,
                "se_log_rr": se,
                "rr": np.exp(estimates),
                "lower": np.exp(estimates - z * se),
                "upper": np.exp(estimates + z * se),
                "p_value": two_sided(estimates / se),
                "calibrated_log_rr": centre,
                "calibrated_se_log_rr": (upper - lower) / (2 * z),
                "calibrated_rr": np.exp(centre),
                "calibrated_lower": np.exp(lower),
                "calibrated_upper": np.exp(upper),
                "calibrated_p_value": two_sided(at_zero),
            }
        ),
        conf_level,
    )


def as_error_model(null: Null) -> ErrorModel:
    """Systematic error that is the same at every true effect."""
    return ErrorModel(null.mean, 1.0, null.sd, 0.0, null.controls, null.loglik)


def two_sided(z: Floats) -> Floats:
    """Two-sided p-values."""
    return np.asarray(2 * norm.sf(np.abs(z)))


def _limits(model: ErrorModel, estimate: float, se: float, z: float) -> tuple[float, float]:
    """The true effects at which the estimate lies z standard deviations above, and below, its mean."""
    if model.sd_slope == 0:
        reach = z * np.hypot(model.sd_intercept, se)
        centre = estimate - model.mean_intercept
        return float((centre - reach) / model.mean_slope), float((centre + reach) / model.mean_slope)

    def excess(true: float, side: float) -> float:
        sd = max(model.sd_intercept + model.sd_slope * abs(true), 0.0)
        mean = model.mean_intercept + model.mean_slope * true
        return float((mean - estimate) / np.hypot(sd, se) + side * z)

    limits = []
    for side, infinite in ((1.0, -np.inf), (-1.0, np.inf)):
        ends = excess(-_FAR, side), excess(_FAR, side)
        crosses = ends[0] < 0 < ends[1]
        limits.append(float(brentq(excess, -_FAR, _FAR, args=(side,), xtol=1e-13)) if crosses else infinite)
    return limits[0], limits[1]
