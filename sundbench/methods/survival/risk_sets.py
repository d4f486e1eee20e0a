"""Who is at risk at each event time, as sums over persons that cost no loop over event times.

A row of data is at risk at the event times within (entry, end] of its stratum: a range of places in the
ordered list of event times. Sums over every risk set are then one difference and one running sum, and what a
row gathers over its event times is the difference of two running sums. Both cost a pass over the rows,
however many event times there are and whether the data are cut into start-stop rows or not.

The running sums start anew in each stratum and hold only the rows at risk, so that what has left
leaves no rounding behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from sundbench.methods.inputs import Bools, Floats, sums
from sundbench.methods.survival.follow_up import Ints
from sundbench.methods.survival.row_sums import Spans

Keys: TypeAlias = NDArray[Any]
"""Floats or whole numbers."""

_SHORT = 64
"""Strata with fewer event times are summed side by side, longer ones each by itself."""


@dataclass(frozen=True)
class RiskSets:
    """The event times of each stratum and who is at risk at them.

    Places count event times over all strata, in order of stratum and time; slots are places with one more
    in each stratum, before its first event time.

    Attributes:
        time: the event times.
        stratum: their strata, counted from 0.
        heads: the slot at which each stratum begins, and the number of slots.
        leave: each row's slot, that of the last event time not after its end.
        enter: the slot of the last event time not after its entry; None where all enter at the start.
        event: whether each row ends with an event.
        event_rows: rows with events.
        event_places: the places of these events.
        staying, censoring: where rows are still at risk after they left, with a weight that is a factor of
            the row times a factor of the event time: these factors (there is one stratum then).
    """

    time: Floats
    stratum: Ints
    heads: Ints
    leave: Ints
    enter: Ints | None
    event: Bools
    event_rows: Ints
    event_places: Ints
    staying: Floats | None = None
    censoring: Floats | None = None

    @property
    def size(self) -> int:
        """How many event times there are."""
        return self.time.size

    @property
    def slots(self) -> Ints:
        """The slot of each event time."""
        return np.asarray(np.arange(self.size) + self.stratum + 1)

    @property
    def spans(self) -> Spans:
        """When each row is at risk, for the passes over rows."""
        enter = np.empty(0, dtype=np.int64) if self.enter is None else self.enter
        staying = np.empty(0) if self.staying is None else self.staying
        return Spans(self.event, self.leave, enter, staying, int(self.heads[-1]))

    def totals(self, values: Floats) -> Floats:
        """Sums of the rows' values over those at risk at each event time."""
        net = sums(self.leave, values, int(self.heads[-1]))
        if self.enter is not None:
            net -= sums(self.enter, values, int(self.heads[-1]))
        return self._from_here_on(net)

    def at_risk(self, net: Floats, stayed: Floats) -> Floats:
        """Sums over those at risk at each event time.

        Args:
            net: by slot, the sums of who leaves less who enters.
            stayed: by slot, those of who stays after leaving; not read where nobody does.
        """
        total = self._from_here_on(net)
        if self.censoring is not None:
            total += self.censoring[:, None] * np.cumsum(stayed, axis=0)[:-1]
        return total

    def running(self, steps: Floats) -> Floats:
        """By slot, the sums of values of event times from the stratum's first one on."""
        running = np.zeros((int(self.heads[-1]), *steps.shape[1:]))
        running[self.slots] = steps
        return running_sums(running, self.heads)

    def remaining(self, steps: Floats) -> Floats:
        """By slot, the sums of values of later event times, for who stays; empty where nobody does."""
        if self.censoring is None:
            return np.zeros((0, *steps.shape[1:]))
        scaled = (steps.T * self.censoring).T
        zero = np.zeros((1, *steps.shape[1:]))
        return np.concatenate((np.cumsum(scaled[::-1], axis=0)[::-1], zero))

    def gathered(self, steps: Floats) -> Floats:
        """Sums of rows of values of event times over those at which each row is at risk."""
        running = self.running(steps)
        total = np.take(running, self.leave, axis=0)
        if self.enter is not None:
            total -= np.take(running, self.enter, axis=0)
        if self.staying is not None:
            total += self.staying[:, None] * np.take(self.remaining(steps), self.leave, axis=0)
        return np.asarray(total)

    def _from_here_on(self, net: Floats) -> Floats:
        backwards = running_sums(net[::-1], self.heads[-1] - self.heads[::-1])[::-1]
        return np.asarray(backwards[self.slots])


