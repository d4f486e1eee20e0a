"""Days on which persons get a drug or the like, in NumPy: few rows of a bucket are of a study's events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.entering.entered import Counts, any_of
from sundbench.cohort.events.event import Event
from sundbench.cohort.sources import selects

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Days:
    """Days on which persons get a drug or something of the washout, each once, by person and date.

    Few rows of each bucket are of a study's drugs: NumPy has no start-up to pay on them.

    Attributes:
        person, date: whose day it is.
        drugs: (days, drugs), whether the person gets that drug.
        washout: whether it is a day of the washout.
    """

    person: Integers
    date: Dates
    drugs: Booleans
    washout: Booleans

    def within(self, entry: tuple[object, object]) -> Booleans:
        """Whether a day lies in the entry period."""
        first, last = np.datetime64(entry[0], "D"), np.datetime64(entry[1], "D")  # type: ignore[call-overload]
        inside: Booleans = (self.date >= first) & (self.date <= last)
        return inside

    def free_for(self, length: int) -> Booleans:
        """Whether [day - length, day - 1] holds no day of the washout."""
        places = np.arange(len(self.person))
        last = np.maximum.accumulate(np.where(self.washout, places, -1))
        before = np.concatenate([[-1], last[:-1]])[: len(places)]
        same = (before >= 0) & (self.person[before] == self.person)
        gap = (self.date - self.date[before]).astype(np.int64)
        free: Booleans = ~same | (gap > length)
        return free

    def first_of_each(self, kept: Booleans) -> Booleans:
        """Of the days that are kept, each person's first."""
        places = np.flatnonzero(kept)
        new = np.ones(len(places), dtype=bool)
        new[1:] = self.person[places[1:]] != self.person[places[:-1]]
        first = np.zeros(len(kept), dtype=bool)
        first[places[new]] = True
        return first

    def since(self, start: Booleans) -> Places:
        """For each day the place of the person's start, at most one a person; -1 before it and without."""
        places = np.arange(len(self.person))
        last = np.maximum.accumulate(np.where(start, places, -1)) if len(places) else places
        same = (last >= 0) & (self.person[last] == self.person)
        return np.where(same, last, -1)

    def count(self, kept: Booleans) -> Counts:
        """Persons with a day that is kept: in all, then by drug."""
        by_drug = (kept & self.drugs[:, arm] for arm in range(self.drugs.shape[1]))
        return tuple(int(self.first_of_each(days).sum()) for days in (kept, *by_drug))


def days_of(drugs: Sequence[Event], washout: Event, rows: Mapping[str, pl.DataFrame]) -> Days:
    """The days of several drugs and of a washout.

    Args:
        drugs: what persons may enter by.
        washout: what they must be free of.
        rows: of each view, the rows of the population's events.
    """
    events = [*drugs, washout]
    names = [f"event_{n}" for n in range(len(events))]
    marked = []
    for view in dict.fromkeys(part.view for event in events for part in event.parts):
        chosen = [any_of([selects(part) for part in event.parts if part.view == view]) for event in events]
        marked.append(
            rows[view]
            .lazy()
            .select("person", "date", *(one.alias(name) for name, one in zip(names, chosen, strict=True)))
            .filter(pl.any_horizontal(names))
        )
    found = pl.concat(marked).sort("person", "date").collect()
    person, date = found["person"].to_numpy(), found["date"].to_numpy()
    flags = found.select(names).to_numpy().astype(bool)
    if not len(person):
        return Days(person, date, flags[:, :-1], flags[:, -1])
    starts = np.flatnonzero(np.r_[True, (person[1:] != person[:-1]) | (date[1:] != date[:-1])])
    flags = np.logical_or.reduceat(flags, starts, axis=0)
    return Days(person[starts], date[starts], flags[:, :-1], flags[:, -1])
