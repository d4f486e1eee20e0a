"""Does calibration work? Each control is calibrated by the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.calibration.calibrated import calibrate
from sundbench.methods.calibration.error_model import (
    ErrorModel,
    Null,
    checked,
    fit_error_model,
    fit_null,
    log_ratios,
)
from sundbench.methods.inputs import Floats, same_length


@dataclass(frozen=True)
class LeaveOneOut:
    """Controls, each calibrated by a model of the others.

    Attributes:
        table: a row a control: the columns of ``Calibrated.table``, true_log_rr, and whether the true effect
            lies in the limits (covered, calibrated_covered).
        coverage: by true_log_rr and overall: controls, coverage before and after calibration, and the mean
            width of the limits on the log scale before and after.
        conf_level: the coverage that is aimed at.
    """

    table: pd.DataFrame
    coverage: pd.DataFrame
    conf_level: float


@kinds_checked
def leave_one_out(
    log_rr: ArrayLike,
    se_log_rr: ArrayLike,
    true_log_rr: ArrayLike | None = None,
    *,
    conf_level: float = 0.95,
) -> LeaveOneOut:
    """Calibrate each control by the others.

    Args:
        log_rr: the controls' estimated log ratios.
        se_log_rr: their standard errors.
        true_log_rr: their true log ratios; None: all are negative controls, calibrated by the empirical null.
        conf_level: coverage of the limits.

    Raises:
        MethodError: as ``fit_null`` and ``fit_error_model``, of any of the models.
    """
    estimates, se = checked(log_rr, se_log_rr)
    true = np.zeros(estimates.size) if true_log_rr is None else log_ratios(true_log_rr, "true_log_rr")
    same_length(log_rr=estimates, true_log_rr=true)
    if estimates.size < 4:
        raise MethodError(f"log_rr: {estimates.size} controls: leaving one out takes four or more")
    rows = []
    for out in range(estimates.size):
        others = np.arange(estimates.size) != out
        model = _model(estimates[others], se[others], None if true_log_rr is None else true[others])
        rows.append(calibrate(estimates[[out]], se[[out]], model, conf_level=conf_level).table)
    table = pd.concat(rows, ignore_index=True)
    table["true_log_rr"] = true
    for kind in ("", "calibrated_"):
        inside = (np.log(table[f"{kind}lower"]) <= true) & (true <= np.log(table[f"{kind}upper"]))
        table[f"{kind}covered"] = inside
    return LeaveOneOut(table, _coverage(table), conf_level)


def _model(estimates: Floats, se: Floats, true: Floats | None) -> Null | ErrorModel:
    return fit_null(estimates, se) if true is None else fit_error_model(estimates, se, true)


def _coverage(table: pd.DataFrame) -> pd.DataFrame:
    parts = [(str(value), part) for value, part in table.groupby("true_log_rr")]
    rows = []
    for label, part in [*parts, ("all", table)]:
        widths = [np.log(part[f"{k}upper"] / part[f"{k}lower"]).mean() for k in ("", "calibrated_")]
        rows.append((label, len(part), part["covered"].mean(), part["calibrated_covered"].mean(), *widths))
    columns = ["true_log_rr", "controls", "coverage", "calibrated_coverage", "width", "calibrated_width"]
    return pd.DataFrame(rows, columns=columns)
