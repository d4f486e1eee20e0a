"""Windows whose ends hang on other dates than the index day, and windows that are open at an end.

A date that a feature gives (the first diagnosis, the third dispensing) can be what a window is counted from,
or an end of it. Where that date is missing, or the window ends before it begins for a person, nothing happens
in it. docs/cohorts.md has the table of boundaries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from sundbench.cohort import canonical
from sundbench.cohort.language import Language, days, said
from sundbench.cohort.language import day as calendar_day
from sundbench.cohort.windows import Bounds, Period, Window
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.features.feature import Feature

Closed = Literal["both", "left", "right", "none"]
"""Which ends of a window belong to it."""


@dataclass(frozen=True, eq=False)
class Edge:
    """An end of a window: so many days from a date, itself in the window.

    Attributes:
        days: from the date; negative before it.
        of: a feature's date, a calendar day, or None for the index day.
    """

    days: int
    of: Feature | date | None

    def bounds(self, index: int) -> Bounds:
        """The first and the last day on which it can lie for who enters on a day; ordinals."""
        if self.of is None:
            first, last = float(index), float(index)
        elif isinstance(self.of, date):
            first, last = float(self.of.toordinal()), float(self.of.toordinal())
        else:
            first, last = self.of.bounds(index)
        return first + self.days, last + self.days

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        if self.of is None:
            return said(language, f"day {self.days}", f"dag {self.days}")
        if isinstance(self.of, date):
            return calendar_day(language, self.of + timedelta(days=self.days))
        of = self.of.in_words(language)
        if not self.days:
            return said(language, f"the {of}", of)
        many = days(language, abs(self.days))
        if self.days < 0:
            return said(language, f"{many} before the {of}", f"{many} før {of}")
        return said(language, f"{many} after the {of}", f"{many} efter {of}")


@dataclass(frozen=True, eq=False)
class Span:
    """The days from one end to another, both in it, of which at least one hangs on a date of its own.

    Attributes:
        first: where it begins; None for no beginning.
        last: where it ends; None for no end.
    """

    first: Edge | None
    last: Edge | None

    def __post_init__(self) -> None:
        first, last = self.first, self.last
        if first is None or last is None or canonical.text(first.of) != canonical.text(last.of):
            return
        if last.days < first.days:
            raise StudyError(f"window {self.in_words()}: it ends before it begins")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and canonical.text(self) == canonical.text(other)

    def __hash__(self) -> int:
        return hash(canonical.text(self))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The ends that it has."""
        return tuple(edge for edge in (self.first, self.last) if edge is not None)

    @property
    def anchors(self) -> tuple[Feature, ...]:
        """The features whose dates it hangs on."""
        return tuple(edge.of for edge in self.edges if edge.of is not None and not isinstance(edge.of, date))

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it can hold for who enters on a day; ordinals."""
        first = -math.inf if self.first is None else self.first.bounds(index)[0]
        last = math.inf if self.last is None else self.last.bounds(index)[1]
        return first, last

    def is_empty(self, index: int) -> bool:
        """Whether it ends before it begins for everybody who enters on a day."""
        if self.first is None or self.last is None:
            return False
        return self.first.bounds(index)[0] > self.last.bounds(index)[1]

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        of = self._common()
        if of is not None:
            return _around(self.first, self.last, of.in_words(language), language)
        first_said = said(language, "the beginning", "registrets begyndelse")
        last_said = said(language, "the end", "registrets slutning")
        if self.first is not None:
            first_said = self.first.in_words(language)
        if self.last is not None:
            last_said = self.last.in_words(language)
        return said(language, f"from {first_said} to {last_said}", f"fra {first_said} til {last_said}")

    def _common(self) -> Feature | None:
        """The feature that all its ends hang on, if they do."""
        anchors = self.anchors
        if len(anchors) != len(self.edges) or len({canonical.text(one) for one in anchors}) != 1:
            return None
        return anchors[0]


AnyWindow = Window | Period | Span


def _around(first: Edge | None, last: Edge | None, of: str, language: Language) -> str:
    """Days around one date."""
    begins, ends = (None if edge is None else edge.days for edge in (first, last))
    if (begins, ends) == (None, -1):
        return said(language, f"any time before the {of}", f"på ethvert tidspunkt før {of}")
    if (begins, ends) == (1, None):
        return said(language, f"any time after the {of}", f"på ethvert tidspunkt efter {of}")
    window = Window(begins, ends).in_words(language)
    return said(language, f"{window} counted from the {of}", f"{window} regnet fra {of}")


def anchored(window: Window, of: object, where: str) -> Window | Span:
    """A window counted from another date than the index day; from that where ``of`` is None."""
    if of is None:
        return window
    anchor = _anchor(of, where)
    if anchor is None:
        return window
    first = None if window.first is None else Edge(window.first, anchor)
    last = None if window.last is None else Edge(window.last, anchor)
    return Span(first, last)


def between(
    first: int | date | Feature | None, last: int | date | Feature | None, closed: Closed, of: object
) -> AnyWindow:
    """From one end to another: days relative to the index day (or to ``of``), calendar days, or features."""
    where = "between()"
    if closed not in get_args(Closed):
        raise StudyError(f"{where}: closed={closed!r}: choose among {', '.join(get_args(Closed))}")
    if of is not None:
        for end in (first, last):
            if end is not None and (isinstance(end, bool) or not isinstance(end, int)):
                raise StudyError(
                    f"{where}: of= and an end that is no number of days: count both ends from of="
                )
        if first is None and last is None:
            raise StudyError(f"{where}: no end hangs on of=: give at least one of its ends in days")
    begins = _edge(first, of, int(closed not in ("both", "left")), where)
    ends = _edge(last, of, -int(closed not in ("both", "right")), where)
    try:
        return _window(begins, ends)
    except StudyError as error:
        if closed == "both":
            raise
        raise StudyError(f"{where}: closed={closed!r}: no day lies in it ({error})") from None


def _window(first: Edge | None, last: Edge | None) -> AnyWindow:
    """The plainest window between two ends."""
    kinds = {type(edge.of) for edge in (first, last) if edge is not None}
    if kinds <= {type(None)}:
        return Window(None if first is None else first.days, None if last is None else last.days)
    if first is not None and last is not None and kinds == {date}:
        return Period(_calendar(first), _calendar(last))
    return Span(first, last)


def _calendar(edge: Edge) -> date:
    assert isinstance(edge.of, date)  # noqa: S101 - the caller has asked
    return edge.of + timedelta(days=edge.days)


def _edge(end: object, of: object, shift: int, where: str) -> Edge | None:
    """An end of a window, moved inwards by a day where the window is open there."""
    if end is None:
        return None
    if isinstance(end, datetime):
        raise StudyError(f"{where}: {end!r} has a time: give a day, such as date(2012, 1, 31)")
    if isinstance(end, date):
        return Edge(0, end + timedelta(days=shift))
    if isinstance(end, bool | float | str):
        raise StudyError(f"{where}: {end!r} is no whole number of days, date or feature of kind date")
    if isinstance(end, int):
        return Edge(end + shift, None if of is None else _anchor(of, where))
    return Edge(shift, _anchor(end, where))


def _anchor(of: object, where: str) -> Feature | date | None:
    """What a window can be counted from; None for the index day."""
    from sundbench.cohort.events.event import Event
    from sundbench.cohort.features.arithmetic import IndexDate
    from sundbench.cohort.features.feature import Feature, Occurrences

    if isinstance(of, Event | Occurrences):
        raise StudyError(f"{where}: {of.in_words()}: happens on many days: say which, as in {_example(of)}")
    if isinstance(of, datetime):
        raise StudyError(f"{where}: {of!r} has a time: give a day, such as date(2012, 1, 31)")
    if isinstance(of, date):
        return of
    if not isinstance(of, Feature):
        raise StudyError(
            f"{where}: {of!r} is no date: give a feature such as sb.diagnosis(...).before().first()"
        )
    if of.kind != "date":
        raise StudyError(
            f"{where}: {of.in_words()}: is {of.kind}, no date: count from a date, such as .first()"
        )
    return None if isinstance(of, IndexDate) else of


def _example(of: object) -> str:
    from sundbench.cohort.events.event import Event

    return "event.before(days=365).first()" if isinstance(of, Event) else "...first()"


def anchors(window: object) -> Iterator[Feature]:
    """The features whose dates a window hangs on."""
    if isinstance(window, Span):
        yield from window.anchors
