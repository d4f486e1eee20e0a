"""Signals: disproportionate reporting, scans over trees of codes, and sequential tests."""

from sundbench.methods.signals.disproportionality import Disproportionality, disproportionality
from sundbench.methods.signals.empirical_bayes import Prior, fit_prior
from sundbench.methods.signals.sequential import (
    MaxSprt,
    binomial_critical_value,
    max_sprt,
    poisson_critical_value,
)
from sundbench.methods.signals.tree_scan import TreeScan, tree_scan

__all__ = [
    "Disproportionality",
    "MaxSprt",
    "Prior",
    "TreeScan",
    "binomial_critical_value",
    "disproportionality",
    "fit_prior",
    "max_sprt",
    "poisson_critical_value",
    "tree_scan",
]
