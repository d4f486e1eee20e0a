"""Survival analysis: curves, tests, competing risks, and hazard models."""

from sundbench.methods.survival.aalen_johansen import AalenJohansen, aalen_johansen
from sundbench.methods.survival.cox import Cox, cox
from sundbench.methods.survival.fine_gray import FineGray, fine_gray
from sundbench.methods.survival.gray import gray_test
from sundbench.methods.survival.kaplan_meier import KaplanMeier, kaplan_meier
from sundbench.methods.survival.log_rank import GroupTest, log_rank
from sundbench.methods.survival.restricted_mean import RestrictedMean, rmst
from sundbench.methods.survival.restricted_mean_regression import RestrictedMeanRegression, rmst_regression

__all__ = [
    "AalenJohansen",
    "Cox",
    "FineGray",
    "GroupTest",
    "KaplanMeier",
    "RestrictedMean",
    "RestrictedMeanRegression",
    "aalen_johansen",
    "cox",
    "fine_gray",
    "gray_test",
    "kaplan_meier",
    "log_rank",
    "rmst",
    "rmst_regression",
]
