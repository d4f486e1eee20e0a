"""Education and income at index: the value of the latest year that is known then.

A register of years (``udda``, ``faik``) tells a year's value when the year is over: a value of 2011 is known
from 1 January 2012 on. Of the years before the index day's own the latest with a value counts, however long
ago. A later year, or the index day's own, never does.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sundbench.cohort import codes as code_systems
from sundbench.cohort.codes import Codes, gathered
from sundbench.cohort.features.feature import Feature, Kind
from sundbench.cohort.language import Language, said
from sundbench.errors import StudyError

IncomeKind = Literal["equivalised", "disposable", "total"]

YEAR = "aar"
"""The registers' column of the year."""


class OfYear(Feature):
    """A feature that is the latest known value of a register of years."""

    @property
    @abstractmethod
    def register(self) -> str:
        """The register."""

    @property
    @abstractmethod
    def column(self) -> str:
        """Its column."""


@dataclass(frozen=True, eq=False)
class Education(OfYear):
    """The highest completed education.

    Attributes:
        levels: the names of levels, each with the codes of the educations that are of it; none for the
            register's own code.
    """

    levels: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def register(self) -> str:
        """The register."""
        return "udda"

    @property
    def column(self) -> str:
        """Its column."""
        return "hfaudd"

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "text"

    @property
    def labels(self) -> tuple[str, ...]:
        """The levels, in order."""
        return tuple(name for name, _ in self.levels)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        known = said(
            language,
            "by the latest year before the index day's",
            "efter det seneste år før indeksdatoens",
        )
        what = said(language, "highest completed education", "højeste fuldførte uddannelse")
        if not self.levels:
            return f"{what} ({said(language, 'code', 'kode')}), {known}"
        levels = "; ".join(f"{name}: {', '.join(codes)}" for name, codes in self.levels)
        return f"{what} ({levels}), {known}"


_INCOMES: Mapping[IncomeKind, tuple[str, str, str]] = {
    "equivalised": ("famaekvivadisp_13", "equivalised disposable income", "ækvivaleret disponibel indkomst"),
    "disposable": ("famdisponibel_13", "disposable income", "disponibel indkomst"),
    "total": ("famindkomstialt_13", "total income before tax", "indkomst i alt før skat"),
}


@dataclass(frozen=True, eq=False)
class Income(OfYear):
    """The family's income, in øre.

    Attributes:
        of: which income.
    """

    of: IncomeKind

    @property
    def register(self) -> str:
        """The register."""
        return "faik"

    @property
    def column(self) -> str:
        """Its column."""
        return _INCOMES[self.of][0]

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "int"

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        _, en, da = _INCOMES[self.of]
        return said(
            language,
            f"the family's {en} (øre), by the latest year before the index day's",
            f"familiens {da} (øre), efter det seneste år før indeksdatoens",
        )


def education(levels: Mapping[str, Codes] | None = None) -> Education:
    """The highest completed education (``udda``), by the latest year before the index day's own.

    The register's codes (``hfaudd``) are serial: their level stands in Statistics Denmark's classification
    DISCED-15, of which a researcher has a file on Statistics Denmark's machines. Name the levels with it:

    Example:
        >>> disced = partial(sb.codes_from_csv, "disced15.csv", column="audd")
        >>> sb.education({"basic": disced(where={"level": "10"}), "upper": disced(where={"level": "30"})})

    Args:
        levels: the names of levels, in order, each with the codes that are of it (or their beginnings, or
            ranges); a code of no level is missing. The register's own code if nothing is said.

    Raises:
        StudyError: a level without a name or codes, or two levels that claim one code.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, codes in (levels or {}).items():
        where = f"education(), level {name!r}"
        if not isinstance(name, str) or not name.strip():
            raise StudyError(f"{where}: is no name for a level")
        listed = code_systems.checked(gathered(codes), code_systems.EDUCATION, where)
        for other, others in found:
            both = [code for code in listed if code_systems.overlap(code, others)]
            if both:
                raise StudyError(f"{where}: {both[0]} is of level {other!r} too: a code has one level")
        found.append((name, listed))
    if levels is not None and not found:
        raise StudyError("education(): no levels: give at least one, as {'basic': ['10']}")
    return Education(tuple(found))


def income(of: IncomeKind = "equivalised") -> Income:
    """The family's income (``faik``) in øre, by the latest year before the index day's own.

    Args:
        of: ``equivalised`` disposable income, ``disposable`` income, or ``total`` income before tax.

    Raises:
        StudyError: another kind of income.
    """
    if of not in get_args(IncomeKind):
        raise StudyError(f"income({of!r}): choose among {', '.join(get_args(IncomeKind))}")
    return Income(of)
