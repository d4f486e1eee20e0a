"""Procedures and treatments in hospital as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.events.event import Event, codes_in_words, told
from sundbench.cohort.language import Language, said


@dataclass(frozen=True)
class Procedure(Event):
    """A procedure, examination or treatment at a hospital, by its SKS code."""

    codes: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    view: ClassVar[str] = "procedures"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        coded = codes_in_words(language, self.codes, self.exclude, self.lists)
        return f"{said(language, 'a procedure', 'en procedure')} {coded}"


def procedure(sks: Codes, *, exclude: Codes = ()) -> Procedure:
    """A procedure, examination or treatment at a hospital, by SKS code or its beginning.

    Args:
        sks: SKS codes or their beginnings, ranges, or a list.
        exclude: codes among them that don't count.

    Raises:
        StudyError: a code that SKS can't hold.
    """
    codes, exclude = gathered(sks), gathered(exclude)
    where = f"procedure({told(codes)})"
    spelled = code_systems.checked(codes, code_systems.SKS, where)
    out = code_systems.excluded(exclude, spelled, code_systems.SKS, where)
    return Procedure(spelled, out, code_systems.names(codes))
