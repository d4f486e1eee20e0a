"""All residents on a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sundbench.cohort.events.event import Event
from sundbench.cohort.features.attributes import Resident
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.language import Language, said
from sundbench.cohort.language import day as spelled
from sundbench.cohort.populations.population import Population
from sundbench.errors import StudyError


@dataclass(frozen=True)
class Residents(Population):
    """Everyone who lives in Denmark on a day, which is their index day.

    Attributes:
        on: the day.
    """

    on: date

    @property
    def arms(self) -> tuple[str, ...]:
        """One."""
        return ("resident",)

    @property
    def compares(self) -> bool:
        """There is one arm, and no drug."""
        return False

    @property
    def events(self) -> tuple[Event, ...]:
        """None: nothing needs to happen."""
        return ()

    def places(self) -> Iterator[tuple[str, Event]]:
        """None."""
        yield from ()

    @property
    def attributes(self) -> tuple[Feature, ...]:
        """Where they live."""
        return (Resident(0),)

    @property
    def index_day(self) -> date:
        """The index day."""
        return self.on

    def steps(self, entry: tuple[date, date], language: Language = "en") -> tuple[str, ...]:
        """The flow chart's steps."""
        on = spelled(language, self.on)
        return (
            said(language, "ever resident in Denmark", "nogensinde bopæl i Danmark"),
            said(language, f"resident on {on}", f"bopæl i Danmark {on}"),
        )

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        on = spelled(language, self.on)
        return said(language, f"everyone resident in Denmark on {on}", f"alle med bopæl i Danmark {on}")


def residents(on: date | str) -> Residents:
    """Everyone who lives in Denmark on a day, which is their index day.

    The study's ``entry`` can be left out; if it is given, the day must lie in it. Residence is as
    ``sb.resident(0)`` tells it: by the population register's snapshots, migrations and deaths.

    Example:
        >>> sb.Study(sb.residents(on="2015-01-01"), covariates={"age": sb.age()})

    Args:
        on: the day, as a date or ISO text.

    Raises:
        StudyError: no day.
    """
    try:
        return Residents(on if isinstance(on, date) else date.fromisoformat(on))
    except (TypeError, ValueError):
        raise StudyError(f"residents(): on={on!r} is no day: write it as '2015-01-01'") from None
