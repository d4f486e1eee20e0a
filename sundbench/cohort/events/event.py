"""What all events can do: windows before, after and between; either of several; codes in words.

An event selects rows of one harmonised view (``sundbench.cohort.views``). It is a value: frozen, checked when
built, the same wherever it is written the same. What it asks of rows is said in ``conditions``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from sundbench.cohort import spans, windows
from sundbench.cohort.codes import CodeList
from sundbench.cohort.language import Language, listed, said
from sundbench.cohort.spans import Closed
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.features.feature import Feature, Occurrences


@dataclass(frozen=True)
class Event(ABC):
    """What all events can do.

    Attributes:
        view: the harmonised view whose rows it selects.
        values: the columns of the view that can be summed, averaged or taken.
        value: the one of them that is meant where none is named.
        uncountable: why its rows aren't what one would count; "" where they are.
    """

    view: ClassVar[str] = ""
    values: ClassVar[tuple[str, ...]] = ()
    value: ClassVar[str | None] = None
    uncountable: ClassVar[str] = ""

    def before(
        self,
        days: int | None = None,
        *,
        years: float | None = None,
        index_day: bool = False,
        of: Feature | None = None,
    ) -> Occurrences:
        """The event in [index - days, index - 1]; all that came before the index day if nothing is said.

        Args:
            days: how far to look back.
            years: the same in years of 365.25 days, inclusive.
            index_day: whether the index day (the day of ``of``) belongs to the window too.
            of: a date to count from instead of the index day, such as
                ``sb.diagnosis("DI48").before().first()``. Where it is missing, nothing happens.

        Raises:
            StudyError: a length that isn't positive, both lengths, or ``of`` that is no date.
        """
        return self._in(spans.anchored(windows.before(days, years, index_day), of, "before()"))

    def after(self, days: int | None = None, *, of: Feature | None = None) -> Occurrences:
        """The event in [index + 1, index + days]; all that came after the index day if nothing is said.

        Args:
            days: how far to look ahead.
            of: a date to count from instead of the index day; where it is missing, nothing happens.

        Raises:
            StudyError: a length that isn't positive, or ``of`` that is no date.
        """
        return self._in(spans.anchored(windows.after(days), of, "after()"))

    def between(
        self,
        first: int | date | Feature | None,
        last: int | date | Feature | None,
        *,
        closed: Closed = "both",
        of: Feature | None = None,
    ) -> Occurrences:
        """The event from one end to another.

        Args:
            first: a number of days relative to the index day, a calendar day, a feature of kind date, or None
                for no beginning.
            last: the same for the other end.
            closed: which ends belong to the window: ``"both"``, ``"left"``, ``"right"`` or ``"none"``.
            of: a date that both ends are counted from, in days, instead of the index day.

        Where a date that an end hangs on is missing, or the window ends before it begins, nothing happens.

        Raises:
            StudyError: ends that no day lies between, or that are no days or dates.
        """
        return self._in(spans.between(first, last, closed, of))

    def _in(self, window: spans.AnyWindow) -> Occurrences:
        from sundbench.cohort.features.feature import Occurrences

        return Occurrences(self, window)

    def __or__(self, other: object) -> Event:
        if not isinstance(other, Event):
            raise StudyError(f"| between an event and {other!r}: both sides must be events")
        return EitherOf((*self.parts, *other.parts))

    @property
    def parts(self) -> tuple[Event, ...]:
        """The events that it is made of: itself, or those of a union."""
        return (self,)

    @abstractmethod
    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""


@dataclass(frozen=True)
class EitherOf(Event):
    """Any of several events: what ``|`` between events gives."""

    events: tuple[Event, ...]

    @property
    def parts(self) -> tuple[Event, ...]:
        """The events of the union."""
        return self.events

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        either = said(language, " or ", " eller ")
        return either.join(event.in_words(language) for event in self.events)


def either_of(events: Iterable[Event]) -> Event:
    """One event that happens when any of several does."""
    parts = tuple(part for event in events for part in event.parts)
    return parts[0] if len(parts) == 1 else EitherOf(parts)


def codes_in_words(
    language: Language, codes: Iterable[str], exclude: Iterable[str], lists: Iterable[str]
) -> str:
    """Codes as a protocol says them: which, which not, and from which lists."""
    which = listed(language, codes) or said(language, "anything", "hvad som helst")
    out, named = listed(language, exclude), listed(language, lists)
    if out:
        which += said(language, f" except {out}", f" undtagen {out}")
    if named:
        which += said(language, f" [list {named}]", f" [liste {named}]")
    return which


def told(codes: object) -> str:
    """Codes as a message repeats them: as they were written, a list by its name."""
    if isinstance(codes, CodeList):
        return f"codes({codes.name!r})"
    if isinstance(codes, tuple):
        return f"[{', '.join(told(one) for one in codes)}]"
    return repr(codes)
