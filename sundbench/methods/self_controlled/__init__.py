"""Designs in which each person is the own control."""

from sundbench.methods.self_controlled.sequence_symmetry import SequenceSymmetry, sequence_symmetry

__all__ = ["SequenceSymmetry", "sequence_symmetry"]
