"""Designs in which each person is the own control."""

from sundbench.methods.self_controlled.sequence_symmetry import SequenceSymmetry, sequence_symmetry
from sundbench.methods.self_controlled.series import CaseSeries, sccs

__all__ = ["CaseSeries", "SequenceSymmetry", "sccs", "sequence_symmetry"]
