"""Reckoning with features: sums, differences, products, ratios; days between dates; whole years."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from sundbench.cohort.features.feature import Feature, Kind, Value, kind_of, words_of
from sundbench.cohort.language import Language, said
from sundbench.cohort.windows import Bounds
from sundbench.errors import StudyError

Sign = Literal["+", "-", "*", "/"]

NUMBERS = ("int", "float")


@dataclass(frozen=True, eq=False)
class Arithmetic(Feature):
    """Two features, or a feature and a constant, joined by a sign; missing where either is.

    Numbers by ``+ - * /`` (a ratio is a fraction, and missing where it would divide by 0), a date moved by
    whole days, and the days from one date to another.
    """

    left: Value | Feature
    sign: Sign
    right: Value | Feature

    def __post_init__(self) -> None:
        if self.sign not in get_args(Sign):
            raise StudyError(f"{self.sign!r} is no sign of arithmetic")
        where = f"{words_of(self.left)} {self.sign} {words_of(self.right)}"
        kinds = kind_of(self.left), kind_of(self.right)
        if _result(kinds[0], self.sign, kinds[1]) is None:
            said_kinds = [
                kind or type(one).__name__ for kind, one in zip(kinds, (self.left, self.right), strict=True)
            ]
            hint = ""
            if "bool" in kinds:
                hint = ": make a number of yes and no by sb.case((feature, 1), otherwise=0)"
            elif "date" in kinds:
                hint = ": a date can be moved by whole days, and dates be subtracted"
            raise StudyError(f"{where}: {self.sign} joins no {said_kinds[0]} with {said_kinds[1]}{hint}")
        if self.sign == "/" and not isinstance(self.right, Feature) and self.right == 0:
            raise StudyError(f"{where}: divides by 0")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        found = _result(kind_of(self.left), self.sign, kind_of(self.right))
        assert found is not None  # noqa: S101 - checked when built
        return found

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return tuple(one for one in (self.left, self.right) if isinstance(one, Feature))

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that a date can be; see ``Feature.bounds``."""
        moved = self.right if kind_of(self.left) == "date" else self.left
        dated = self.left if kind_of(self.left) == "date" else self.right
        if isinstance(moved, Feature) or not isinstance(moved, int):
            return -math.inf, math.inf
        first, last = bounds_of(dated, index)
        days = -moved if self.sign == "-" else moved
        return first + days, last + days

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        sign = {"*": "×", "/": "÷", "-": "−"}.get(self.sign, self.sign)
        if self.kind == "int" and kind_of(self.left) == "date":
            left, right = words_of(self.right, language), words_of(self.left, language)
            return said(language, f"days from {left} to {right}", f"dage fra {left} til {right}")
        unit = said(language, " days", " dage") if self.kind == "date" else ""
        return f"({words_of(self.left, language)} {sign} {words_of(self.right, language)}{unit})"


def _result(left: Kind | None, sign: Sign, right: Kind | None) -> Kind | None:
    """The kind of what a sign makes of two kinds; None where it makes no sense."""
    if left in NUMBERS and right in NUMBERS:
        return "int" if left == right == "int" and sign != "/" else "float"
    if sign == "-" and left == right == "date":
        return "int"
    if (left, right) == ("date", "int") and sign in ("+", "-"):
        return "date"
    if (left, right) == ("int", "date") and sign == "+":
        return "date"
    return None


@dataclass(frozen=True, eq=False)
class YearsBetween(Feature):
    """Whole years from one date to another, counted as age is."""

    first: Feature | date
    last: Feature | date

    def __post_init__(self) -> None:
        for end in (self.first, self.last):
            if kind_of(end) != "date":
                raise StudyError(f"years_between(): {words_of(end)}: is no date")
        if not self.parts:
            raise StudyError("years_between(): two calendar days: give at least one feature of kind date")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "int"

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return tuple(one for one in (self.first, self.last) if isinstance(one, Feature))

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        first, last = words_of(self.first, language), words_of(self.last, language)
        return said(language, f"whole years from {first} to {last}", f"hele år fra {first} til {last}")


@dataclass(frozen=True, eq=False)
class IndexDate(Feature):
    """The index day itself."""

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "date"

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it can be; see ``Feature.bounds``."""
        return index, index

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return said(language, "index day", "indeksdatoen")


def bounds_of(one: object, index: int) -> Bounds:
    """The first and the last day that a date can be: a feature's or a constant."""
    if isinstance(one, Feature):
        return one.bounds(index)
    if isinstance(one, date):
        return one.toordinal(), one.toordinal()
    return math.inf, -math.inf


def widest(values: Iterable[object], index: int) -> Bounds:
    """The first and the last day that any of several dates can be."""
    found = [bounds_of(one, index) for one in values]
    return min(first for first, _ in found), max(last for _, last in found)


def years_between(first: Feature | date, last: Feature | date) -> Feature:
    """Whole years from one date to another, counted as age is: how many anniversaries have passed.

    The anniversary of 29 February is 1 March in common years. Missing where either date is; negative where
    the second lies before the first (-1 for any day of the year before it).

    Raises:
        StudyError: something that is no date.
    """
    return YearsBetween(first, last)


def index_date() -> Feature:
    """The index day itself, to reckon with: ``sb.index_date() - sb.diagnosis("DI48").before().first()``."""
    return IndexDate()
