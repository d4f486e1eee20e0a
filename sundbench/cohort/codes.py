"""Code systems: how the codes of a protocol are spelled, so that a misspelled one is an error at once.

A code names itself and everything below it: ``DI48`` selects ``DI48``, ``DI480``, ``DI489B``. A range names
both its ends, all between them and everything below: ``DI60-DI69``. Laboratory codes are whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sundbench.cohort.language import Language, said
from sundbench.errors import StudyError


@dataclass(frozen=True)
class CodeSystem:
    """A code system's spelling.

    Attributes:
        name: what users call it.
        pattern: what a code, or the beginning of one, looks like.
        example: a good one, for messages.
        levels: whether a code has others below it.
    """

    name: str
    pattern: re.Pattern[str]
    example: str
    levels: bool = True


@dataclass(frozen=True)
class CodeList:
    """Codes that belong together under a name.

    Attributes:
        name: its name, in protocols and messages.
        title_en, title_da: what the codes mean; the name where nobody said.
        system: the name of the code system, as the registers of its codes spell it; None where nobody said.
        codes: codes and ranges.
        places: where each of them stands, for messages.
        source: where they come from.
        verified: whether that was checked code by code.
    """

    name: str
    title_en: str
    title_da: str
    system: str | None
    codes: tuple[str, ...]
    places: tuple[str, ...] = ()
    source: str = ""
    verified: bool = True

    def title(self, language: Language = "en") -> str:
        """What the codes mean, in English or Danish."""
        return said(language, self.title_en, self.title_da)

    def __len__(self) -> int:
        return len(self.codes)

    def __str__(self) -> str:
        """For people: what it is, where it comes from, and its codes."""
        unsure = "" if self.verified else " (not verified)"
        return (
            f"{self.name}: {self.title_en} / {self.title_da}\n{self.source}{unsure}\n{', '.join(self.codes)}"
        )


Codes = str | CodeList | Iterable[str | CodeList]
"""One code, several, a list by name or from a file, or any of them together."""

ICD = CodeSystem(
    "ICD-10 as in LPR (leading D) or ICD-8", re.compile(r"D[A-Z]\d[0-9A-Z]{0,5}|\d{3}[0-9]{0,3}"), "DI48"
)
CAUSE = CodeSystem("ICD-10 or ICD-8", re.compile(r"D?[A-Z]\d[0-9A-Z]{0,5}|\d{3}[0-9]{0,3}"), "DI21")
"""ICD as causes of death and the cancer registry may be written: with or without LPR's leading D."""
ATC = CodeSystem("ATC", re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?"), "B01AF02")
SKS = CodeSystem("SKS", re.compile(r"[A-Z][A-Z0-9]{2,9}"), "BWHA204")
NPU = CodeSystem("NPU", re.compile(r"[A-Z]{3}\d{5}"), "NPU27300", levels=False)
SPECIALTY = CodeSystem("specialty (SSR)", re.compile(r"\d{2,6}"), "80")
DRG = CodeSystem("DRG", re.compile(r"[0-9A-Z]{2,6}"), "05MA01")
MORPHOLOGY = CodeSystem("morphology (ICD-O-3)", re.compile(r"M\d{2,5}[0-9X]?"), "M81403")
EDUCATION = CodeSystem("education", re.compile(r"[0-9A-Z]{1,10}"), "35")

SYSTEMS = {"ICD": ICD, "ATC": ATC, "SKS": SKS, "NPU": NPU}
"""The systems that lists of codes can be of."""

FIRST_ICD_10 = "1994-01-01"
"""Danish hospitals code by ICD-10 since 1 January 1994 (Schmidt et al., Clin Epidemiol 2015;7:449-490)."""


def checked(codes: Codes, system: CodeSystem, where: str, what: str = "codes") -> tuple[str, ...]:
    """The codes in upper case, each spelled as its system spells them.

    Args:
        codes: one code or several, ranges and lists among them.
        system: what they must look like.
        where: the call, to begin a message with.
        what: what they are, for messages.

    Raises:
        StudyError: none, one twice, one that the system can't hold, or a range that ends before it begins.
    """
    upper = [_checked(code, system, place or where) for code, place in _placed(codes, where)]
    if not upper:
        raise StudyError(f"{where}: no {what}: give at least one, such as {system.example!r}")
    twice = sorted({code for code in upper if upper.count(code) > 1})
    if twice:
        raise StudyError(f"{where}: {', '.join(twice)} stands there twice: list each code once")
    return tuple(upper)


def excluded(codes: Codes, among: Sequence[str], system: CodeSystem, where: str) -> tuple[str, ...]:
    """The codes to leave out of others; none if there are none.

    Args:
        codes: what to leave out.
        among: of what; of all codes if there are none.
        system: what they must look like.
        where: the call, to begin a message with.

    Raises:
        StudyError: as ``checked``; and codes that leave out nothing, or all of a code.
    """
    if not isinstance(codes, str | CodeList):
        codes = tuple(codes)
    if isinstance(codes, tuple) and not codes:
        return ()
    out = checked(codes, system, f"{where}, exclude")
    for code in out if among else ():
        if not overlap(code, among):
            raise StudyError(
                f"{where}: exclude {code!r}: it isn't among the codes: nothing would be left out"
            )
    for one in among:
        if any(_covers(code, one) for code in out):
            raise StudyError(f"{where}: {one!r} is excluded whole: leave it out of the codes instead")
    return out


def checked_in_lpr(codes: Codes, where: str) -> tuple[str, ...]:
    """ICD codes with or without LPR's leading D, as LPR spells them.

    Raises:
        StudyError: as ``checked``.
    """
    return checked(tuple(as_in_lpr(code) for code in checked(codes, CAUSE, where)), ICD, where)


def excluded_in_lpr(codes: Codes, among: Sequence[str], where: str) -> tuple[str, ...]:
    """ICD codes to leave out of others, as LPR spells them.

    Raises:
        StudyError: as ``excluded``.
    """
    if isinstance(codes, tuple) and not codes:
        return ()
    spelled = checked(codes, CAUSE, f"{where}, exclude")
    return excluded(tuple(as_in_lpr(code) for code in spelled), among, ICD, where)


def names(codes: Codes) -> tuple[str, ...]:
    """The names of the lists among the codes."""
    if isinstance(codes, CodeList):
        return (codes.name,)
    if isinstance(codes, str):
        return ()
    return tuple(one.name for one in codes if isinstance(one, CodeList))


def gathered(codes: Codes | None) -> str | CodeList | tuple[str | CodeList, ...]:
    """The codes as they can be gone through more than once; none for None."""
    if codes is None:
        return ()
    if isinstance(codes, str | CodeList) or not isinstance(codes, Iterable):
        return codes  # what is neither is refused when it is checked
    return tuple(codes)


def ends(code: str) -> tuple[str, str] | None:
    """The two ends of a range; None for a code that is none."""
    low, dash, high = code.partition("-")
    return (low, high) if dash else None


def holds(listed: Iterable[str], code: str) -> bool:
    """Whether a code is one of those listed or lies below one of them."""
    for one in listed:
        both = ends(one)
        if both is None:
            if code.startswith(one):
                return True
        elif both[0] <= code and code[: len(both[1])] <= both[1]:
            return True
    return False


def overlap(code: str, others: Iterable[str]) -> bool:
    """Whether a code or range has any code in common with one of several."""
    return any(_overlap(code, one) for one in others)


def is_icd_8(code: str) -> bool:
    """Whether a code is ICD-8: digits alone."""
    return code[0].isdigit()


def as_in_lpr(code: str) -> str:
    """An ICD-10 code or range with LPR's leading D; ICD-8 as it is.

    The second sign tells them apart: a digit where the D is missing (D05), a letter where it isn't (DD05).
    """
    both = ends(code)
    if both is not None:
        return "-".join(as_in_lpr(end) for end in both)
    return code if is_icd_8(code) or not code[1].isdigit() else f"D{code}"


def _placed(codes: Codes, where: str) -> Iterable[tuple[str, str]]:
    """Each code with where it stands, if it comes from a list."""
    if isinstance(codes, CodeList):
        yield from zip(codes.codes, codes.places or [""] * len(codes), strict=True)
        return
    if isinstance(codes, str):
        yield codes, ""
        return
    if not isinstance(codes, Iterable):
        raise StudyError(f"{where}: {codes!r} is no text: write codes in quotes")
    for one in codes:
        if isinstance(one, str | CodeList):
            yield from _placed(one, where)
        else:
            raise StudyError(f"{where}: {one!r} is no text: write codes in quotes")


def _checked(code: str, system: CodeSystem, where: str) -> str:
    spelled = code.strip().upper()
    both = ends(spelled)
    if both is None:
        if not system.pattern.fullmatch(spelled):
            raise StudyError(f"{where}: {code!r} is no {system.name} code{_hint(spelled, system)}")
        return spelled
    if not system.levels:
        raise StudyError(f"{where}: {code!r}: {system.name} codes are whole and have no ranges: list each")
    low, high = (_checked(end, system, f"{where}, range {code!r}") for end in both)
    if low[: len(high)] > high:
        raise StudyError(f"{where}: the range {code!r} ends before it begins")
    if low[0].isdigit() != high[0].isdigit():
        raise StudyError(f"{where}: the range {code!r} begins in one code system and ends in another")
    return f"{low}-{high}"


def _overlap(one: str, other: str) -> bool:
    """Whether two codes or ranges have any code in common."""
    low, high = ends(one) or (one, one)
    other_low, other_high = ends(other) or (other, other)
    return low[: len(other_high)] <= other_high and other_low[: len(high)] <= high


def _covers(outer: str, inner: str) -> bool:
    """Whether a code or range holds all of another."""
    both = ends(inner)
    if both is None:
        return holds([outer], inner)
    return all(holds([outer], end) for end in both)


def _hint(code: str, system: CodeSystem) -> str:
    """What the user may have meant."""
    plain = code.replace(".", "").replace(" ", "")
    for candidate in (plain, f"D{plain}" if system is ICD else plain):
        if candidate != code and system.pattern.fullmatch(candidate):
            return f": write {candidate!r}"
    return f": one looks like {system.example!r}"
