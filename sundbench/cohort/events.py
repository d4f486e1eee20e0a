"""Events: things that happen to a person on a day.

An event selects rows of one harmonised view (``sundbench.cohort.views``). It is a value: frozen, checked when
built, the same wherever it is written the same. What it means over data is said once, in ``rows``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort import spans, windows
from sundbench.cohort.language import Language, listed, said
from sundbench.cohort.spans import Closed
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.features import Feature, Occurrences

Codes = str | Iterable[str]


@dataclass(frozen=True)
class Event(ABC):
    """What all events can do.

    Attributes:
        view: the harmonised view whose rows it selects.
        values: the columns of the view that can be summed, averaged or taken.
        value: the one of them that is meant where none is named.
    """

    view: ClassVar[str] = ""
    values: ClassVar[tuple[str, ...]] = ()
    value: ClassVar[str | None] = None

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
        from sundbench.cohort.features import Occurrences

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


@dataclass(frozen=True)
class Diagnosis(Event):
    """A hospital diagnosis: LPR2 and LPR3 as one, psychiatric hospitals included."""

    codes: tuple[str, ...]
    types: tuple[str, ...]

    view: ClassVar[str] = "diagnoses"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        codes, types = listed(language, self.codes), listed(language, self.types)
        return said(
            language, f"a diagnosis of {codes} (type {types})", f"en diagnose {codes} (diagnosetype {types})"
        )


@dataclass(frozen=True)
class Dispensing(Event):
    """A medicine dispensed at a community pharmacy."""

    codes: tuple[str, ...]

    view: ClassVar[str] = "dispensings"
    values: ClassVar[tuple[str, ...]] = ("packages", "ddd", "price")
    value: ClassVar[str | None] = "packages"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        codes = listed(language, self.codes)
        return said(language, f"a dispensing of {codes}", f"en indløst recept på {codes}")


@dataclass(frozen=True)
class HospitalMedicine(Event):
    """A medicine administered at a hospital."""

    codes: tuple[str, ...]

    view: ClassVar[str] = "hospital_medicines"
    values: ClassVar[tuple[str, ...]] = ("dose", "price")
    value: ClassVar[str | None] = "dose"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        codes = listed(language, self.codes)
        return said(language, f"a hospital administration of {codes}", f"et sygehusgivet lægemiddel {codes}")


@dataclass(frozen=True)
class Procedure(Event):
    """A procedure, examination or treatment at a hospital, by its SKS code."""

    codes: tuple[str, ...]

    view: ClassVar[str] = "procedures"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return f"{said(language, 'a procedure', 'en procedure')} {listed(language, self.codes)}"


@dataclass(frozen=True)
class Laboratory(Event):
    """A laboratory result."""

    codes: tuple[str, ...]

    view: ClassVar[str] = "laboratory"
    values: ClassVar[tuple[str, ...]] = ("value",)
    value: ClassVar[str | None] = "value"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return f"{said(language, 'a laboratory result', 'et laboratoriesvar')} {listed(language, self.codes)}"


@dataclass(frozen=True)
class Death(Event):
    """Death of any cause."""

    view: ClassVar[str] = "deaths"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(language, "death", "død")


@dataclass(frozen=True)
class Emigration(Event):
    """Leaving Denmark, by the migrations of VNDS; the first of several in a row."""

    view: ClassVar[str] = "emigrations"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(language, "emigration", "udvandring")


POSITIONS = ("A", "B", "G")


def diagnosis(codes: Codes, position: str | Iterable[str] = ("A", "B")) -> Diagnosis:
    """A hospital diagnosis: LPR2 and LPR3 as one; retracted diagnoses are left out.

    Args:
        codes: ICD-10 codes as LPR spells them, with a leading D, or ICD-8 codes; each with all below it.
        position: diagnosis types: ``A`` (action), ``B`` (secondary), ``G`` (underlying). Referral diagnoses
            (``H``) are no diagnoses.

    Raises:
        StudyError: a code or type that doesn't exist.
    """
    where = f"diagnosis({codes!r})"
    types = tuple(position)
    wrong = [one for one in types if one not in POSITIONS]
    if wrong or not types:
        raise StudyError(f"{where}: position {position!r}: choose among {', '.join(POSITIONS)}")
    listed = tuple(one for one in POSITIONS if one in types)
    return Diagnosis(code_systems.checked(codes, code_systems.ICD, where), listed)


def dispensing(atc: Codes) -> Dispensing:
    """A medicine dispensed at a community pharmacy (LMDB), corrections netted; by ATC code or its beginning.

    Raises:
        StudyError: a code that ATC can't hold.
    """
    return Dispensing(code_systems.checked(atc, code_systems.ATC, f"dispensing({atc!r})"))


def hospital_medicine(atc: Codes) -> HospitalMedicine:
    """A medicine administered at a hospital, by ATC code or its beginning; old codes count too.

    Raises:
        StudyError: a code that ATC can't hold.
    """
    return HospitalMedicine(code_systems.checked(atc, code_systems.ATC, f"hospital_medicine({atc!r})"))


def procedure(sks: Codes) -> Procedure:
    """A procedure, examination or treatment at a hospital, by SKS code or its beginning.

    Raises:
        StudyError: a code that SKS can't hold.
    """
    return Procedure(code_systems.checked(sks, code_systems.SKS, f"procedure({sks!r})"))


def lab(npu: Codes) -> Laboratory:
    """A laboratory result, by whole NPU (or DNK) code.

    Raises:
        StudyError: a code that is not three letters and five digits.
    """
    return Laboratory(code_systems.checked(npu, code_systems.NPU, f"lab({npu!r})"))


def death() -> Death:
    """Death of any cause."""
    return Death()


def emigration() -> Emigration:
    """Leaving Denmark."""
    return Emigration()
