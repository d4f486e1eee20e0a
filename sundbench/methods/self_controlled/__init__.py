"""Designs in which each person is the own control."""

from sundbench.methods.self_controlled.crossover import (
    CaseCrossover,
    CaseTimeControl,
    case_crossover,
    case_time_control,
)
from sundbench.methods.self_controlled.sequence_symmetry import SequenceSymmetry, sequence_symmetry
from sundbench.methods.self_controlled.series import CaseSeries, sccs

__all__ = [
    "CaseCrossover",
    "CaseSeries",
    "CaseTimeControl",
    "SequenceSymmetry",
    "case_crossover",
    "case_time_control",
    "sccs",
    "sequence_symmetry",
]
