"""Choosing between values: by conditions, the largest or smallest of several, another for a missing one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sundbench.cohort.features.arithmetic import NUMBERS, widest
from sundbench.cohort.features.feature import Feature, Kind, Value, kind_of, words_of
from sundbench.cohort.language import Language, said
from sundbench.cohort.windows import Bounds
from sundbench.errors import StudyError

Chosen = Value | Feature | None
"""A constant, a feature, or nothing: missing."""


def _common_kind(values: Iterable[Chosen], where: str) -> Kind:
    """The kind of several values: whole numbers beside fractions are fractions.

    Raises:
        StudyError: values of several kinds, of none, or all missing.
    """
    found: Kind | None = None
    for one in values:
        if one is None:
            continue
        kind = kind_of(one)
        if kind is None:
            raise StudyError(f"{where}: {one!r} is no value of a feature")
        if found is None or found == kind:
            found = kind
        elif found in NUMBERS and kind in NUMBERS:
            found = "float"
        else:
            raise StudyError(f"{where}: gives {found} and {kind}: give values of one kind")
    if found is None:
        raise StudyError(f"{where}: gives nothing but missing: give at least one value")
    return found


def _labels(values: Iterable[Chosen]) -> tuple[str, ...]:
    """The texts that several values can be, in the order of listing."""
    found: dict[str, None] = {}
    for one in values:
        if isinstance(one, Feature):
            found |= dict.fromkeys(one.labels)
        elif isinstance(one, str):
            found[one] = None
    return tuple(found)


def _features(values: Iterable[object]) -> tuple[Feature, ...]:
    return tuple(one for one in values if isinstance(one, Feature))


def _words(one: Chosen, language: Language) -> str:
    return said(language, "missing", "mangler") if one is None else words_of(one, language)


@dataclass(frozen=True, eq=False)
class Case(Feature):
    """The value of the first condition that is fulfilled.

    Attributes:
        cases: conditions with their values; a condition that is missing isn't fulfilled.
        otherwise: the value where none is; None for missing.
    """

    cases: tuple[tuple[Feature, Chosen], ...]
    otherwise: Chosen

    def __post_init__(self) -> None:
        if not self.cases:
            raise StudyError("case(): no conditions: give at least one, as (sb.age() >= 65, 'old')")
        for condition, _ in self.cases:
            if not isinstance(condition, Feature) or condition.kind != "bool":
                raise StudyError(
                    f"case(): {words_of(condition)}: is no yes or no: compare it, as in sb.age() >= 18"
                )
        _common_kind(self.values, "case()")

    @property
    def values(self) -> tuple[Chosen, ...]:
        """What it can give."""
        return (*(value for _, value in self.cases), self.otherwise)

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return _common_kind(self.values, "case()")

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return (*(condition for condition, _ in self.cases), *_features(self.values))

    @property
    def labels(self) -> tuple[str, ...]:
        """The texts that it can be, in the order of listing."""
        return _labels(self.values)

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it can be; see ``Feature.bounds``."""
        return widest(self.values, index)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        when = said(language, "if", "hvis")
        listed = [f"{_words(one, language)} {when} {c.in_words(language)}" for c, one in self.cases]
        last = f"{said(language, 'otherwise', 'ellers')} {_words(self.otherwise, language)}"
        return f"({'; '.join([*listed, last])})"


@dataclass(frozen=True, eq=False)
class Extreme(Feature):
    """The largest or smallest of several values, latest or earliest of dates; missing ones don't count."""

    which: Literal["max", "min"]
    values: tuple[Value | Feature, ...]

    def __post_init__(self) -> None:
        where = f"{self.which}_of()"
        if len(self.values) < 2 or not self.parts:
            raise StudyError(f"{where}: give two values or more, at least one of them a feature")
        if any(one is None for one in self.values):
            raise StudyError(f"{where}: missing ones don't count: leave None out")
        kind = _common_kind(self.values, where)
        if kind in ("bool", "text"):
            raise StudyError(f"{where}: {kind} has no order: give numbers or dates")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return _common_kind(self.values, f"{self.which}_of()")

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return _features(self.values)

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it can be; missing dates don't count, so any may be the one."""
        return widest(self.values, index)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        listed = "; ".join(words_of(one, language) for one in self.values)
        if self.kind == "date":
            latest = self.which == "max"
            which = said(language, "latest" if latest else "earliest", "seneste" if latest else "tidligste")
        else:
            largest = self.which == "max"
            which = said(language, "largest" if largest else "smallest", "største" if largest else "mindste")
        return said(language, f"{which} of ({listed})", f"{which} af ({listed})")


@dataclass(frozen=True, eq=False)
class Fill(Feature):
    """A feature's value, and another where it is missing."""

    feature: Feature
    value: Value | Feature

    def __post_init__(self) -> None:
        where = f"{self.feature.in_words()}: fill({words_of(self.value)})"
        if self.value is None:
            raise StudyError(f"{where}: fills with nothing: give a value")
        _common_kind((self.feature, self.value), where)

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return _common_kind((self.feature, self.value), "fill()")

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return _features((self.feature, self.value))

    @property
    def labels(self) -> tuple[str, ...]:
        """The texts that it can be, in the order of listing."""
        return _labels((self.feature, self.value))

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that it can be; see ``Feature.bounds``."""
        return widest((self.feature, self.value), index)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        feature, value = self.feature.in_words(language), words_of(self.value, language)
        return said(language, f"{feature}, {value} where missing", f"{feature}, {value} hvor det mangler")


def case(*cases: tuple[Feature, Chosen], otherwise: Chosen = None) -> Feature:
    """The value of the first condition that is fulfilled.

    Example:
        >>> sb.case((sb.age() >= 80, "80+"), (sb.age() >= 65, "65-79"), otherwise="under 65")

    Args:
        cases: conditions, each with a value: a constant, a feature of the same kind, or None for missing. A
            condition that is missing isn't fulfilled.
        otherwise: the value where no condition is fulfilled; missing if nothing is said.

    Raises:
        StudyError: no conditions, one that is no yes or no, or values of several kinds.
    """
    for one in cases:
        if not isinstance(one, tuple) or len(one) != 2:
            raise StudyError(f"case(): {one!r}: give pairs, as (sb.age() >= 65, 'old')")
    return Case(cases, otherwise)


def max_of(*values: Value | Feature) -> Feature:
    """The largest of several numbers, or the latest of several dates; missing ones don't count.

    Raises:
        StudyError: fewer than two, values of several kinds, or of one without order.
    """
    return Extreme("max", values)


def min_of(*values: Value | Feature) -> Feature:
    """The smallest of several numbers, or the earliest of several dates; missing ones don't count.

    Raises:
        StudyError: fewer than two, values of several kinds, or of one without order.
    """
    return Extreme("min", values)
