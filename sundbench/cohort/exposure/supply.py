"""Duration rules: how many days a dispensing lasts.

A rule is a value: what it is reckoned from, what to do where that is unknown, the least and the most. It
reads the columns of the view ``dispensings`` and gives whole days: to the nearest, half a day up, at least
one. (Rounding up would make 29 days of 28.000000001.)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from sundbench.cohort.language import Language, listed, said
from sundbench.cohort.language import number as number_in
from sundbench.errors import StudyError


@dataclass(frozen=True)
class Supply(ABC):
    """What all duration rules can do."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""

    @abstractmethod
    def exact(self) -> pl.Expr:
        """Days, with fractions; null where the columns don't tell."""

    @abstractmethod
    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""

    def days(self) -> pl.Expr:
        """Whole days (int64): to the nearest, half a day up, at least one where there is anything at all.

        Null where the columns don't tell; zero or less where a dispensing holds nothing.
        """
        exact = self.exact().cast(pl.Float64)
        nearest = (exact + 0.5).floor().cast(pl.Int64, strict=False)
        return pl.when(exact.is_nan()).then(None).when(exact > 0).then(nearest.clip(1)).otherwise(nearest)

    def otherwise(self, rule: Supply) -> Supply:
        """Another rule where this one can't tell."""
        return _Otherwise(self, rule)

    def limited(self, at_least: float | None = None, at_most: float | None = None) -> Supply:
        """The same, within limits in days for each dispensing.

        Raises:
            StudyError: no limit, one that isn't positive, or limits that leave nothing.
        """
        given = [one for one in (at_least, at_most) if one is not None]
        if not given or any(not 0 < one < math.inf for one in given):
            raise StudyError("limited(): give at_least, at_most or both, as positive numbers of days")
        if len(given) == 2 and given[0] > given[1]:
            raise StudyError(f"limited(): at least {at_least:g} and at most {at_most:g} days leave nothing")
        return _Limited(self, at_least, at_most)


@dataclass(frozen=True)
class _Otherwise(Supply):
    first: Supply
    second: Supply

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.first.columns, *self.second.columns)))

    def exact(self) -> pl.Expr:
        return pl.coalesce(self.first.exact(), self.second.exact())

    def in_words(self, language: Language = "en") -> str:
        unknown = said(language, "where that is unknown", "hvor det er ukendt")
        return f"{self.first.in_words(language)}; {unknown}, {self.second.in_words(language)}"


@dataclass(frozen=True)
class _Limited(Supply):
    rule: Supply
    at_least: float | None
    at_most: float | None

    @property
    def columns(self) -> tuple[str, ...]:
        return self.rule.columns

    def exact(self) -> pl.Expr:
        exact = self.rule.exact()
        # What holds nothing stays nothing: the least is for what is dispensed.
        return pl.when(exact > 0).then(exact.clip(self.at_least, self.at_most)).otherwise(exact)

    def in_words(self, language: Language = "en") -> str:
        ends = (
            (said(language, "at least", "mindst"), self.at_least),
            (said(language, "at most", "højst"), self.at_most),
        )
        limits = listed(
            language, [f"{end} {number_in(language, most)}" for end, most in ends if most is not None], "and"
        )
        return f"{self.rule.in_words(language)}, {limits} {said(language, 'days', 'dage')}"


@dataclass(frozen=True)
class _DefinedDoses(Supply):
    per_day: float

    columns: ClassVar[tuple[str, ...]] = ("ddd",)

    def exact(self) -> pl.Expr:
        return pl.col("ddd") / self.per_day

    def in_words(self, language: Language = "en") -> str:
        dose = said(language, f"defined daily dose{'s' if self.per_day != 1 else ''} a day", "DDD om dagen")
        return f"{number_in(language, self.per_day)} {dose}"


@dataclass(frozen=True)
class _FixedDays(Supply):
    number: float
    each: Literal["dispensing", "package"]

    @property
    def columns(self) -> tuple[str, ...]:
        return ("packages",) if self.each == "package" else ()

    def exact(self) -> pl.Expr:
        number = pl.lit(float(self.number))
        return pl.col("packages") * number if self.each == "package" else number

    def in_words(self, language: Language = "en") -> str:
        each = said(
            language, f"a {self.each}", {"dispensing": "pr. recept", "package": "pr. pakning"}[self.each]
        )
        return f"{number_in(language, self.number)} {said(language, 'days', 'dage')} {each}"


