"""Residuals of proportional hazards models, and the robust variance that they give.

Score residuals under Efron's ties as in Therneau and Grambsch, Modeling Survival Data (2000), section 4.6:
over all rows they sum, weighted, to the derivative of the log likelihood.
"""

from __future__ import annotations

import numpy as np

from sundbench.methods.inputs import Floats
from sundbench.methods.survival.follow_up import Ints
from sundbench.methods.survival.partial_likelihood import PartialLikelihood
from sundbench.methods.survival.risk_sets import by_place


def martingale(model: PartialLikelihood, beta: Floats) -> Floats:
    """Events less expected events, of each row."""
    expected = model.expected(model.hazard(beta)) / model.weight
    expected[model.sets.event_rows] -= 1.0
    return -expected


def score_residuals(model: PartialLikelihood, beta: Floats) -> Floats:
    """Rows by terms."""
    hazard = model.hazard(beta)
    mean, gone, spared = model.mean_steps(hazard)
    sets = model.sets
    rows, places = sets.event_rows, sets.event_places
    residuals = model.sets.gathered(gone)
    residuals[rows] -= spared[places]
    residuals *= (hazard.risk / model.weight)[:, None]
    residuals -= model.matrix * (model.expected(hazard) / model.weight)[:, None]
    residuals[rows] += model.event_matrix - mean[places]
    return residuals


def schoenfeld(model: PartialLikelihood, beta: Floats) -> Floats:
    """Each event's covariates less the mean of those at risk."""
    mean = model.mean_steps(model.hazard(beta))[0]
    return np.asarray(model.event_matrix - mean[model.sets.event_places])


def cluster_variance(model: PartialLikelihood, beta: Floats, inverse: Floats, cluster: Ints | None) -> Floats:
    """The sandwich, from score residuals summed by cluster.

    Args:
        model: the data.
        beta: the maximum.
        inverse: of the information there.
        cluster: codes from 0; None where each row stands for itself.
    """
    weighted = score_residuals(model, beta)
    if cluster is None:
        weighted *= model.weight[:, None]
    else:
        weighted = by_place(cluster, model.weight, weighted, int(cluster.max()) + 1)
    return np.asarray(inverse @ (weighted.T @ weighted) @ inverse)
