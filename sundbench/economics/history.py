"""Cost histories: what was spent on whom, from which day to which.

Amounts that cross a limit are shared out by days. Start and stop are both inside, so that a record of one
day has the length 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, Frame, column_names, frame, numbers


@dataclass(frozen=True)
class History:
    """Costs in an order of their own (person, component, start, stop, amount), so that sums are repeatable.

    Attributes:
        row: position of each cost's person.
        component: position of each cost's component in ``components``.
        start, stop: its first and last time, in the unit of follow-up.
        amount: how much.
        components: the names, sorted.
    """

    row: NDArray[np.int64]
    component: NDArray[np.int64]
    start: Floats
    stop: Floats
    amount: Floats
    components: tuple[str, ...]

    def until(self, end: Floats, day: float) -> History:
        """The part of each cost that falls within its person's follow-up; costs that start later go.

        Args:
            end: each person's end.
            day: the length that start = stop has: 1 for days, both included; 0 for points in time.
        """
        last = end[self.row]
        kept = self.start <= last
        start, stop, last = self.start[kept], self.stop[kept], last[kept]
        whole = stop - start + day
        crossing = stop > last
        share = np.where(crossing, (last - start + day) / np.where(whole > 0, whole, 1.0), 1.0)
        return History(
            self.row[kept],
            self.component[kept],
            start,
            np.minimum(stop, last),
            self.amount[kept] * share,
            self.components,
        )


def history(costs: Frame, persons: NDArray[np.int64]) -> History:
    """Read a frame of costs.

    Args:
        costs: columns person, start, stop, cost and, if there are several kinds, component.
        persons: the persons' numbers, in the order of the positions that are wanted.

    Raises:
        MethodError: missing values, a start below 0 or after its stop, or persons who are not there.
    """
    named = "component" in column_names(costs)
    table = frame(costs, ["person", "start", "stop", "cost", *(["component"] if named else [])])
    component = table["component"].astype(str).to_numpy() if named else np.full(len(table), "cost")
    names, position = np.unique(component, return_inverse=True)
    start, stop = numbers(table["start"], "start"), numbers(table["stop"], "stop")
    amount = numbers(table["cost"], "cost")
    if (start < 0).any() or (stop < start).any():
        raise MethodError(
            "costs: some start before time 0 or after they stop: count from each person's index"
        )
    order = np.argsort(persons, kind="stable")
    who = table["person"].to_numpy(dtype=np.int64)
    found = np.searchsorted(persons[order], who)
    inside = found < persons.size
    inside[inside] = persons[order][found[inside]] == who[inside]
    if not inside.all():
        raise MethodError(
            f"costs: {int((~inside).sum())} of {inside.size} belong to persons who are not in the study: "
            "leave them out"
        )
    row = order[found]
    steady = np.lexsort((amount, stop, start, position, row))
    return History(
        row[steady], position[steady], start[steady], stop[steady], amount[steady], tuple(map(str, names))
    )


def distinct_persons(values: NDArray[np.int64]) -> None:
    """Refuse persons who stand there twice.

    Raises:
        MethodError: a person has two rows.
    """
    twice = values.size - np.unique(values).size
    if twice:
        raise MethodError(f"persons: {twice} of {values.size} rows repeat a person: give one row a person")
