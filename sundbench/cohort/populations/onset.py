"""Onset of a condition: who gets it, on the day they get it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sundbench.cohort.events.event import Event, either_of
from sundbench.cohort.events.onsets import OnsetOf
from sundbench.cohort.language import Language, said
from sundbench.cohort.populations.checking import happens, whole
from sundbench.cohort.populations.population import Population, from_to
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.phenotypes import Phenotype


@dataclass(frozen=True)
class Onset(Population):
    """People who get a condition, with the day as their index day.

    Attributes:
        event: what tells it.
        nth: which day of the event is the onset, counted from the register's beginning.
        washout: what must not have happened before; None where it is the first, or n-th, ever.
        washout_days: for how long.
    """

    event: Event
    nth: int = 1
    washout: Event | None = None
    washout_days: int | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """One."""
        return ("onset",)

    @property
    def compares(self) -> bool:
        """There is one arm, and no drug."""
        return False

    @property
    def events(self) -> tuple[Event, ...]:
        """The event."""
        return (self.event,)

    @property
    def ends_risk(self) -> Event:
        """Whoever has the event, or a phenotype on whatever day, is not at risk of its onset."""
        parts = (
            OnsetOf(part.phenotype, "raw") if isinstance(part, OnsetOf) else part for part in self.event.parts
        )
        return either_of(parts)

    def places(self) -> Iterator[tuple[str, Event]]:
        """The event and the washout."""
        yield "population, onset", self.event
        if self.washout is not None:
            yield "population, washout", self.washout

    def look_backs(self) -> Iterator[tuple[str, Event, Window]]:
        """The washout; "ever" means since the register began."""
        if self.washout is not None and self.washout_days is not None:
            yield "population, washout", self.washout, Window(-self.washout_days, -1)

    def steps(self, entry: tuple[date, date], language: Language = "en") -> tuple[str, ...]:
        """The flow chart's steps."""
        there = said(language, "the condition", "tilstanden")
        if self.nth > 1:
            there = said(language, f"the condition on {self.nth} days", f"tilstanden på {self.nth} dage")
        inside = from_to(entry, language)
        if self.washout is None:
            return there, said(language, f"with onset {inside}", f"med debut {inside}")
        return (
            there,
            inside,
            said(
                language,
                f"nothing of the washout in the {self.washout_days} days before",
                f"intet af udvaskningen i de {self.washout_days} dage forinden",
            ),
        )

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        what = self.event.in_words(language)
        if self.washout is not None:
            of = said(language, "it", "den")
            if self.washout != self.event:
                of = self.washout.in_words(language)
            return said(
                language,
                f"onset: {what}, free of {of} from day -{self.washout_days} to day -1",
                f"debut: {what}, uden {of} fra dag -{self.washout_days} til dag -1",
            )
        if self.nth == 1:
            return said(
                language, f"onset: the first ever of {what}", f"debut: den første nogensinde af {what}"
            )
        return said(
            language,
            f"onset: day {self.nth} ever with {what}",
            f"debut: dag nummer {self.nth} nogensinde med {what}",
        )


def onset(
    of: Event | Phenotype,
    *,
    nth: int = 1,
    washout_days: int | None = None,
    free_of: Event | Iterable[Event] | None = None,
) -> Onset:
    """People who get a condition, with the day as their index day.

    Without a washout the onset is the first day ever in the register, wherever it lies: who had it before the
    entry period doesn't enter. The first years of a register hold old cases as new ones: let entry begin some
    years later.

    Example:
        >>> sb.onset(sb.diagnosis("DC50"))                          # the first ever
        >>> sb.onset(sb.diagnosis("DE11"), nth=2)                   # the second day with the diagnosis
        >>> sb.onset(sb.diagnosis("DI21"), washout_days=3652)       # the first after ten free years
        >>> sb.onset(sb.phenotype("diabetes_osdc"))                 # where incidence can be told

    Args:
        of: the event, or a phenotype: its onset where incidence can be told, ``phenotype.onset("stable")``.
        nth: which of the days with the event is the onset, from 1, counted from the register's beginning.
        washout_days: take the first day in the entry period with nothing in [index - washout_days, index - 1]
            instead of the first ever.
        free_of: what that time must be free of; the event itself if nothing is said.

    Raises:
        StudyError: neither an event nor a phenotype, or numbers that make no sense.
    """
    from sundbench.cohort.phenotypes import Phenotype

    where = "onset()"
    whole(where, "nth", nth, 1)
    if washout_days is None and free_of is not None:
        raise StudyError(f"{where}: free_of without washout_days: say for how many days")
    event = of.onset() if isinstance(of, Phenotype) else happens(where, of)
    if any(isinstance(part, OnsetOf) for part in event.parts) and (nth != 1 or washout_days is not None):
        raise StudyError(f"{where}: a phenotype begins but once: leave out nth and washout_days")
    if washout_days is None:
        return Onset(event, nth=nth)
    whole(where, "washout_days", washout_days, 1)
    if nth != 1:
        raise StudyError(f"{where}: nth counts from the register's beginning: give nth or washout_days")
    washed = (event,) if free_of is None else (free_of,) if isinstance(free_of, Event) else tuple(free_of)
    return Onset(
        event,
        washout=either_of(happens(f"{where}: free_of", one) for one in washed),
        washout_days=washout_days,
    )
