"""The maximum of a partial likelihood, by Newton's method.

The information costs most, so that it is kept while it brings the coefficients on; the one that is returned
was computed at the maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats
from sundbench.methods.survival.partial_likelihood import Hazard, PartialLikelihood

_ITERATIONS = 40
_CLOSE = 0.1
"""Steps (as the largest change of a linear predictor by one term) within which the information is kept."""
_DONE = 1e-7
"""A step of this size leaves an error of its square."""
_SINGULAR = 1e-11


@dataclass(frozen=True)
class Maximum:
    """Where the partial likelihood is largest.

    Attributes:
        beta: the coefficients.
        information: at the maximum.
        loglik, loglik_null: at the maximum, and at coefficients of 0.
    """

    beta: Floats
    information: Floats
    loglik: float
    loglik_null: float


@dataclass(frozen=True)
class _Point:
    """What is known of the likelihood at some coefficients."""

    beta: Floats
    hazard: Hazard
    loglik: float
    gradient: Floats


def maximise(model: PartialLikelihood, terms: tuple[str, ...], start: Floats | None = None) -> Maximum:
    """Find the coefficients.

    Args:
        model: the data.
        terms: the names of the matrix's columns, for messages.
        start: where to begin, if that is better than 0.

    Raises:
        MethodError: coefficients are infinite (monotone likelihood), or the data don't determine them.
    """
    reach = np.abs(model.matrix).max(axis=0)
    spread = np.sqrt(np.einsum("np,np->p", model.matrix, model.matrix) / model.matrix.shape[0])
    null = model.loglik(model.offset, model.hazard(model.offset))
    if not np.isfinite(null):
        raise MethodError("offset: values are too large to compute with: give logarithms of ratios")
    at = _point(model, np.zeros(reach.size) if start is None else start)
    if start is not None and not at.loglik >= null:
        at = _point(model, np.zeros(reach.size))
    step = np.zeros(reach.size)
    for _ in range(_ITERATIONS):
        information = model.information(at.hazard)
        refusal = _refusal(model, information, spread, terms)
        if refusal:
            # Where steps were taken there was information to begin with: the likelihood is monotone.
            raise MethodError(_infinite(terms, step, spread) if step.any() else refusal)
        step = np.linalg.solve(information, at.gradient)
        size = float(np.abs(step * reach).max())
        if size < _DONE:
            gain = float(step @ at.gradient - step @ information @ step / 2)
            return Maximum(at.beta + step, information, at.loglik + gain, null)
        after = _point(model, at.beta + step)
        while not after.loglik >= at.loglik - 1e-10 * abs(at.loglik):
            step = step / 2
            after = _point(model, at.beta + step)
        at = after
        while _DONE < size < _CLOSE:
            shorter = np.linalg.solve(information, at.gradient)
            if np.abs(shorter * reach).max() > size / 4:
                break
            size = float(np.abs(shorter * reach).max())
            at = _point(model, at.beta + shorter)
    raise MethodError(_infinite(terms, step, reach))


def _point(model: PartialLikelihood, beta: Floats) -> _Point:
    linear = model.linear(beta)
    hazard = model.hazard(linear)
    return _Point(beta, hazard, model.loglik(linear, hazard), model.gradient(model.expected(hazard)))


def inverted(information: Floats) -> Floats:
    """The inverse of an information, symmetric to the last bit."""
    inverse = np.linalg.inv(information)
    return np.asarray((inverse + inverse.T) / 2)


def _refusal(
    model: PartialLikelihood, information: Floats, spread: Floats, terms: tuple[str, ...]
) -> str | None:
    """Why an information determines no coefficients; None if it does."""
    events = float(model.event_weight.sum())
    diagonal = np.diag(information)
    lacking = diagonal <= _SINGULAR * events * spread**2
    if not lacking.any():
        root = np.sqrt(diagonal)
        values, vectors = np.linalg.eigh(information / np.outer(root, root))
        if values[0] > _SINGULAR:
            return None
        lacking = np.abs(vectors[:, 0]) > 0.1
    names = ", ".join(name for name, true in zip(terms, lacking, strict=True) if true)
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
