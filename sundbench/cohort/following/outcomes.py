"""Outcomes: events sought during follow-up, and what competes with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sundbench.cohort.events.event import Event
from sundbench.cohort.language import Language, days, listed, said
from sundbench.errors import StudyError


@dataclass(frozen=True)
class Outcome:
    """An event sought during follow-up.

    Attributes:
        event: what is sought.
        competing: events after which it can't happen any more, or isn't sought; cause 2, 3, ... in order.
        recurrent: whether later occurrences count too.
        gap_days: days after an occurrence in which another one isn't a new one.
    """

    event: Event
    competing: tuple[Event, ...] = ()
    recurrent: bool = False
    gap_days: int = 0

    @property
    def events(self) -> tuple[Event, ...]:
        """The event and those that compete with it."""
        return (self.event, *self.competing)

    @property
    def parts(self) -> tuple[Event, ...]:
        """All simple events that it is made of."""
        return tuple(part for event in self.events for part in event.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """What follows its name in the cohort's columns."""
        return (
            "time",
            "event",
            *(("cause",) if self.competing else ()),
            *(("count",) if self.recurrent else ()),
        )

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        words = self.event.in_words(language)
        if self.competing:
            others = listed(language, (event.in_words(language) for event in self.competing), "or")
            words += said(language, f"; competing: {others}", f"; konkurrerende: {others}")
        if self.recurrent:
            words += said(language, "; every occurrence counts", "; alle forekomster tæller")
            if self.gap_days:
                gap = days(language, self.gap_days)
                words += said(
                    language,
                    f" that is more than {gap} after one that does",
                    f" mere end {gap} efter den seneste",
                )
        return words


def outcome(
    event: Event,
    *,
    competing: Event | Iterable[Event] = (),
    recurrent: bool = False,
    gap_days: int = 0,
) -> Outcome:
    """An outcome with competing events, or one that can happen several times.

    Args:
        event: what is sought.
        competing: events after which it can't happen, such as death. The column ``<name>_cause`` (int8) says
            what came first: 0 nothing, 1 the event, 2 and on the competing events as listed. Of one day the
            event counts before them, and they in their order.
        recurrent: count every day with the event: ``<name>_count``, and each in ``cohort.split``.
        gap_days: for recurrent events: what comes at most so many days after one that counts doesn't count.

    Raises:
        StudyError: something that is no event, an event that competes with itself, or words that don't go
            together.
    """
    where = "outcome()"
    others = (competing,) if isinstance(competing, Event) else tuple(competing)
    for one in (event, *others):
        if not isinstance(one, Event):
            raise StudyError(f"{where}: {one!r} is no event: write sb.diagnosis(...) or the like")
    for place, one in enumerate(others):
        if one in (event, *others[:place]):
            raise StudyError(f"{where}: {one.in_words()} stands there twice: it can't compete with itself")
    if recurrent and others:
        raise StudyError(
            f"{where}: recurrent events are counted to the end of follow-up: "
            "put what ends them under follow_up(until=...) rather than under competing="
        )
    if isinstance(gap_days, bool) or not isinstance(gap_days, int) or gap_days < 0:
        raise StudyError(f"{where}: gap_days={gap_days!r}: give a whole number, 0 or more")
    if gap_days and not recurrent:
        raise StudyError(f"{where}: gap_days means something for recurrent=True alone")
    return Outcome(event, others, bool(recurrent), gap_days)
