"""Which coefficients of a Poisson model are infinite, because events are lacking.

Where some combination of terms is 0 in all rows with events and not positive in the others, the likelihood
grows without end along it: a level without events is the usual case. The rows in which it is negative have an
expected number of 0 and drop out; the other coefficients are what the rows that remain say (Geyer 2009, the
limiting conditional model). Found by linear programming (SciPy's HiGHS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog

from sundbench.methods.inputs import Bools, Floats

_CLOSE = 1e-7


@dataclass(frozen=True)
class Limit:
    """The limiting model.

    Attributes:
        rows: that remain in it.
        infinite: by term: 0 where finite, the sign of infinity where not, NaN where the data don't say.
    """

    rows: Bools
    infinite: Floats


def limit(matrix: Floats, events: Floats) -> Limit | None:
    """The limiting model of a regression of counts; None where all coefficients are finite.

    Args:
        matrix: rows by terms, columns of like size.
        events: the counts.
    """
    terms = matrix.shape[1]
    zero = np.unique(matrix[events == 0], axis=0)
    positive = np.unique(matrix[events > 0], axis=0)
    if zero.size == 0:
        return None
    # Directions that leave rows with events as they are: coordinates in their null space.
    free = null_space(positive, rcond=1e-10) if positive.size else np.eye(terms)
    if free.shape[1] == 0:
        return None
    held = zero @ free
    direction = _lowest(held.sum(axis=0), held)
    if held.sum(axis=0) @ direction > -_CLOSE:
        return None
    dropped = (events == 0) & (matrix @ (free @ direction) < -_CLOSE)
    left = null_space(matrix[~dropped], rcond=1e-10)
    infinite = np.zeros(terms)
    for term in np.flatnonzero(np.abs(left).max(axis=1) > _CLOSE):
        low = float(free[term] @ _lowest(free[term], held))
        high = float(free[term] @ _lowest(-free[term], held))
        infinite[term] = np.inf if low > -_CLOSE else (-np.inf if high < _CLOSE else np.nan)
    return Limit(~dropped, infinite)


def _lowest(aim: Floats, held: Floats) -> Floats:
    """The direction in the unit cube along which the aim is lowest while no row of held grows."""
    found = linprog(aim, A_ub=held, b_ub=np.zeros(len(held)), bounds=[(-1.0, 1.0)] * aim.size)
    return np.zeros(aim.size) if found.x is None else np.asarray(found.x, dtype=np.float64)
