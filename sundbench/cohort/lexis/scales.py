"""Time scales: which band a day of follow-up belongs to, and on which day a band begins.

Days are counted from each row's index day, which is day 0. Along a row's follow-up the band never falls.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from sundbench.cohort.lexis.bands import Bands

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNKNOWN = np.iinfo(np.int32).min
"""A day of birth that isn't known."""

WIDTH = 1 << 32
"""Rows are kept apart by this many days."""


class Scale(Protocol):
    """What cutting asks of a time scale."""

    def band(self, row: Ints, day: Ints) -> Ints:
        """The number of the band of a row's day; never lower than on the day before."""

    def begins(self, row: Ints, band: Ints) -> Ints:
        """The first day of a row's band that isn't its first."""

    def code(self, row: Ints, band: Ints) -> Ints:
        """The place of a band's label; -1 where it is unknown."""


class Age:
    """Whole years lived, by birthdays, as ``sb.age()`` counts them.

    Args:
        bands: by ages.
        index: each row's index day, in days since 1 January 1970.
        born: each row's day of birth, likewise; ``UNKNOWN`` where it isn't known.
    """

    def __init__(self, bands: Bands, index: Ints, born: Ints) -> None:
        self._cuts = np.array(bands.cuts, np.int64)
        self._index = index
        self._unknown: Bools = born == UNKNOWN
        self._year, self._month, self._day = _parts(np.where(self._unknown, 0, born))

    def band(self, row: Ints, day: Ints) -> Ints:
        """By the birthdays up to that day; 0 throughout where birth is unknown."""
        year, month, of_month = _parts(self._index[row] + day)
        before_birthday = (month < self._month[row]) | (
            (month == self._month[row]) & (of_month < self._day[row])
        )
        age = year - self._year[row] - before_birthday
        band = np.searchsorted(self._cuts, age, side="right")
        return np.where(self._unknown[row], 0, band)

    def begins(self, row: Ints, band: Ints) -> Ints:
        """The birthday; 1 March in common years for who is born on 29 February."""
        year = self._year[row] + self._cuts[band - 1]
        months = ((year - 1970) * 12 + self._month[row]).astype("datetime64[M]")
        first = months.astype("datetime64[D]").astype(np.int64)
        birthday: Ints = first + self._day[row] - 1 - self._index[row]
        return birthday

    def code(self, row: Ints, band: Ints) -> Ints:
        """The band itself."""
        return np.where(self._unknown[row], -1, band)


class Calendar:
    """Calendar days.

    Args:
        bands: by days since 1 January 1970.
        index: each row's index day, likewise.
    """

    def __init__(self, bands: Bands, index: Ints) -> None:
        self._cuts = np.array(bands.cuts, np.int64)
        self._index = index

    def band(self, row: Ints, day: Ints) -> Ints:
        """How many bands begin up to that day."""
        return np.searchsorted(self._cuts, self._index[row] + day, side="right")

    def begins(self, row: Ints, band: Ints) -> Ints:
        """Its first calendar day."""
        first: Ints = self._cuts[band - 1] - self._index[row]
        return first

    def code(self, row: Ints, band: Ints) -> Ints:
        """The band itself."""
        return band


class SinceEntry:
    """Days since the index day.

    Args:
        bands: by the last day of each.
    """

    def __init__(self, bands: Bands) -> None:
        self._cuts = np.array(bands.cuts, np.int64)

    def band(self, row: Ints, day: Ints) -> Ints:
        """How many bands end before that day."""
        return np.searchsorted(self._cuts, day, side="left")

    def begins(self, row: Ints, band: Ints) -> Ints:
        """The day after the band before."""
        first: Ints = self._cuts[band - 1] + 1
        return first

    def code(self, row: Ints, band: Ints) -> Ints:
        """The band itself."""
        return band


class States:
    """States that a row is in, one after the other; those of a row cover its follow-up.

    Args:
        row: whose interval it is, ascending.
        start: the day before its first, ascending within a row.
        state: the place of the state's label.
    """

    def __init__(self, row: Ints, start: Ints, state: Ints) -> None:
        self._keys: Ints = row * WIDTH + start
        self._start = start
        self._state = state

    def band(self, row: Ints, day: Ints) -> Ints:
        """The last interval that has begun."""
        return np.searchsorted(self._keys, row * WIDTH + day, side="left") - 1

    def begins(self, row: Ints, band: Ints) -> Ints:
        """The day after its start."""
        first: Ints = self._start[band] + 1
        return first

    def code(self, row: Ints, band: Ints) -> Ints:
        """The interval's state."""
        state: Ints = self._state[band]
        return state


class Recurrences:
    """Between one event of a row and its next: each event's day is the last of a piece.

    Args:
        row: whose event it is, ascending.
        day: when, ascending within a row, each day once.
    """

    def __init__(self, row: Ints, day: Ints) -> None:
        self._keys: Ints = row * WIDTH + day
        self._day = day

    def band(self, row: Ints, day: Ints) -> Ints:
        """How many events lie before that day, over all rows."""
        return np.searchsorted(self._keys, row * WIDTH + day, side="left")

    def begins(self, row: Ints, band: Ints) -> Ints:
        """The day after the event."""
        first: Ints = self._day[band - 1] + 1
        return first

    def code(self, row: Ints, band: Ints) -> Ints:
        """How many events of the row lie before the band."""
        return band - np.searchsorted(self._keys, row * WIDTH, side="left")

    def happens(self, row: Ints, day: Ints) -> Bools:
        """Whether a row has an event on a day."""
        if not self._keys.size:
            return np.zeros(row.size, bool)
        wanted = row * WIDTH + day
        place = np.minimum(np.searchsorted(self._keys, wanted), self._keys.size - 1)
        found: Bools = self._keys[place] == wanted
        return found


def _parts(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Year, month from 0 and day of the month of days since 1970."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    number = months.astype(np.int64)
    of_month = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    return number // 12 + 1970, number % 12, of_month
