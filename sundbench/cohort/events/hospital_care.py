"""Hospital care as events: contacts, stays, what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events import care
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, said


@dataclass(frozen=True)
class Contact(Event):
    """A hospital contact, on the day on which it begins.

    Its value ``days`` is the number of nights from its first day to its last: 0 where both are one day,
    missing while it lasts.

    Attributes:
        kind, acute, specialty: of what kind it must be; any where nothing is said.
    """

    kind: tuple[str, ...] = ()
    acute: bool | None = None
    specialty: tuple[str, ...] = ()

    view: ClassVar[str] = "contacts"
    values: ClassVar[tuple[str, ...]] = ("days",)
    value: ClassVar[str | None] = "days"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        what = said(language, "a hospital contact", "en sygehuskontakt")
        parts = care.words(language, self.kind, self.acute, self.specialty)
        return f"{what} ({'; '.join(parts)})" if parts else what


@dataclass(frozen=True)
class Stay(Event):
    """A stay in hospital, on the day on which it begins: inpatient contacts with transfers merged.

    Its value ``days`` is the number of nights (bed days), ``contacts`` how many contacts it is made of.

    Attributes:
        acute: whether it must begin acutely (True) or planned (False).
    """

    acute: bool | None = None

    view: ClassVar[str] = "stays"
    values: ClassVar[tuple[str, ...]] = ("days", "contacts")
    value: ClassVar[str | None] = "days"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        what = said(language, "a stay in hospital", "en indlæggelse")
        parts = care.words(language, (), self.acute, ())
        return f"{what} ({'; '.join(parts)})" if parts else what


@dataclass(frozen=True)
class HospitalCost(Event):
    """What the DRG tariffs say that hospital care cost, on the day on which that care begins.

    Attributes:
        codes, exclude: DRG groups; all where there are none.
    """

    codes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    view: ClassVar[str] = "tariffs"
    values: ClassVar[tuple[str, ...]] = ("tariff",)
    value: ClassVar[str | None] = "tariff"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        what = said(language, "hospital care with a DRG tariff", "sygehusbehandling med DRG-takst")
        if not self.codes and not self.exclude:
            return what
        return f"{what} (DRG {codes_in_words(language, self.codes, self.exclude, ())})"


def contact(
    kind: str | Iterable[str] | None = None,
    *,
    acute: bool | None = None,
    specialty: str | Iterable[str] | None = None,
) -> Contact:
    """A hospital contact, on the day on which it begins; LPR2, LPR3 and psychiatry as one.

    Its value ``days`` is the number of nights from its first day to its last: 0 where both are one day.

    Args:
        kind: its class: ``inpatient``, ``outpatient``, ``emergency``, or several.
        acute: True for acute contacts alone, False for planned ones.
        specialty: of the department: LPR2's code (``"06"``) or its name (``"kardiologi"``).

    Example:
        >>> sb.contact("emergency").before(years=1).count()

    Raises:
        StudyError: a class or specialty that doesn't exist.
    """
    where = "contact()"
    return Contact(care.kinds(kind, where), care.acuteness(acute, where), care.specialties(specialty, where))


def stay(*, acute: bool | None = None) -> Stay:
    """A stay in hospital, on the day on which it begins: inpatient contacts with transfers merged.

    Its value ``days`` is the number of nights (bed days), all of them counted where the stay begins.

    Args:
        acute: True for stays that begin acutely alone, False for planned ones.

    Example:
        >>> sb.stay().before(years=1).sum("days")

    Raises:
        StudyError: ``acute`` is neither True nor False.
    """
    return Stay(care.acuteness(acute, "stay()"))


def hospital_cost(drg: Codes | None = None, *, exclude: Codes = ()) -> HospitalCost:
    """What the DRG tariffs say that hospital care cost, in øre, on the day on which that care begins.

    A tariff is of a contact, visit or spell, which differ between years: add them, don't count them.

    Args:
        drg: DRG groups or their beginnings; all if nothing is said.
        exclude: groups among them that don't count.

    Example:
        >>> sb.hospital_cost().after(days=365).sum()

    Raises:
        StudyError: a group that DRG can't hold.
    """
    codes = gathered(drg)
    where = f"hospital_cost({'' if drg is None else told(codes)})"
    spelled = () if drg is None else code_systems.checked(codes, code_systems.DRG, where)
    return HospitalCost(spelled, code_systems.excluded(gathered(exclude), spelled, code_systems.DRG, where))
