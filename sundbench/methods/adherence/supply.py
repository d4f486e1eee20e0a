"""From dispensing to dispensing: how long, what was left over, and how many days went without supply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sundbench.cohort.exposure.grouped import Groups
from sundbench.methods.adherence.dispensings import Dispensings
from sundbench.methods.inputs import Bools, Floats


@dataclass(frozen=True)
class CarryOver:
    """What becomes of supply that is left when the next dispensing comes.

    Attributes:
        within: it is used before the next one; otherwise it is forgotten.
        same_medication: only where the next one is of the same medication.
        dose_changes: it lasts the shorter, the higher the next one's dose.
    """

    within: bool
    same_medication: bool
    dose_changes: bool


@dataclass(frozen=True)
class Supply:
    """A row each: NaN where it was left out.

    Attributes:
        interval: days to the person's next dispensing, or from the last one to the end.
        carried: days of supply left from before, in days at this dispensing's dose.
        gap: days of the interval without supply.
    """

    interval: Floats
    carried: Floats
    gap: Floats


def supply(rows: Dispensings, kept: Bools, end: Floats, carry_over: CarryOver) -> Supply:
    """Follow each person's supply through some of the dispensings.

    Args:
        rows: dispensings in order.
        kept: which of them; the first of a person starts without supply.
        end: for each person, the day at which the last interval ends.
        carry_over: what becomes of supply that is left.
    """
    place, day = rows.place[kept], rows.day[kept]
    interval = np.empty(place.size)
    last = np.append(place[1:] != place[:-1], True)[: place.size]
    interval[~last] = np.diff(day)[~last[:-1]]
    interval[last] = end[place[last]] - day[last]
    spare = rows.duration[kept] - interval
    carried = np.zeros(place.size)
    if carry_over.within:
        share = _share_carried(rows, kept, carry_over)
        for step in Groups(pl.DataFrame({"place": place}), ["place"]).steps():
            before = step - 1
            carried[step] = np.maximum(spare[before] + carried[before], 0) * share[before]
    return Supply(*(_spread(values, kept) for values in (interval, carried, np.maximum(-spare - carried, 0))))


def _share_carried(rows: Dispensings, kept: Bools, carry_over: CarryOver) -> Floats:
    """How many days of the next dispensing one day that is left makes."""
    share = np.ones(int(kept.sum()))
    if carry_over.dose_changes and rows.dose is not None:
        dose = rows.dose[kept]
        share[:-1] = dose[:-1] / dose[1:]
    if carry_over.same_medication and rows.medication is not None:
        medication = rows.medication[kept]
        share[:-1][medication[:-1] != medication[1:]] = 0
    return share


def _spread(values: Floats, kept: Bools) -> Floats:
    spread = np.full(kept.size, np.nan)
    spread[kept] = values
    return spread