@dataclass(frozen=True)
class _Units(Supply):
    per_day: float

    columns: ClassVar[tuple[str, ...]] = ("packages", "package_size")

    def exact(self) -> pl.Expr:
        return pl.col("packages") * pl.col("package_size") / self.per_day

    def in_words(self, language: Language = "en") -> str:
        one = self.per_day == 1
        units = said(language, "unit" if one else "units", "enhed" if one else "enheder")
        return f"{number_in(language, self.per_day)} {units} {said(language, 'a day', 'om dagen')}"


@dataclass(frozen=True)
class _DailyDose(Supply):
    doses: tuple[tuple[str, float], ...]
    unit: str

    columns: ClassVar[tuple[str, ...]] = ("atc", "packages", "package_size", "strength", "strength_unit")

    def exact(self) -> pl.Expr:
        dose: pl.Expr = pl.lit(None, dtype=pl.Float64)
        for code, amount in sorted(self.doses, key=lambda pair: len(pair[0])):  # the longest code decides
            dose = pl.when(pl.col("atc").str.starts_with(code)).then(amount).otherwise(dose)
        amount_in_all = pl.col("packages") * pl.col("package_size") * pl.col("strength")
        in_unit = pl.col("strength_unit").str.to_uppercase() == self.unit
        return pl.when(in_unit).then(amount_in_all / dose)

    def in_words(self, language: Language = "en") -> str:
        every = said(language, "any", "alle")
        doses = listed(
            language, (f"{code or every} {number_in(language, amount)}" for code, amount in self.doses)
        )
        return said(
            language,
            f"the strength of all units, taken at {doses} {self.unit} a day",
            f"styrken af alle enheder, taget som {doses} {self.unit} om dagen",
        )


@dataclass(frozen=True)
class _GivenDays(Supply):
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def exact(self) -> pl.Expr:
        return pl.col(self.column)

    def in_words(self, language: Language = "en") -> str:
        return said(language, f"the days in {self.column}", f"dagene i {self.column}")


def ddd(per_day: float = 1.0) -> Supply:
    """From defined daily doses (column ``ddd``, of the whole dispensing).

    Args:
        per_day: how many of them are taken a day.

    Raises:
        StudyError: a number that isn't positive.
    """
    return _DefinedDoses(_positive(per_day, "ddd(per_day=...)"))


def fixed_days(days: float, each: Literal["dispensing", "package"] = "dispensing") -> Supply:
    """So many days for each dispensing, or for each package (column ``packages``).

    Raises:
        StudyError: a number that isn't positive, or neither of the two.
    """
    if each not in ("dispensing", "package"):
        raise StudyError(f"fixed_days(each={each!r}): choose 'dispensing' or 'package'")
    return _FixedDays(_positive(days, "fixed_days(...)"), each)


def units_a_day(number: float) -> Supply:
    """From tablets (or other units) taken a day: columns ``packages`` and ``package_size``.

    Raises:
        StudyError: a number that isn't positive.
    """
    return _Units(_positive(number, "units_a_day(...)"))


def daily_dose(amount: float | Mapping[str, float], unit: str = "MG") -> Supply:
    """From strength and package: ``packages`` x ``package_size`` x ``strength``, at a dose a day.

    Args:
        amount: the dose a day, one for all or by ATC code (or its beginning; the longest that fits counts).
        unit: the unit of dose and strength; a product whose ``strength_unit`` is another gives no days.

    Raises:
        StudyError: a dose that isn't positive, or none.
    """
    doses = dict(amount) if isinstance(amount, Mapping) else {"": amount}
    if not doses:
        raise StudyError("daily_dose(): no doses: give one, or one for each ATC code")
    checked = tuple((code.upper(), _positive(one, "daily_dose(...)")) for code, one in doses.items())
    return _DailyDose(checked, unit.upper())


def given_days(column: str) -> Supply:
    """The days that a column of the frame holds."""
    return _GivenDays(column)


def _positive(number: float, where: str) -> float:
    if not 0 < number < math.inf:
        raise StudyError(f"{where}: {number!r} is no positive number")
    return float(number)
