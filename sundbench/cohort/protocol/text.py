"""A study protocol as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sundbench.cohort.language import Language, said
from sundbench.cohort.protocol.parts import Section, sections

if TYPE_CHECKING:
    from sundbench.cohort.study import Study


def text(study: Study, language: Language = "en") -> str:
    """The protocol as numbered sentences, in the order in which the engine applies them.

    Raises:
        StudyError: another language than ``en`` and ``da``.
    """
    lines = [said(language, "Study protocol", "Studieprotokol")]
    for n, section in enumerate(sections(study, language), 1):
        lines += _lines(n, section)
    lines.append(f"{said(language, 'Digest', 'Fingeraftryk')}: {study.digest}")
    return "\n".join(lines)


def _lines(number: int, section: Section) -> list[str]:
    head = f"{number}. {section.title}: {section.said}".rstrip()
    items = [f"  {number}.{n} {name}: {words}" for n, (name, words) in enumerate(section.items, 1)]
    return [f"{head}." if section.said else head, *items]
