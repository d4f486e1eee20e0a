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
from sundbench.methods.survival.terms import Terms

_ITERATIONS = 40
_CLOSE = 0.1
"""Steps (as the largest change of a linear predictor by one term) within which the information is kept."""
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


@dataclass(frozen=True)
class _Point:
    """What is known of the likelihood at some coefficients."""

    beta: Floats
    hazard: Hazard
    loglik: float
    gradient: Floats


def maximise(model: PartialLikelihood, terms: Terms, start: Maximum | None = None) -> Maximum:
    """Find the coefficients.

    Args:
        model: the data.
        terms: what the matrix's columns are.
        start: the maximum of a part of the data, if that is known.

    Raises:
        MethodError: coefficients are infinite (monotone likelihood), or the data don't determine them.
    """
    spread = np.sqrt(np.einsum("np,np->p", model.matrix, model.matrix) / model.matrix.shape[0])
    null = model.null_loglik
    if not np.isfinite(null):
        raise MethodError("offset: values are too large to compute with: give logarithms of ratios")
    at = _point(model, np.zeros(spread.size)) if start is None else _near(model, start, terms.reach, null)
    step = np.zeros(spread.size)
    done = _done(model)
    for _ in range(_ITERATIONS):
        information = model.information(at.hazard)
        refusal = _refusal(model, information, spread, terms.names)
        if refusal:
            # Where steps were taken there was information to begin with: the likelihood is monotone.
            raise MethodError(_infinite(terms.names, step, spread) if step.any() else refusal)
        step = np.linalg.solve(information, at.gradient)
        size = float(np.abs(step * terms.reach).max())
        if size < done:
            gain = float(step @ at.gradient - step @ information @ step / 2)
            return Maximum(
                at.beta + step, information, at.loglik + gain, null, float(model.event_weight.sum())
            )
        after = _point(model, at.beta + step)
        while not after.loglik >= at.loglik - 1e-10 * abs(at.loglik):
            step = step / 2
            after = _point(model, at.beta + step)
        at = _follow(model, at, after, information, terms.reach) if size < _CLOSE else after
    raise MethodError(_infinite(terms.names, step, terms.reach))


def _done(model: PartialLikelihood) -> float:
    return _DONE if model.matrix.shape[0] < _MANY else _DONE_MANY


def _near(model: PartialLikelihood, start: Maximum, reach: Floats, null: float) -> _Point:
    """A point near the maximum, found with the information of a part of the data."""
    first = _point(model, start.beta)
    if not first.loglik >= null:
        return _point(model, np.zeros(reach.size))
    information = start.information * (float(model.event_weight.sum()) / start.events)
    step = np.linalg.solve(information, first.gradient)
    if not np.abs(step * reach).max() < 1.0:
        return first
    return _follow(model, first, _point(model, first.beta + step), information, reach)


def _follow(
    model: PartialLikelihood, before: _Point, at: _Point, information: Floats, reach: Floats
) -> _Point:
    """Go on with an information that is only mended by the change of the gradient (BFGS), while that helps.

    Returns:
        The last point that was better than the one before.
    """
    size = float(np.abs((at.beta - before.beta) * reach).max())
    while at.loglik >= before.loglik - 1e-10 * abs(before.loglik):
        step, change = at.beta - before.beta, before.gradient - at.gradient
        if not step @ change > 0:
            return at
        seen = information @ step
        gone = np.outer(seen, seen) / (step @ seen)
        come = np.outer(change, change) / (step @ change)
        information = np.asarray(information - gone + come, dtype=np.float64)
        step = np.asarray(np.linalg.solve(information, at.gradient), dtype=np.float64)
        shorter = float(np.abs(step * reach).max())
        if shorter < _done(model) / 10 or shorter > size / 4:
            return at
        size, before, at = shorter, at, _point(model, at.beta + step)
    return before


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
