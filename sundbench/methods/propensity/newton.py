"""Logistic regression for many sets of case weights at once.

Written by hand: a bootstrap that refits the model a thousand times in statsmodels takes minutes, and this
takes a second, because all replicates share one design matrix. It sums in one fixed order (``einsum``
without BLAS), so that the numbers don't depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from sundbench.methods.inputs import Bools, Floats

_ITERATIONS = 40
_TOLERANCE = 1e-10


def logistic(matrix: Floats, outcome: Bools, counts: Floats, start: Floats) -> tuple[Floats, Bools]:
    """Maximum-likelihood coefficients for each row of case weights, by Newton's method.

    Args:
        matrix: persons by terms, columns of like size (standardise first).
        outcome: persons.
        counts: replicates by persons, how often each person is in each replicate.
        start: terms, where to begin.

    Returns:
        Coefficients, replicates by terms, and which replicates converged (the others are separated, or lack
        a term altogether; their coefficients mean nothing).
    """
    terms = matrix.shape[1]
    first, second = np.triu_indices(terms)
    products = matrix[:, first] * matrix[:, second]
    target = np.einsum("rn,np->rp", counts * outcome, matrix)
    beta = np.tile(start, (counts.shape[0], 1))
    done = np.zeros(counts.shape[0], dtype=np.bool_)
    alive = np.ones(counts.shape[0], dtype=np.bool_)
    for _ in range(_ITERATIONS):
        todo = np.flatnonzero(alive & ~done)
        if todo.size == 0:
            break
        score = probability(np.einsum("rp,np->rn", beta[todo], matrix))
        weighted = counts[todo] * score
        gradient = target[todo] - np.einsum("rn,np->rp", weighted, matrix)
        flat = np.einsum("rn,nq->rq", weighted * (1.0 - score), products)
        information = np.empty((todo.size, terms, terms))
        information[:, first, second] = flat
        information[:, second, first] = flat
        for row, replicate in enumerate(todo):
            try:
                step = np.linalg.solve(information[row], gradient[row])
            except np.linalg.LinAlgError:
                alive[replicate] = False
                continue
            beta[replicate] += step
            size = np.abs(beta[replicate]).max()
            if not np.isfinite(size) or size > 1e3:
                alive[replicate] = False
            elif np.abs(step).max() < _TOLERANCE * (1.0 + size):
                done[replicate] = True
    return beta, done


def probability(linear: Floats) -> Floats:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * linear)))


def standardise(matrix: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1, but for the intercept in the first place."""
    scaled = matrix.copy()
    scaled[:, 1:] = (matrix[:, 1:] - matrix[:, 1:].mean(axis=0)) / matrix[:, 1:].std(axis=0)
    return scaled
