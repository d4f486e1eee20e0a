"""Data dimensions: kinds of codes that are screened apart from each other, each of one harmonised view."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import ATC, ICD, NPU, SKS, CodeSystem
from sundbench.cohort.events.diagnoses import POSITIONS
from sundbench.cohort.language import Language, listed, number, said
from sundbench.errors import StudyError

SPECIALTY = CodeSystem("specialty", re.compile(r"\d{2,6}"), "80")

ATC_LENGTHS = {1: 1, 2: 3, 3: 4, 4: 5, 5: 7}
"""Characters of an ATC code by its level."""


@dataclass(frozen=True)
class Kind:
    """What a view's codes can be cut to.

    Attributes:
        system: their spelling.
        levels: what ``level`` may be; none where codes are always whole.
        level: what it is where nothing is said; None for whole codes.
        en: what the codes are, in English.
        da: the same in Danish.
    """

    system: CodeSystem
    levels: range
    level: int | None
    en: str
    da: str


KINDS: Mapping[str, Kind] = {
    "diagnoses": Kind(ICD, range(3, 6), 3, "hospital diagnoses", "sygehusdiagnoser"),
    "procedures": Kind(SKS, range(2, 11), None, "procedures", "procedurer"),
    "dispensings": Kind(ATC, range(1, 6), 5, "dispensings", "receptindløsninger"),
    "hospital_medicines": Kind(ATC, range(1, 6), 5, "hospital medicines", "sygehusmedicin"),
    "services": Kind(SPECIALTY, range(2, 7), None, "services of primary care", "ydelser i praksissektoren"),
    "laboratory": Kind(NPU, range(0), None, "laboratory tests done", "udførte laboratorieprøver"),
}
"""By the harmonised view."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Dimension:
    """One data dimension.

    Attributes:
        name: what its columns' names begin with.
        view: the harmonised view that it is of.
        level: to what its codes are cut: ATC's level, characters of other codes (of ICD-10 without the
            leading D); None for whole codes.
        types: of diagnoses, the types that count; none of other views.
        exclude: codes that are left out, each with all below it.
    """

    name: str
    view: str
    level: int | None
    types: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What its view's codes can be cut to."""
        return KINDS[self.view]

    def cut(self, code: pl.Expr) -> pl.Expr:
        """A code at this dimension's level; one that is shorter stays as it is."""
        if self.level is None:
            return code
        if self.kind.system is ATC:
            return code.str.slice(0, ATC_LENGTHS[self.level])
        if self.kind.system is ICD:
            leading = pl.when(code.str.starts_with("D")).then(1).otherwise(0)
            return code.str.slice(0, leading + self.level)
        return code.str.slice(0, self.level)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        text = said(language, self.kind.en, self.kind.da)
        if self.types:
            text += said(
                language,
                f" of type {listed(language, self.types)}",
                f" af type {listed(language, self.types)}",
            )
        if self.level is None:
            text += said(language, ", whole codes", ", hele koder")
        elif self.kind.system is ATC:
            text += said(language, f" at ATC level {self.level}", f" på ATC-niveau {self.level}")
        else:
            many = number(language, self.level)
            text += said(language, f" by {many} characters", f" efter {many} tegn")
        if self.exclude:
            left_out = listed(language, self.exclude)
            text += said(language, f", without {left_out}", f", uden {left_out}")
        return text


def dimension(
    view: str,
    *,
    level: int | None = None,
    types: str | Iterable[str] = ("A", "B"),
    exclude: str | Iterable[str] = (),
    name: str | None = None,
) -> Dimension:
    """A data dimension of ``high_dimensional``, where the plain name of a view isn't what you mean.

    Example:
        >>> sb.dimension("diagnoses", types="A", level=4, name="primary")
        >>> sb.dimension("dispensings", level=4, exclude=["B01AF", "B01AA"])

    Args:
        view: ``diagnoses``, ``procedures``, ``dispensings`` (community pharmacies), ``hospital_medicines``,
            ``services`` (primary care) or ``laboratory`` (tests done, whatever their results).
        level: to what codes are cut. ATC: level 1 to 5 (default 5). Diagnoses: 3 to 5 characters (default 3),
            of ICD-10 without the leading D. Procedures: 2 to 10 characters, services: 2 to 6 digits (default:
            whole codes). Laboratory codes are always whole.
        types: for diagnoses: types ``A``, ``B``, ``G``.
        exclude: codes that are left out, each with all below it: the drugs that are compared, or what only
            their users have.
        name: what the columns' names begin with; the view's name if nothing is said.

    Raises:
        StudyError: something of this that doesn't exist.
    """
    where = f"dimension({view!r})"
    kind = KINDS.get(view)
    if kind is None:
        raise StudyError(f"{where}: no such dimension: choose among {', '.join(KINDS)}")
    if level is not None and (isinstance(level, bool) or level not in kind.levels):
        allowed = f"choose {kind.levels[0]} to {kind.levels[-1]}" if kind.levels else "its codes are whole"
        raise StudyError(f"{where}: level={level!r}: {allowed}")
    given = tuple(types)
    if view == "diagnoses" and (not given or any(one not in POSITIONS for one in given)):
        raise StudyError(f"{where}: types={types!r}: choose among {', '.join(POSITIONS)}")
    if name is not None and (not isinstance(name, str) or not _NAME.fullmatch(name)):
        raise StudyError(f"{where}: name={name!r}: columns are named by it: use letters, digits and _")
    without = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    return Dimension(
        name=name or view,
        view=view,
        level=kind.level if level is None else level,
        types=tuple(one for one in POSITIONS if one in given) if view == "diagnoses" else (),
        exclude=code_systems.checked(without, kind.system, f"{where}, exclude") if without else (),
    )
