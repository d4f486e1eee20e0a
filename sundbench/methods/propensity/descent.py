"""The loops of coordinate descent over sparse columns; compiled, because every step depends on the last.

Columns are those of a compressed sparse column matrix: ``start``, ``row`` and ``value``, of which 0 and 1
take a byte.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sundbench.methods.compiled import compiled
from sundbench.methods.inputs import Floats

Rows = NDArray[np.int64]


class Columns(NamedTuple):
    """A compressed sparse column matrix: column j has ``value[start[j]:start[j + 1]]`` in those ``row``."""

    start: Rows
    row: NDArray[np.int32]
    value: NDArray[Any]


@compiled
def dot(columns: Columns, chosen: Rows, persons: Floats) -> Floats:
    """Each chosen column's product with a value for each person."""
    result = np.empty(chosen.size)
    for k in range(chosen.size):
        total = 0.0
        for i in range(columns.start[chosen[k]], columns.start[chosen[k] + 1]):
            total += columns.value[i] * persons[columns.row[i]]
        result[k] = total
    return result


@compiled
def moments(
    columns: Columns, chosen: Rows, residual: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sums of each chosen column times residual, of it times weight, and of its square times weight."""
    gradient, first, second = np.empty(chosen.size), np.empty(chosen.size), np.empty(chosen.size)
    for k in range(chosen.size):
        a, b, c = 0.0, 0.0, 0.0
        for i in range(columns.start[chosen[k]], columns.start[chosen[k] + 1]):
            value, person = columns.value[i], columns.row[i]
            a += value * residual[person]
            b += value * weight[person]
            c += value * value * weight[person]
        gradient[k], first[k], second[k] = a, b, c
    return gradient, first, second


@compiled
def linear(columns: Columns, chosen: Rows, coef: Floats, persons: int) -> Floats:
    """Each person's sum over the chosen columns of value times coefficient."""
    result = np.zeros(persons)
    for k in range(chosen.size):
        if coef[k] != 0:
            for i in range(columns.start[chosen[k]], columns.start[chosen[k] + 1]):
                result[columns.row[i]] += columns.value[i] * coef[k]
    return result


@compiled
def descend(  # noqa: PLR0917 - compiled loops take their arguments by place
    columns: Columns,
    chosen: Rows,
    coef: Floats,
    penalty: Floats,
    residual: Floats,
    weight: Floats,
    sums: Floats,
    curvature: Floats,
    least: Floats,
    passes: int,
) -> tuple[Floats, float]:
    """Weighted least squares with an L1 penalty, the intercept always at its optimum.

    Columns count as centred at their weighted means, which makes them independent of the intercept: otherwise
    the descent would crawl along covariates that are far from 0.

    Args:
        columns: all covariates.
        chosen: those that may change.
        coef: where those begin.
        penalty: on each one's absolute coefficient.
        residual: each person's working residual times weight; changed.
        weight: each person's.
        sums: weighted sum of each chosen column.
        curvature: its centred weighted sum of squares; where that is 0 the coefficient stays.
        least: steps that change a gradient by less end the descent.
        passes: at most so many over all chosen columns.

    Returns:
        Coefficients, and how far the intercept has moved.
    """
    coef = coef.copy()
    total = weight.sum()
    intercept = residual.sum() / total
    everything = True
    for _ in range(passes):
        moved = False
        for k in range(chosen.size):
            if curvature[k] <= 0 or not (everything or coef[k] != 0):
                continue
            first, end = columns.start[chosen[k]], columns.start[chosen[k] + 1]
            gradient = -intercept * sums[k]
            for i in range(first, end):
                gradient += columns.value[i] * residual[columns.row[i]]
            wanted = gradient + curvature[k] * coef[k]
            new = np.sign(wanted) * max(abs(wanted) - penalty[k], 0.0) / curvature[k]
            step = new - coef[k]
            if step == 0:
                continue
            coef[k] = new
            for i in range(first, end):
                residual[columns.row[i]] -= step * weight[columns.row[i]] * columns.value[i]
            intercept -= step * sums[k] / total
            moved |= abs(step) * curvature[k] > least[k]
        if not moved and everything:
            break
        # Those at 0 are visited again once the others have settled.
        everything = not moved
    return coef, intercept
