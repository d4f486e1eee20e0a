"""Calibration by controls: systematic error, and p-values and intervals that account for it."""

from sundbench.methods.calibration.calibrated import Calibrated, calibrate
from sundbench.methods.calibration.error_model import (
    ErrorModel,
    Null,
    fit_error_model,
    fit_null,
)
from sundbench.methods.calibration.leave_one_out import LeaveOneOut, leave_one_out

__all__ = [
    "Calibrated",
    "ErrorModel",
    "LeaveOneOut",
    "Null",
    "calibrate",
    "fit_error_model",
    "fit_null",
    "leave_one_out",
]
