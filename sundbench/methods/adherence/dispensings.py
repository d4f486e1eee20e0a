"""Dispensings as arrays in order: by person, then day, then as they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, Frame, frame, numbers

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Dispensings:
    """Rows sorted by person and day; rows of one day keep the order in which they were given.

    Attributes:
        persons: the persons as the data name them, sorted; ``place`` is a position in it.
        place, day: whose each row is, and its day as a number.
        duration: days that it lasts.
        dose: dose a day, where given.
        medication: position in ``medications``, where given.
        dated: whether days count from 1970-01-01 and are shown as dates.
    """

    persons: NDArray[Any]
    place: Ints
    day: Ints
    duration: Floats
    dose: Floats | None
    medication: Ints | None
    medications: NDArray[Any]
    dated: bool

    def of(self, rows: Ints | Bools, place: Ints | None = None) -> Dispensings:
        """Some rows, in the order given; with ``place``, as other persons' (an episode each, say)."""
        return Dispensings(
            self.persons,
            self.place[rows] if place is None else place,
            self.day[rows],
            self.duration[rows],
            None if self.dose is None else self.dose[rows],
            None if self.medication is None else self.medication[rows],
            self.medications,
            self.dated,
        )

    def first_days(self) -> Ints:
        """Each person's first day."""
        return self.day[np.flatnonzero(np.diff(self.place, prepend=-1))]

    def shown(self, days: NDArray[Any]) -> NDArray[Any]:
        """Days as the data give them: dates, or numbers."""
        return days.astype("datetime64[D]").astype("datetime64[s]") if self.dated else days


def read(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    dose: str | None = None,
    medication: str | None = None,
) -> Dispensings:
    """The columns that count, checked and in order.

    Raises:
        MethodError: a column is absent or has missing values, days are no dates or whole numbers, or
            durations or doses are not positive.
    """
    named = [person, date, duration, *(name for name in (dose, medication) if name is not None)]
    data = frame(dispensings, named)
    place, persons = codes(data[person])
    day, dated = days(data[date], date)
    order = np.lexsort((day, place))
    medications: NDArray[Any] = np.array([], dtype=object)
    taken: Ints | None = None
    if medication is not None:
        taken, medications = codes(data[medication])
        taken = taken[order]
    return Dispensings(
        persons,
        place[order],
        day[order],
        _positive(data[duration], duration, "days")[order],
        None if dose is None else _positive(data[dose], dose, "a dose a day")[order],
        taken,
        medications,
        dated,
    )


def codes(column: pd.Series) -> tuple[Ints, NDArray[Any]]:
    """Positions among the sorted distinct values, and those values."""
    place, levels = pd.factorize(column, sort=True)
    return place.astype(np.int64), np.asarray(levels)


def days(column: pd.Series, name: str) -> tuple[Ints, bool]:
    """Days as whole numbers, and whether they were dates (then since 1970-01-01).

    Raises:
        MethodError: neither dates nor whole numbers.
    """
    wrong = f"{name}: give dates, or days as whole numbers"
    if pd.api.types.is_bool_dtype(column):
        raise MethodError(wrong)
    if pd.api.types.is_numeric_dtype(column):
        values = numbers(column.to_numpy(), name)
        if (values != np.floor(values)).any():
            raise MethodError(wrong)
        return values.astype(np.int64), False
    if pd.api.types.infer_dtype(column, skipna=False) not in ("date", "datetime", "datetime64"):
        raise MethodError(wrong)
    moments = pd.to_datetime(column)
    if moments.dt.tz is not None:
        moments = moments.dt.tz_localize(None)
    return moments.to_numpy().astype("datetime64[D]").astype(np.int64), True


def whole_days(value: object, name: str, *, least: int) -> int:
    """A whole number of days.

    Raises:
        MethodError: anything else, or too few.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise MethodError(f"{name}={value!r}: give whole days, at least {least}")
    return int(value)


def _positive(column: pd.Series, name: str, what: str) -> Floats:
    values = numbers(column.to_numpy(), name)
    wrong = int((values <= 0).sum())
    if wrong:
        raise MethodError(
            f"{name}: {wrong} of {values.size} are not positive: "
            f"net corrections, and leave out rows without {what}"
        )
    return values