def risk_sets(end: Floats, event: Bools, entry: Floats | None, stratum: Ints | None) -> RiskSets:
    """Find the event times and each row's place among them.

    Args:
        end: the end of each row's follow-up.
        event: whether it ends with an event.
        entry: at risk after it; None where all are at risk from the start.
        stratum: codes from 0; None where there are none.
    """
    span, keys, late = _keys(end, entry, stratum)
    distinct = _distinct(keys[event])
    if stratum is None:
        own, strata = np.zeros(distinct.size, dtype=np.int64), 1
    else:
        own, strata = distinct.astype(np.int64) // span, int(stratum.max()) + 1
    heads = np.concatenate(([0], np.cumsum(np.bincount(own, minlength=strata) + 1)))
    leave = not_after(distinct, keys)
    enter = None if late is None else not_after(distinct, late)
    if stratum is not None:
        leave += stratum
        if enter is not None:
            enter += stratum
    rows = np.flatnonzero(event)
    place = leave[rows] - 1 - (0 if stratum is None else stratum[rows])
    time = np.empty(distinct.size)
    time[place] = end[rows]
    return RiskSets(time, own, heads, leave, enter, event, rows, place)


def _keys(end: Floats, entry: Floats | None, stratum: Ints | None) -> tuple[int, Keys, Keys | None]:
    """Numbers in the order of stratum and time: whole where times are whole or strata are given."""
    every = end if entry is None else np.concatenate((end, entry))
    lowest, highest = every.min(), every.max()
    if highest - lowest < 2**31 and (np.floor(every) == every).all():
        codes = (every - lowest).astype(np.int64)
    elif stratum is None:
        codes = every
    else:
        codes = np.unique(every, return_inverse=True)[1].astype(np.int64)
    span = int(codes.max()) + 1 if stratum is not None else 0
    own = codes[: end.size]
    late = None if entry is None else codes[end.size :]
    if stratum is not None:
        own = own + span * stratum
        late = None if late is None else late + span * stratum
    return span, own, late


def _distinct(keys: Keys) -> Keys:
    """The distinct values, ascending."""
    if keys.dtype.kind == "i" and keys.max(initial=0) < _table_size(keys):
        return np.flatnonzero(np.bincount(keys))
    return np.unique(keys)


def _table_size(keys: Keys) -> int:
    """How large a table of all whole numbers may be: a search costs a hundred times more than a look-up."""
    return 4 * keys.size + 2**16


def not_after(distinct: Keys, values: Keys) -> Ints:
    """How many of the distinct ascending values are not after each of the values."""
    if distinct.dtype.kind == "i" and values.max(initial=0) < _table_size(values):
        known = np.zeros(int(max(values.max(initial=0), distinct[-1])) + 1, dtype=np.int64)
        known[distinct] = 1
        return np.asarray(np.cumsum(known)[values])
    order = np.argsort(values)
    found = np.empty(values.size, dtype=np.int64)
    found[order] = np.searchsorted(distinct, values[order], side="right")
    return found


def by_place(place: Ints, weight: Floats, matrix: Floats, size: int) -> Floats:
    """Sums of weighted rows of a matrix by place."""
    pointers = np.arange(place.size + 1)
    return np.asarray(csc_array((weight, place, pointers), shape=(size, place.size)) @ matrix)


def running_sums(values: Floats, heads: Ints) -> Floats:
    """Cumulative sums that start anew at each head.

    Args:
        values: numbers, or rows of numbers.
        heads: where each part begins, ascending, and the number of values.
    """
    if heads.size == 2:
        return np.asarray(np.cumsum(values, axis=0))
    totals = np.array(values)
    lengths = np.diff(heads)
    for part in np.flatnonzero(lengths >= _SHORT):
        own = slice(heads[part], heads[part + 1])
        np.cumsum(values[own], axis=0, out=totals[own])
    short = (lengths > 1) & (lengths < _SHORT)
    starts, lengths = heads[:-1][short], lengths[short]
    for step in range(1, int(lengths.max(initial=0))):
        at = starts[lengths > step] + step
        totals[at] += totals[at - 1]
    return totals
