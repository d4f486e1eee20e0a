"""What persons themselves are on the index day: age, sex, where they live."""

from __future__ import annotations

from dataclasses import dataclass

from sundbench.cohort.features.feature import Feature, Kind
from sundbench.cohort.language import Language, said
from sundbench.errors import StudyError

SEXES = ("female", "male")
REGIONS = ("North Denmark", "Central Denmark", "Southern Denmark", "Capital", "Zealand")


@dataclass(frozen=True, eq=False)
class Age(Feature):
    """Whole years lived on the index day."""

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "int"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(language, "age in whole years on the index day", "alder i hele år på indeksdatoen")


@dataclass(frozen=True, eq=False)
class Sex(Feature):
    """``male`` or ``female``."""

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "text"

    @property
    def labels(self) -> tuple[str, ...]:
        """The values that it can have."""
        return SEXES

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(language, "sex", "køn")


@dataclass(frozen=True, eq=False)
class Region(Feature):
    """Region of residence by the last population snapshot at or before the index day."""

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "text"

    @property
    def labels(self) -> tuple[str, ...]:
        """The values that it can have."""
        return REGIONS

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(language, "region of residence on the index day", "bopælsregion på indeksdatoen")


@dataclass(frozen=True, eq=False)
class Resident(Feature):
    """Resident in Denmark on every day of [index - days, index]."""

    days: int

    def __post_init__(self) -> None:
        if isinstance(self.days, bool) or not isinstance(self.days, int) or self.days < 0:
            raise StudyError(f"resident(days={self.days!r}): give a whole number, 0 or more")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(
            language,
            f"resident in Denmark on every day from day {-self.days} to day 0",
            f"bopæl i Danmark alle dage fra dag {-self.days} til dag 0",
        )


def age() -> Age:
    """Whole years lived on the index day."""
    return Age()


def sex() -> Sex:
    """``male`` or ``female``."""
    return Sex()


def region() -> Region:
    """Region of residence by the last population snapshot at or before the index day."""
    return Region()


def resident(days: int) -> Resident:
    """Whether a person lives in Denmark on every day of [index - days, index].

    Raises:
        StudyError: a negative number of days.
    """
    return Resident(days)
