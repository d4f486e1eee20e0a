"""Age groups and seasons as factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats
from sundbench.methods.self_controlled.cases import Cases
from sundbench.methods.self_controlled.conditional_poisson import Factor
from sundbench.methods.self_controlled.days import Ints


def age_groups(cases: Cases, period: Ints, first: Ints, breaks: Ints, events: Ints | Floats) -> list[Factor]:
    """The factor of age; none where there are no groups.

    Args:
        cases: the observation periods.
        period: of each row.
        first: its first day.
        breaks: what ``age_starts`` gives.
        events: how many fall on each row.
    """
    if cases.to_age is None or not breaks.size:
        return []
    age = np.searchsorted(breaks, first + cases.to_age[period], "right")
    return [_group("age", age, breaks.size + 1, events)]


def seasons(
    cases: Cases, period: Ints, first: Ints, begin: tuple[Ints, Ints], events: Ints | Floats
) -> list[Factor]:
    """The factor of season; none where there are no seasons.

    Args:
        cases: the observation periods.
        period: of each row.
        first: its first day.
        begin: what ``season_starts`` gives.
        events: how many fall on each row.
    """
    which, starts = begin
    if cases.to_calendar is None or not starts.size:
        return []
    place = np.searchsorted(starts, first + cases.to_calendar[period], "right") - 1
    return [_group("season", which[place], int(which.max()) + 1, events)]


def age_starts(breaks: Sequence[int] | None, cases: Cases) -> Ints:
    """The ages at which groups but the first begin.

    Raises:
        MethodError: ages aren't known, or these aren't whole days in order.
    """
    if breaks is None:
        return np.empty(0, dtype=np.int64)
    if cases.to_age is None:
        raise MethodError("age_breaks: ages aren't known: give birth")
    found = np.asarray(breaks)
    if found.ndim != 1 or not found.size or not np.issubdtype(found.dtype, np.number):
        raise MethodError("age_breaks: give the first day of each age group but the first, as [427, 488]")
    if (found != np.round(found)).any() or (np.diff(found) <= 0).any():
        raise MethodError("age_breaks: give whole days, each later than the one before")
    return found.astype(np.int64)


def season_starts(season: bool | Sequence[int], cases: Cases) -> tuple[Ints, Ints]:
    """The season (from 0) that begins at each of some days since 1970-01-01, and those days."""
    empty = np.empty(0, dtype=np.int64)
    if season is False:
        return empty, empty
    if cases.to_calendar is None:
        raise MethodError("season: days are ages, of which the calendar isn't known: give birth as dates")
    begin = list(range(1, 13)) if season is True else [int(month) for month in season]
    if len(begin) < 2 or sorted(set(begin)) != begin or begin[0] < 1 or begin[-1] > 12:
        raise MethodError("season: give True, or at least two months from 1 to 12 in order")
    first = int((cases.start + cases.to_calendar).min())
    last = int((cases.end + cases.to_calendar).max())
    low, high = (np.datetime64(day, "D").astype("datetime64[Y]") for day in (first, last))
    months = np.arange(low - 1, high + 1).astype("datetime64[M]")[:, None] + (np.array(begin) - 1)
    starts = months.astype("datetime64[D]").astype(np.int64).ravel()
    return np.tile(np.arange(len(begin)), months.shape[0]), starts


def _group(name: str, level: Ints, size: int, events: Ints | Floats) -> Factor:
    """Levels from 0, as terms numbered from 1; the reference is the first level that has events."""
    there = np.bincount(level, minlength=size) > 0
    first = int(np.argmax(np.bincount(level, events, size) > 0))
    return Factor(tuple(f"{name}{i + 1}" if there[i] and i != first else None for i in range(size)), level)
