"""Survival analysis: Kaplan-Meier curves and restricted mean survival time."""

from sundbench.methods.survival.kaplan_meier import KaplanMeier, kaplan_meier
from sundbench.methods.survival.restricted_mean import RestrictedMean, rmst

__all__ = ["KaplanMeier", "RestrictedMean", "kaplan_meier", "rmst"]
