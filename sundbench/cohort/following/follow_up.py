"""How long persons are followed after their index day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from sundbench.cohort.events.event import Event
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.following.treatment import OnTreatment
from sundbench.cohort.language import Language, listed, said
from sundbench.errors import StudyError

Earlier = Literal["drop", "ignore"]


@dataclass(frozen=True, eq=False)
class FollowUp:
    """How long persons are followed after their index day.

    Attributes:
        until: events that end it, on the day they happen.
        max_days: on which day after the index day at the latest; None for no limit.
        on_treatment: whether it ends with the treatment, and by which rules.
        start_day: the day after which it begins: 0 is the index day.
        start: instead, a date of each person after which it begins (the index day at the earliest).
        earlier_outcomes: what becomes of a person with an outcome between the index day and the start.
        crossover: whether it ends when a person gets what would put them into another arm.
    """

    until: tuple[Event, ...] = ()
    max_days: int | None = None
    on_treatment: OnTreatment | None = None
    start_day: int = 0
    start: Feature | None = None
    earlier_outcomes: Earlier = "drop"
    crossover: bool = False

    @property
    def delayed(self) -> bool:
        """Whether it begins later than the index day, for some."""
        return self.start_day > 0 or self.start is not None

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        ends = [event.in_words(language) for event in self.until]
        if self.on_treatment is not None:
            ends.append(self.on_treatment.in_words(language))
        if self.crossover:
            ends.append(said(language, "crossover to another arm", "overgang til en anden arm"))
        if self.max_days is not None:
            ends.append(said(language, f"day {self.max_days}", f"dag {self.max_days}"))
        ends.append(said(language, "the end of the outcomes' registers", "ophør af udfaldenes registre"))
        until = listed(language, ends)
        first = self._first_in_words(language)
        words = said(language, f"{first} until the first of: {until}", f"{first} til det første af: {until}")
        if not self.delayed:
            return words
        return words + (
            said(
                language,
                "; who has an outcome before that is left out",
                "; den, der har et udfald før da, udgår",
            )
            if self.earlier_outcomes == "drop"
            else said(language, "; outcomes before that don't count", "; udfald før da tæller ikke")
        )

    def _first_in_words(self, language: Language) -> str:
        if self.start is None:
            return said(language, f"from day {self.start_day + 1}", f"fra dag {self.start_day + 1}")
        start = self.start.in_words(language)
        return said(
            language,
            f"from the day after {start}, day 1 at the earliest,",
            f"fra dagen efter {start}, tidligst dag 1,",
        )


def follow_up(
    until: Event | Iterable[Event] = (),
    max_days: int | None = None,
    *,
    on_treatment: OnTreatment | None = None,
    start_day: int = 0,
    start: Feature | None = None,
    earlier_outcomes: Earlier = "drop",
    crossover: bool = False,
) -> FollowUp:
    """How long persons are followed after their index day.

    All days are counted from the index day, also where follow-up begins later: ``<outcome>_entry`` is the day
    after which a person is followed, and (entry, time] the time at risk.

    Args:
        until: events that end it: death, emigration, another event, from the index day on: whoever has one on
            that day isn't followed. Coverage of the registers of outcomes, of treatment and of exposures ends
            it in any case.
        max_days: on which day after the index day it ends at the latest.
        on_treatment: ``sb.on_treatment(rules)`` to follow persons while they take the drug that they entered
            with; else they are followed whatever they take (intention to treat).
        start_day: the day after which outcomes count (a lag): 30 leaves out days 1 to 30, and whoever isn't
            followed beyond day 30 leaves in a step of the flow chart.
        start: a date of each person after which outcomes count (left truncation), such as that of a first
            sample; before the index day it is the index day. Who has no such date isn't followed.
        earlier_outcomes: with a later start, ``"drop"`` leaves out, in a step of its own, who has an outcome
            (or what competes with it) after the index day and up to the start: not at risk of a first one.
            ``"ignore"`` seeks the first one after the start.
        crossover: end it on the first later day on which a person gets what would put them into another arm
            (``end_reason`` ``crossover``): another of the compared drugs, a control what makes a case, a user
            of the comparator the study drug. What they entered with doesn't end it.

    Raises:
        StudyError: something that is no event or date, a length that isn't positive, or words that don't go
            together.
    """
    where = "follow_up()"
    events = (until,) if isinstance(until, Event) else tuple(until)
    for event in events:
        if not isinstance(event, Event):
            raise StudyError(f"{where}: until: {event!r} is no event: write sb.death() or the like")
    if max_days is not None and not _whole(max_days, 1):
        raise StudyError(f"{where}: max_days={max_days!r}: give a whole number, 1 or more")
    if on_treatment is not None and not isinstance(on_treatment, OnTreatment):
        raise StudyError(f"{where}: on_treatment={on_treatment!r}: write sb.on_treatment(sb.Rules(...))")
    if not _whole(start_day, 0):
        raise StudyError(f"{where}: start_day={start_day!r}: give a whole number, 0 or more")
    if max_days is not None and start_day >= max_days:
        raise StudyError(
            f"{where}: it would begin after day {start_day} and end on day {max_days}: nobody is followed"
        )
    if start is not None:
        if not isinstance(start, Feature) or start.kind != "date":
            raise StudyError(f"{where}: start={start!r}: give a date, such as sb.lab(...).after().first()")
        if start_day:
            raise StudyError(f"{where}: both start_day and start: give one")
    if earlier_outcomes not in get_args(Earlier):
        raise StudyError(
            f"{where}: earlier_outcomes={earlier_outcomes!r}: choose among {', '.join(get_args(Earlier))}"
        )
    if crossover and on_treatment is not None and on_treatment.switching:
        raise StudyError(
            f"{where}: crossover: on_treatment ends at a switch already: leave it out, or say switching=False"
        )
    return FollowUp(
        events, max_days, on_treatment, start_day, start, earlier_outcomes, crossover=bool(crossover)
    )


def _whole(number: object, at_least: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= at_least
