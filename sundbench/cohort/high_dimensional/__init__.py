"""High-dimensional covariates: the commonest codes of each register before index (docs/cohorts.md)."""

from sundbench.cohort.high_dimensional.covariates import HighDimensional, high_dimensional
from sundbench.cohort.high_dimensional.dimensions import Dimension, dimension
from sundbench.cohort.high_dimensional.prioritising import Prioritised, prioritise
from sundbench.cohort.high_dimensional.screening import Screening

__all__ = [
    "Dimension",
    "HighDimensional",
    "Prioritised",
    "Screening",
    "dimension",
    "high_dimensional",
    "prioritise",
]
