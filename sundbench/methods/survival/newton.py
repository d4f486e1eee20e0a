"""The maximum of a partial likelihood, by Newton's method.

The information that is returned was computed at the maximum, not one step before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.information import undetermined
from sundbench.methods.inputs import Floats
from sundbench.methods.survival.partial_likelihood import PartialLikelihood
from sundbench.methods.survival.terms import Terms

_ITERATIONS = 40
_DONE, _DONE_MANY = 1e-9, 1e-6
"""Steps after which the maximum is reached: coefficients keep an error of their square, and standard errors
a relative one of their size. The second is for many rows, where one iteration more takes its time.
"""
_MANY = 100_000
_SINGULAR = 1e-11


@dataclass(frozen=True)
class Maximum:
    """Where the partial likelihood is largest.

    Attributes:
        beta: the coefficients.
        information: at the maximum.
        loglik, loglik_null: at the maximum, and at coefficients of 0.
        events: their weight.
    """

    beta: Floats
    information: Floats
    loglik: float
    loglik_null: float
    events: float


def maximise(model: PartialLikelihood, terms: Terms, start: Maximum | None = None) -> Maximum:
    """Find the coefficients.

    Args:
        model: the data.
        terms: what the matrix's columns are.
        start: the maximum of a part of the data, if that is known.

    Raises:
        MethodError: coefficients are infinite (monotone likelihood), or the data don't determine them.
    """
    null = model.null_loglik
    if not np.isfinite(null):
        raise MethodError("offset: values are too large to compute with: give logarithms of ratios")
    beta: Floats = np.zeros(terms.spread.size) if start is None else _near(model, start)
    hazard = model.hazard(beta)
    if start is not None and not hazard.loglik >= null:
        beta = np.zeros(beta.size)
        hazard = model.hazard(beta)
    step: Floats = np.zeros(terms.spread.size)
    for _ in range(_ITERATIONS):
        gradient, information = model.derivatives(hazard)
        refusal = _refusal(model, information, terms)
        if refusal:
            # Where steps were taken there was information to begin with: the likelihood is monotone.
            raise MethodError(_infinite(terms.names, step, terms.spread) if step.any() else refusal)
        step = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        if np.abs(step * terms.reach).max() < (_DONE if model.matrix.shape[0] < _MANY else _DONE_MANY):
            gain = float(step @ gradient - step @ information @ step / 2)
            events = float(model.event_weight.sum())
            return Maximum(beta + step, information, hazard.loglik + gain, null, events)
        after = model.hazard(beta + step)
        while not after.loglik >= hazard.loglik - 1e-10 * abs(hazard.loglik):
            step = step / 2
            after = model.hazard(beta + step)
        beta, hazard = beta + step, after
    raise MethodError(_infinite(terms.names, step, terms.reach))


def _near(model: PartialLikelihood, start: Maximum) -> Floats:
    """Coefficients one step from those of a part of the data, with the information of that part."""
    information = start.information * (float(model.event_weight.sum()) / start.events)
    gradient = model.gradient(model.hazard(start.beta))
    return np.asarray(start.beta + np.linalg.solve(information, gradient), dtype=np.float64)


def inverted(information: Floats) -> Floats:
    """The inverse of an information, symmetric to the last bit."""
    inverse = np.linalg.inv(information)
    return np.asarray((inverse + inverse.T) / 2)


def _refusal(model: PartialLikelihood, information: Floats, terms: Terms) -> str | None:
    """Why an information determines no coefficients; None if it does."""
    events = float(model.event_weight.sum())
    lacking = undetermined(information, events * terms.spread**2, _SINGULAR)
    if lacking is None:
        return None
    names = ", ".join(name for name, true in zip(terms.names, lacking, strict=True) if true)
    return (
        f"covariates: the events don't determine the coefficients of {names}: among those at risk at the "
        "times of events they don't vary, or follow from the others; leave one out"
    )


def _infinite(terms: tuple[str, ...], step: Floats, reach: Floats) -> str:
    moves = np.abs(step * reach)
    names = ", ".join(name for name, move in zip(terms, moves, strict=True) if move > 0.1 * moves.max())
    return (
        f"covariates: the coefficients of {names} are infinite (monotone likelihood): all events fall on the "
        "highest, or the lowest, values at risk; merge levels or leave the covariate out"
    )
