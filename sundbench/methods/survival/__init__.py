"""Survival analysis: curves, tests, competing risks, and hazard models."""

from sundbench.methods.survival.cox import Cox, cox
from sundbench.methods.survival.kaplan_meier import KaplanMeier, kaplan_meier
from sundbench.methods.survival.restricted_mean import RestrictedMean, rmst

__all__ = ["Cox", "KaplanMeier", "RestrictedMean", "cox", "kaplan_meier", "rmst"]
