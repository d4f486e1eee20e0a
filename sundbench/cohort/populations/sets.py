"""Populations of sets: each case with the persons who are found for it anywhere in the extract."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from sundbench.cohort.events.event import Event
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.language import Language
from sundbench.cohort.populations.population import Population
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.database import Database


@dataclass(frozen=True)
class Sets(Population):
    """A population that runs in two passes: cases by their own rule, then others who are found for them.

    Cohort rows are unique by ``set`` and ``person``: ``set`` numbers the cases from 1 in order of pseudonyms,
    ``case`` is true of the case itself. All of a set have their case's index day or, in exposure sets, one of
    their own.
    """

    columns: ClassVar[tuple[str, ...]] = ("set", "case")
    found: ClassVar[str] = "found"

    @property
    def most(self) -> int | None:
        """How many are found for a case at most; None for all."""
        return None

    @property
    def drawing(self) -> int:
        """The seed by which some of many are drawn."""
        return 0

    @abstractmethod
    def last_step(self, language: Language = "en") -> str:
        """The flow chart's last step, in which those who are found join the cases."""


@dataclass(frozen=True)
class AroundCases(Sets):
    """Sets around the persons of another population.

    Attributes:
        cases: that population.
    """

    cases: Population

    @property
    def arms(self) -> tuple[str, ...]:
        """Those who are found, then the cases, by drug where they are told apart by drug."""
        return (self.found, *(self.cases.arms if self.cases.compares else ("case",)))

    @property
    def compares(self) -> bool:
        """Told by ``case`` alone where the cases aren't told apart by drug."""
        return self.cases.compares

    @property
    def events(self) -> tuple[Event, ...]:
        """The cases'."""
        return self.cases.events

    def places(self) -> Iterator[tuple[str, Event]]:
        """The cases'."""
        yield from self.cases.places()

    def look_backs(self) -> Iterator[tuple[str, Event, Window]]:
        """The cases'."""
        yield from self.cases.look_backs()

    def features(self) -> Iterator[tuple[str, Feature]]:
        """The cases'."""
        yield from self.cases.features()

    @property
    def attributes(self) -> tuple[Feature, ...]:
        """The cases'."""
        return self.cases.attributes

    def needs(self, db: Database) -> Mapping[str, tuple[str, ...]]:
        """The cases'."""
        return self.cases.needs(db)

    @property
    def index_day(self) -> date | None:
        """The cases'."""
        return self.cases.index_day

    def steps(self, entry: tuple[date, date], language: Language = "en") -> tuple[str, ...]:
        """The cases'."""
        return self.cases.steps(entry, language)


def checked_cases(where: str, cases: object) -> Population:
    """A population whose persons others can be found for.

    Raises:
        StudyError: it is none, or one of sets itself.
    """
    if not isinstance(cases, Population):
        raise StudyError(f"{where}: {cases!r} is no population: write sb.onset(...) or sb.new_users(...)")
    if isinstance(cases, Sets):
        raise StudyError(
            f"{where}: {type(cases).__name__} gives sets already: give the population "
            "that its sets are around"
        )
    return cases
