"""Windows of time around a person's index day.

The index day is day 0. A window is a closed range of days: ``before(days=365)`` is [-365, -1],
``after(days=30)`` is [1, 30]. docs/cohorts.md has the table of boundaries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from sundbench.cohort.language import Language, day, said
from sundbench.errors import StudyError

DAYS_A_YEAR = 365.25

Bounds = tuple[float, float]
"""The first and the last day that something can lie on, as ordinals; infinite where that can't be told."""


@dataclass(frozen=True)
class Window:
    """The days from ``first`` to ``last``, both in it.

    Attributes:
        first: day relative to the index day; None for no beginning.
        last: the same; None for no end.
    """

    first: int | None
    last: int | None

    def __post_init__(self) -> None:
        for one in (self.first, self.last):
            if one is not None and (isinstance(one, bool) or not isinstance(one, int)):
                raise StudyError(f"window: {one!r} is no whole number of days")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise StudyError(f"window [{self.first}, {self.last}]: it ends before it begins")

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it can hold for who enters on a day; ordinals."""
        first = -math.inf if self.first is None else index + self.first
        return first, math.inf if self.last is None else index + self.last

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        if (self.first, self.last) == (None, -1):
            return said(language, "any time before the index day", "på ethvert tidspunkt før indeksdatoen")
        if (self.first, self.last) == (1, None):
            return said(language, "any time after the index day", "på ethvert tidspunkt efter indeksdatoen")
        if self.first == self.last and self.first is not None:
            return said(language, f"on day {self.first}", f"på dag {self.first}")
        first = said(language, "the beginning", "registrets begyndelse")
        last = said(language, "the end", "registrets slutning")
        if self.first is not None:
            first = said(language, f"day {self.first}", f"dag {self.first}")
        if self.last is not None:
            last = said(language, f"day {self.last}", f"dag {self.last}")
        return said(language, f"from {first} to {last}", f"fra {first} til {last}")


@dataclass(frozen=True)
class Period:
    """A range of calendar days, both ends in it."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise StudyError(f"period {self.first} to {self.last}: it ends before it begins")

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it holds; ordinals."""
        return self.first.toordinal(), self.last.toordinal()

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        first, last = day(language, self.first), day(language, self.last)
        return said(language, f"from {first} to {last}", f"fra {first} til {last}")


def years_in_days(years: float, where: str) -> int:
    """The whole days of a look-back of so many years of 365.25 days, the last one included.

    A day at most ``years * 365.25`` days back is in the look-back: five years reach 1,826 days back.
    """
    if (
        isinstance(years, bool)
        or not isinstance(years, int | float)
        or not math.isfinite(years)
        or years <= 0
    ):
        raise StudyError(f"{where}: years={years!r}: give a positive number")
    return math.floor(years * DAYS_A_YEAR)


def before(days: int | None, years: float | None, index_day: bool) -> Window:
    """[index - days, index - 1], and the index day too where ``index_day`` says so."""
    return Window(_back(days, years, "before()"), 0 if index_day else -1)


def after(days: int | None) -> Window:
    """[index + 1, index + days]."""
    return Window(1, None if days is None else _positive(days, "after()"))


def _back(days: int | None, years: float | None, where: str) -> int | None:
    if days is not None and years is not None:
        raise StudyError(f"{where}: both days and years: give one")
    if years is not None:
        return -years_in_days(years, where)
    return None if days is None else -_positive(days, where)


def _positive(days: int, where: str) -> int:
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise StudyError(f"{where}: days={days!r}: give a whole number, 1 or more")
    return days
