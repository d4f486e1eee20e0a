"""Designs in which each person is the own control."""

from sundbench.methods.self_controlled.crossover import (
    CaseCrossover,
    CaseTimeControl,
    case_crossover,
    case_time_control,
)
from sundbench.methods.self_controlled.diagnostics import SccsDiagnostics, sccs_diagnostics
from sundbench.methods.self_controlled.event_dependent_exposure import (
    EventDependentExposure,
    sccs_event_dependent_exposure,
)
from sundbench.methods.self_controlled.event_dependent_observation import (
    EventDependentObservation,
    sccs_event_dependent_observation,
)
from sundbench.methods.self_controlled.sample_size import SampleSize, sccs_sample_size
from sundbench.methods.self_controlled.sequence_symmetry import SequenceSymmetry, sequence_symmetry
from sundbench.methods.self_controlled.series import CaseSeries, sccs

__all__ = [
    "CaseCrossover",
    "CaseSeries",
    "CaseTimeControl",
    "EventDependentExposure",
    "EventDependentObservation",
    "SampleSize",
    "SccsDiagnostics",
    "SequenceSymmetry",
    "case_crossover",
    "case_time_control",
    "sccs",
    "sccs_diagnostics",
    "sccs_event_dependent_exposure",
    "sccs_event_dependent_observation",
    "sccs_sample_size",
    "sequence_symmetry",
]
