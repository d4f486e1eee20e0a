"""What all study populations can say of themselves: who enters, and on which day."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from sundbench.cohort.events.event import Event, either_of
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.language import Language, day, said
from sundbench.cohort.windows import Window

if TYPE_CHECKING:
    from sundbench.cohort.database import Database


FLOW_CHART = ("step", "persons", "dropped")
"""Columns that every flow chart has; no drug may take their names."""


@dataclass(frozen=True)
class Population(ABC):
    """Who enters a study, and on which day: what all populations can say of themselves.

    Attributes:
        columns: the cohort's columns that this kind of population adds, after ``index``.
    """

    columns: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def arms(self) -> tuple[str, ...]:
        """The names that the flow chart counts by, the reference first."""

    @property
    def compares(self) -> bool:
        """Whether the arms are told apart in the cohort, in the column ``drug``."""
        return True

    @property
    @abstractmethod
    def events(self) -> tuple[Event, ...]:
        """The events by which persons enter."""

    @property
    def treatments(self) -> tuple[tuple[str, Event], ...]:
        """Each arm with the drug that treats it; none where not every arm is of a drug."""
        return ()

    @property
    def crossings(self) -> tuple[Event | None, ...]:
        """For each arm what takes a person of it over to another; None where nothing does."""
        return (None,) * len(self.arms)

    @property
    def ends_risk(self) -> Event | None:
        """What takes away the risk of entering; None where nothing does."""
        return either_of(self.events) if self.events else None

    @property
    def reads(self) -> tuple[Event, ...]:
        """All events that decide who enters."""
        return tuple(event for _, event in self.places())

    @abstractmethod
    def places(self) -> Iterator[tuple[str, Event]]:
        """All events that decide who enters, with their places in the protocol."""

    def look_backs(self) -> Iterator[tuple[str, Event, Window]]:
        """What must be free of which events before the index day: place in the protocol, event, window."""
        yield from ()

    def features(self) -> Iterator[tuple[str, Feature]]:
        """The features that decide who enters, with their places in the protocol."""
        yield from ()

    @property
    def attributes(self) -> tuple[Feature, ...]:
        """What must be known of persons, whether or not the protocol asks for it elsewhere."""
        return ()

    def needs(self, db: Database) -> Mapping[str, tuple[str, ...]]:
        """Registers, and their columns, that are read besides those of events and attributes."""
        return {}

    @property
    def index_day(self) -> date | None:
        """The index day where it is the same for all."""
        return None

    @abstractmethod
    def steps(self, entry: tuple[date, date], language: Language = "en") -> tuple[str, ...]:
        """The flow chart's steps until the index day is settled, given the entry period."""

    @abstractmethod
    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""


def from_to(entry: tuple[date, date], language: Language) -> str:
    """The entry period in words."""
    first, last = (day(language, one) for one in entry)
    return said(language, f"from {first} to {last}", f"fra {first} til {last}")
