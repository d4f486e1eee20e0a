"""Comorbidity indices: as covariates of a study (``covariates``) and over plain frames.

Example:
    >>> from sundbench.cohort import comorbidity
    >>> comorbidity.charlson(diagnoses, index=index, years=5).table
"""

from sundbench.cohort.comorbidity.scoring import Scores, charlson, elixhauser

__all__ = ["Scores", "charlson", "elixhauser"]
