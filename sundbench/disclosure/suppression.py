"""Making tables of counts safe: suppression with complements, rounding.

For a study's author. The check looks at what comes out, not at whether these were used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from sundbench.disclosure.attacker import Place, exposed
from sundbench.disclosure.output import TOTAL
from sundbench.errors import DisclosureError

MIN_PERSONS = 5
"""The fewest persons in a cell, unless a permit's profile says otherwise."""


def suppress(
    frame: pd.DataFrame, *, by: Sequence[str], persons: str = "persons", min_persons: int = MIN_PERSONS
) -> pd.DataFrame:
    """Add totals to a table of counts and hide what must not be seen.

    Cells of fewer than ``min_persons`` persons are hidden, then as many others as it takes until no hidden
    cell can be worked out from the totals to within ``min_persons``: small cells first, totals last. Empty
    cells stay 0 where they are.

    Args:
        frame: one row a cell, without totals; every person is in exactly one cell.
        by: one or two dimensions (or more, for small tables).
        persons: the column of counts.
        min_persons: the threshold.

    Returns:
        The cells, in the order of ``frame``, followed by the totals (``"total"`` in the summed dimension),
        with null in hidden cells; columns ``by`` and ``persons``.

    Raises:
        DisclosureError: a cell stands there twice, has no category or no whole count.
    """
    cells = _with_totals(frame, list(by), persons)
    hidden: dict[Place, float | None] = {
        place: None if 0 < count < min_persons else count for place, count in cells.items()
    }
    needed = {place for place, value in hidden.items() if value is None}
    while open_cells := exposed(hidden, min_persons):
        place = next(iter(open_cells))
        more = _next_to_hide(hidden, place)
        if more is None:
            # Nothing is left that ties it down but totals that are not there: hide all.
            hidden = dict.fromkeys(hidden)
            break
        hidden[more] = None
    # Some complements turn out not to be needed once others are hidden: show them again, largest first.
    spare = [place for place, value in hidden.items() if value is None and place not in needed]
    for place in sorted(spare, key=lambda place: -cells[place]):
        if hidden[place] is None:
            hidden = _shown_again(hidden, place, cells, needed, min_persons) or hidden
    rows = [
        {**{d: TOTAL if part is None else part for d, part in zip(by, place, strict=True)}, persons: value}
        for place, value in hidden.items()
    ]
    return pd.DataFrame(rows).astype({persons: "Int64"})


def round_counts(counts: pd.Series[int], base: int = 10) -> pd.Series[int]:
    """Round counts to the nearest multiple of ``base``, halves up: nothing between 0 and ``base`` is left.

    Round every count of a study with the same base, totals too: sums then no longer add up exactly, and a
    difference of two counts is 0 or at least ``base``.

    Args:
        counts: whole numbers.
        base: at least twice the threshold of persons.
    """
    return (counts + base // 2) // base * base


def _with_totals(frame: pd.DataFrame, by: list[str], persons: str) -> dict[Place, float]:
    table = frame[[*by, persons]]
    if table.isna().any(axis=None):
        raise DisclosureError("suppress: a category or count is missing: name missing categories, count them")
    if table.duplicated(by).any():
        raise DisclosureError(f"suppress: a cell of {', '.join(by)} stands there twice: sum the rows first")
    cells: dict[Place, float] = {}
    for row in table.itertuples(index=False):
        count = float(row[-1])
        if count < 0 or not count.is_integer():
            raise DisclosureError(f"suppress: {persons} must be whole numbers of persons")
        cells[tuple(str(part) for part in row[:-1])] = count
    totals: dict[Place, float] = {}
    for size in range(1, len(by) + 1):
        for summed in itertools.combinations(range(len(by)), size):
            for place, count in cells.items():
                total = tuple(None if d in summed else part for d, part in enumerate(place))
                totals[total] = totals.get(total, 0.0) + count
    return cells | totals


def _shown_again(
    hidden: dict[Place, float | None],
    place: Place,
    cells: Mapping[Place, float],
    needed: set[Place],
    min_persons: int,
) -> dict[Place, float | None] | None:
    """The table with one more cell shown, and with the complements that it gives away; None if unsafe."""
    trial = {**hidden, place: cells[place]}
    while open_cells := exposed(trial, min_persons):
        if needed & open_cells.keys():
            return None
        trial |= {other: cells[other] for other in open_cells}
    return trial


def _next_to_hide(hidden: dict[Place, float | None], place: Place) -> Place | None:
    """The best cell to hide for an exposed one: of those on a line with it, the smallest; totals last."""
    lines = [
        other
        for other, value in hidden.items()
        if value is not None and value > 0 and sum(a != b for a, b in zip(other, place, strict=True)) == 1
    ]

    def cost(other: Place) -> tuple[int, float]:
        return sum(part is None for part in other), hidden[other] or math.inf

    return min(lines, key=cost, default=None)
