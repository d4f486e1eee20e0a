"""Split observation periods where age, season or exposure change.

Everything is done on sorted keys (period, day), so that no loop runs over persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sundbench.methods.self_controlled.cases import Cases
from sundbench.methods.self_controlled.days import Ints
from sundbench.methods.self_controlled.exposures import Exposures
from sundbench.methods.self_controlled.windows import Plan


@dataclass(frozen=True)
class Calendar:
    """Keys that order (period, day), with days cut to the period and the day after it."""

    cases: Cases
    first: int
    width: int

    @classmethod
    def of(cls, cases: Cases) -> Calendar:
        """For the cases' days."""
        first = int(cases.start.min())
        return cls(cases, first, int(cases.end.max()) - first + 2)

    def key(self, period: Ints, day: Ints) -> Ints:
        """The key of days within (or after) their periods."""
        return period * self.width + (day - self.first)

    def clipped(self, period: Ints, day: Ints) -> Ints:
        """The same, for days that may lie anywhere."""
        return self.key(period, np.clip(day, self.cases.start[period], self.cases.end[period] + 1))


@dataclass(frozen=True)
class Changes:
    """When an exposure's level changes: keys in order, and the level that holds from each on."""

    key: Ints
    level: Ints

    def at(self, key: Ints, calendar: Calendar) -> Ints:
        """The level at keys; 0 before the first change of the same period."""
        place = np.searchsorted(self.key, key, "right") - 1
        known = place >= 0
        place = np.maximum(place, 0)
        known &= self.key[place] // calendar.width == key // calendar.width
        return np.where(known, self.level[place], 0)


def changes(exposures: Exposures, name: str, plan: Plan, calendar: Calendar, *, by_dose: bool) -> Changes:
    """When the level of one exposure changes.

    The exposure that began last holds, from its first window on, through its washout and after it, as in R's
    SCCS. Where one lies within another, their ends are exchanged, so that the later one runs on.
    """
    own = exposures.name == name
    period, start, end, dose = (
        values[own] for values in (exposures.of, exposures.start, exposures.end, exposures.dose)
    )
    end = end[np.lexsort((end, period))]
    codes = np.tile(plan.codes, (period.size, 1))
    if by_dose:
        codes = np.where(codes > 0, codes + (dose[:, None] - 1) * plan.levels, 0)
    days = plan.changes(start, end)
    keys = calendar.clipped(np.repeat(period, days.shape[1]), days.ravel())
    # Of the changes passed the last in order holds: one that comes after a later change never holds.
    return Changes(np.minimum.accumulate(keys[::-1])[::-1], codes.ravel())


@dataclass(frozen=True)
class Rows:
    """Pieces of observation periods within which nothing changes, in order.

    Attributes:
        period, first: the piece's period and first day.
        days: how long it is.
    """

    period: Ints
    first: Ints
    days: Ints
    key: Ints


def split(
    cases: Cases,
    calendar: Calendar,
    exposed: Sequence[Changes],
    age_breaks: Ints,
    season_starts: Ints,
) -> Rows:
    """Cut the periods at every change.

    Args:
        cases: the periods.
        calendar: their keys.
        exposed: changes of exposures.
        age_breaks: ages at which groups begin.
        season_starts: days since 1970-01-01 at which seasons begin.
    """
    periods = np.arange(cases.start.size)
    cuts = [calendar.key(periods, cases.start), *(change.key for change in exposed)]
    for starts, offset in ((age_breaks, cases.to_age), (season_starts, cases.to_calendar)):
        if starts.size and offset is not None:
            low = np.searchsorted(starts, cases.start + offset, "right")
            many = np.searchsorted(starts, cases.end + offset, "right") - low
            period = np.repeat(periods, many)
            place = np.arange(period.size) - np.repeat(np.cumsum(many) - many, many) + np.repeat(low, many)
            cuts.append(calendar.key(period, starts[place] - offset[period]))
    keys = np.sort(np.concatenate(cuts))  # np.unique hashes, which takes ten times as long here
    keys = keys[np.append(True, keys[1:] != keys[:-1])]
    period, first = keys // calendar.width, keys % calendar.width + calendar.first
    inside = first <= cases.end[period]
    keys, period, first = keys[inside], period[inside], first[inside]
    follows = np.append(period[1:] == period[:-1], False)
    days = np.where(follows, np.append(first[1:], 0), cases.end[period] + 1) - first
    return Rows(period, first, days, keys)
