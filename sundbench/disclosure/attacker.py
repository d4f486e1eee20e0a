"""The attacker: what can be worked out of a suppressed cell from the cells and totals that are shown.

Totals tie cells together. For every suppressed cell the attacker asks for the smallest and the largest
number of persons that all shown numbers allow (two linear programmes). A cell that is pinned to a narrow
range is not suppressed, whatever the table looks like: 15 = 10 + 5 + x + x gives both x away.

Source of the method: Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapter 4.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

Place = tuple[str | None, ...]
"""A cell: its category in each dimension; None is the total over that dimension."""

Cells = Mapping[Place, float | None]
"""Persons by cell; None where suppressed."""

_LARGEST = 3000
"""Cells of a table that the attacker still takes on: beyond it a table is no longer one to read."""


def feasible(cells: Cells, only: set[Place] | None = None) -> dict[Place, tuple[int, float]]:
    """The range that every suppressed cell is known to lie in.

    Args:
        cells: persons by cell, totals among them as far as they are known. Categories that are nowhere in
            the table don't exist; a place within it that has no entry is unknown, not empty.
        only: the suppressed cells to look at; by default all.

    Returns:
        For each, the fewest and the most whole persons; the most may be infinite.
    """
    wanted = [place for place, value in cells.items() if value is None and (only is None or place in only)]
    if not wanted:
        return {}
    # Every run, and every worker of one on a cluster, imports this module; few attack a table.
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    places, equations = _equations(cells)
    if len(places) > _LARGEST:
        return dict.fromkeys(wanted, (0, 0.0))
    column = {place: i for i, place in enumerate(places)}
    bounds: list[tuple[float, float | None]] = []
    for place in places:
        value = cells.get(place)
        bounds.append((0.0, None) if value is None else (value, value))
    rows, columns, factors = [], [], []
    for row, (total, parts) in enumerate(equations):
        for place, factor in ((total, -1.0), *((part, 1.0) for part in parts)):
            rows.append(row)
            columns.append(column[place])
            factors.append(factor)
    tied = csr_array((factors, (rows, columns)), shape=(len(equations), len(places)))
    zeros = np.zeros(len(equations))
    ranges: dict[Place, tuple[int, float]] = {}
    for place in wanted:
        ends = []
        for sign in (1.0, -1.0):
            goal = np.zeros(len(places))
            goal[column[place]] = sign
            found = linprog(  # type: ignore[call-overload] # its stubs know no sparse matrices
                goal, A_eq=tied, b_eq=zeros, bounds=bounds, method="highs"
            )
            # Status 3 is unbounded. Numbers that contradict each other (2) protect nothing.
            ends.append(sign * found.fun if found.status == 0 else (math.inf if found.status == 3 else 0.0))
        lowest, highest = ends
        whole = math.inf if math.isinf(highest) else float(math.floor(highest + 1e-6))
        ranges[place] = (math.ceil(lowest - 1e-6), whole)
    return ranges


def exposed(cells: Cells, width: int) -> dict[Place, tuple[int, float]]:
    """The suppressed cells whose range is narrower than ``width`` persons, with that range."""
    return {place: (low, high) for place, (low, high) in feasible(cells).items() if high - low < width}


def _equations(cells: Cells) -> tuple[list[Place], list[tuple[Place, list[Place]]]]:
    """All places of the table's cross, and the sums that hold between them."""
    dimensions = len(next(iter(cells)))
    categories = [
        sorted({place[d] for place in cells if place[d] is not None}, key=str) for d in range(dimensions)
    ]
    places: list[Place] = list(itertools.product(*([*names, None] for names in categories)))
    equations = []
    for place in places:
        for d, names in enumerate(categories):
            if place[d] is None and names:
                equations.append((place, [(*place[:d], name, *place[d + 1 :]) for name in names]))
    return places, equations
