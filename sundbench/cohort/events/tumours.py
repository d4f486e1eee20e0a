"""Tumours of the cancer registry, as events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, listed, said
from sundbench.errors import StudyError


@dataclass(frozen=True)
class Tumour(Event):
    """A new tumour, on the day of its diagnosis.

    Attributes:
        codes, exclude: ICD-10 as LPR spells it; all where there are none.
        morphology: ICD-O-3 as the registry spells it (M, histology, behaviour) or its beginning.
        first: whether no tumour but those of ``exclude`` may stand before it.
        lists: the names of the lists that the codes come from.
    """

    codes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    morphology: tuple[str, ...] = ()
    first: bool = False
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "tumours"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        parts = []
        if self.morphology:
            kind = said(language, "morphology", "morfologi")
            parts.append(f"{kind} {listed(language, self.morphology, 'or')}")
        if self.first:
            parts.append(said(language, "the person's first", "personens første"))
        what = f"{said(language, 'a tumour', 'en kræftsvulst')} {coded}"
        return f"{what} ({'; '.join(parts)})" if parts else what


def tumour(
    icd10: Codes | None = None,
    *,
    exclude: Codes = (),
    morphology: str | Iterable[str] | None = None,
    first: bool = False,
) -> Tumour:
    """A new tumour, by the Danish Cancer Registry; tumours before 1978 have no ICD-10 code.

    Args:
        icd10: codes as the registry spells them ("C34") or with LPR's leading D ("DC34"), ranges, lists; all
            if nothing is said.
        exclude: codes that don't count.
        morphology: ICD-O-3 codes or their beginnings: "M81403", "8140", "8140/3".
        first: the person's first tumour alone: none of the registry's stands on an earlier day, those of
            ``exclude`` apart. ``sb.tumour(exclude="C44", first=True)``: the first, skin cancer apart.

    Raises:
        StudyError: a code that doesn't exist.
    """
    codes = gathered(icd10)
    where = f"tumour({'' if icd10 is None else told(codes)})"
    spelled = () if icd10 is None else code_systems.checked_in_lpr(codes, where)
    if any(code_systems.is_icd_8(code) for code in spelled):
        raise StudyError(f"{where}: the cancer registry has no ICD-8 codes: write ICD-10, such as 'C34'")
    among = () if first else spelled
    out = code_systems.excluded_in_lpr(gathered(exclude), among, where)
    asked = () if morphology is None else (morphology,) if isinstance(morphology, str) else tuple(morphology)
    if morphology is not None:
        bare = [one.replace("/", "") if isinstance(one, str) else one for one in asked]
        bare = [f"M{one}" if isinstance(one, str) and one[:1].isdigit() else one for one in bare]
        asked = code_systems.checked(bare, code_systems.MORPHOLOGY, where, "morphology")
    return Tumour(spelled, out, asked, bool(first), code_systems.names(codes))
