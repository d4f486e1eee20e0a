"""Adherence to medication: possession, days covered, episodes, persistence, switching, initiation.

Written by hand: AdhereR's measures exist in R alone, where they loop over persons. Here all persons take a
step at once; the steps and the episodes are those of ``cohort.exposure``.
"""

from sundbench.methods.adherence.availability import Adherence, cma
from sundbench.methods.adherence.starting import Initiation, initiation
from sundbench.methods.adherence.switching import Switching, switching
from sundbench.methods.adherence.treatment import (
    EpisodeAdherence,
    Episodes,
    Persistence,
    episodes,
    per_episode,
    persistence,
)

__all__ = [
    "Adherence",
    "EpisodeAdherence",
    "Episodes",
    "Initiation",
    "Persistence",
    "Switching",
    "cma",
    "episodes",
    "initiation",
    "per_episode",
    "persistence",
    "switching",
]
