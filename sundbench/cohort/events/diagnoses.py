"""Hospital diagnoses as events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events import care
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, listed, said
from sundbench.errors import StudyError

POSITIONS = ("A", "B", "G")


@dataclass(frozen=True)
class Diagnosis(Event):
    """A hospital diagnosis: LPR2 and LPR3 as one, psychiatric hospitals included.

    Attributes:
        codes, exclude: which, and which of them not.
        types: diagnosis types.
        contact, acute, specialty: of what kind its contact must be; see ``contact``.
        lists: the names of the lists that the codes come from.
    """

    codes: tuple[str, ...]
    types: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    acute: bool | None = None
    specialty: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "diagnoses"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        kind = said(language, "type", "diagnosetype")
        parts = (
            f"{kind} {listed(language, self.types)}",
            *care.words(language, self.contact, self.acute, self.specialty),
        )
        return f"{said(language, 'a diagnosis of', 'en diagnose')} {coded} ({'; '.join(parts)})"


def diagnosis(
    codes: Codes,
    position: str | Iterable[str] = ("A", "B"),
    *,
    exclude: Codes = (),
    contact: str | Iterable[str] | None = None,
    acute: bool | None = None,
    specialty: str | Iterable[str] | None = None,
) -> Diagnosis:
    """A hospital diagnosis: LPR2 and LPR3 as one; retracted diagnoses are left out.

    Args:
        codes: ICD-10 codes as LPR spells them, with a leading D, or ICD-8 codes; each with all below it.
            ``"DI60-DI69"`` is a range, both ends in it; ``sb.codes("atrial_fibrillation")`` a list by name.
        position: diagnosis types: ``A`` (action), ``B`` (secondary), ``G`` (underlying). Referral diagnoses
            (``H``) are no diagnoses.
        exclude: codes among them that don't count.
        contact: the contact's class: ``inpatient``, ``outpatient``, ``emergency``, or several.
        acute: True for acute contacts alone, False for planned ones.
        specialty: of the department: LPR2's code (``"06"``) or its name (``"kardiologi"``); either finds both
            LPR2's and LPR3's contacts.

    Raises:
        StudyError: a code, type or kind of contact that doesn't exist.
    """
    codes, exclude = gathered(codes), gathered(exclude)
    where = f"diagnosis({told(codes)})"
    types = tuple(position)
    wrong = [one for one in types if one not in POSITIONS]
    if wrong or not types:
        raise StudyError(f"{where}: position {position!r}: choose among {', '.join(POSITIONS)}")
    spelled = code_systems.checked(codes, code_systems.ICD, where)
    return Diagnosis(
        spelled,
        tuple(one for one in POSITIONS if one in types),
        code_systems.excluded(exclude, spelled, code_systems.ICD, where),
        care.kinds(contact, where),
        care.acuteness(acute, where),
        care.specialties(specialty, where),
        code_systems.names(codes),
    )
