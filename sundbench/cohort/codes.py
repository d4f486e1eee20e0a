"""Code systems: how the codes of a protocol are spelled, so that a misspelled one is an error at once.

A code names itself and everything below it: ``DI48`` selects ``DI48``, ``DI480``, ``DI489B``. Laboratory
codes are whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sundbench.errors import StudyError


@dataclass(frozen=True)
class CodeSystem:
    """A code system's spelling.

    Attributes:
        name: what users call it.
        pattern: what a code, or the beginning of one, looks like.
        example: a good one, for messages.
    """

    name: str
    pattern: re.Pattern[str]
    example: str


ICD = CodeSystem(
    "ICD-10 as in LPR (leading D) or ICD-8", re.compile(r"D[A-Z]\d[0-9A-Z]{0,5}|\d{3}[0-9]{0,3}"), "DI48"
)
ATC = CodeSystem("ATC", re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?"), "B01AF02")
SKS = CodeSystem("SKS", re.compile(r"[A-Z][A-Z0-9]{2,9}"), "BWHA204")
NPU = CodeSystem("NPU", re.compile(r"[A-Z]{3}\d{5}"), "NPU27300")

FIRST_ICD_10 = "1994-01-01"
"""Danish hospitals code by ICD-10 since 1 January 1994 (Schmidt et al., Clin Epidemiol 2015;7:449-490)."""


def checked(codes: str | Iterable[str], system: CodeSystem, where: str) -> tuple[str, ...]:
    """The codes in upper case, each spelled as its system spells them.

    Args:
        codes: one code or several.
        system: what they must look like.
        where: the call, to begin a message with.

    Raises:
        StudyError: none, one twice, or one that the system can't hold.
    """
    listed = (codes,) if isinstance(codes, str) else tuple(codes)
    if not listed:
        raise StudyError(f"{where}: no codes: give at least one, such as {system.example!r}")
    upper = []
    for code in listed:
        if not isinstance(code, str):
            raise StudyError(
                f"{where}: {code!r} is no text: write codes in quotes, such as {system.example!r}"
            )
        spelled = code.strip().upper()
        if not system.pattern.fullmatch(spelled):
            raise StudyError(f"{where}: {code!r} is no {system.name} code{_hint(spelled, system)}")
        upper.append(spelled)
    twice = sorted({code for code in upper if upper.count(code) > 1})
    if twice:
        raise StudyError(f"{where}: {', '.join(twice)} stands there twice: list each code once")
    return tuple(upper)


def is_icd_8(code: str) -> bool:
    """Whether a code is ICD-8: digits alone."""
    return code.isdigit()


def _hint(code: str, system: CodeSystem) -> str:
    """What the user may have meant."""
    plain = code.replace(".", "").replace(" ", "")
    for candidate in (plain, f"D{plain}" if system is ICD else plain):
        if candidate != code and system.pattern.fullmatch(candidate):
            return f": write {candidate!r}"
    return f": one looks like {system.example!r}"
