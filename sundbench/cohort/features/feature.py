"""Features: one value a person, relative to the index day, and what can be said of them.

A feature is a frozen value that knows its kind (``bool``, ``int``, ``float``, ``date``, ``text``), so that a
comparison that makes no sense is an error where it is written.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, get_args

from sundbench.cohort.events.event import Event
from sundbench.cohort.language import Language, listed, said, value
from sundbench.cohort.spans import AnyWindow, anchors
from sundbench.cohort.windows import Bounds
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.features.arithmetic import Sign

Kind = Literal["bool", "int", "float", "date", "text"]
How = Literal[
    "any", "count", "first", "last", "nth", "days_since", "distinct",
    "sum", "mean", "first_value", "latest", "min", "max",
]  # fmt: skip
Operator = Literal["==", "!=", "<", "<=", ">", ">="]
Value = bool | int | float | str | date

WHOLE = ("price", "fee", "tariff", "days", "contacts", "services")
"""Values that are whole numbers: øre, nights, contacts, services."""

_HOW: Mapping[How, tuple[str, str]] = {
    "any": ("", ""),
    "count": ("number of times: ", "antal gange: "),
    "first": ("first date of ", "første dato for "),
    "last": ("last date of ", "seneste dato for "),
    "days_since": ("days since the last of ", "antal dage siden seneste tilfælde af "),
    "distinct": ("number of different codes: ", "antal forskellige koder: "),
    "sum": ("sum of ", "summen af "),
    "mean": ("mean of ", "gennemsnittet af "),
    "first_value": ("first ", "første "),
    "latest": ("latest ", "seneste "),
    "min": ("smallest ", "mindste "),
    "max": ("largest ", "største "),
}
"""How reductions begin in English and Danish."""

_DANISH_VALUES = {
    "packages": "pakninger",
    "ddd": "DDD",
    "price": "pris",
    "dose": "dosis",
    "value": "værdi",
    "days": "døgn",
    "contacts": "kontakter",
    "services": "ydelser",
    "fee": "honorar",
    "tariff": "takst",
}


@dataclass(frozen=True, eq=False)
class Feature(ABC):
    """What all features can do: ``== != < <= > >=``, ``& | ~`` and ``is_in``.

    A feature has no truth value of its own before it has been collected, hence no ``and``, ``or``, ``not``.
    A missing value compares as missing, and what is missing doesn't fulfil a requirement.
    """

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """The kind of its values."""

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return ()

    @property
    def anchors(self) -> tuple[Feature, ...]:
        """The features whose dates its windows hang on."""
        return ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The values that it can have, in order, where they are few texts."""
        return ()

    def bounds(self, index: int) -> Bounds:
        """The first and the last day that a feature of kind date can be, for who enters on a day.

        Args:
            index: the ordinal of that day.

        Returns:
            Ordinals; infinite where that can't be told before data are read.
        """
        return -math.inf, math.inf

    @abstractmethod
    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""

    def is_in(self, values: Iterable[Value]) -> Feature:
        """Whether the value is one of several.

        Raises:
            StudyError: no values, or values of another kind.
        """
        return IsIn(self, tuple(values))

    def is_missing(self) -> Feature:
        """Whether there is no value."""
        return Missing(self)

    def fill(self, value: Value | Feature) -> Feature:
        """The value, and another where it is missing.

        Raises:
            StudyError: a value of another kind.
        """
        from sundbench.cohort.features.choices import Fill

        return Fill(self, value)

    def __add__(self, other: Value | Feature) -> Feature:
        return _arithmetic(self, "+", other)

    def __radd__(self, other: Value) -> Feature:
        return _arithmetic(other, "+", self)

    def __sub__(self, other: Value | Feature) -> Feature:
        return _arithmetic(self, "-", other)

    def __rsub__(self, other: Value) -> Feature:
        return _arithmetic(other, "-", self)

    def __mul__(self, other: Value | Feature) -> Feature:
        return _arithmetic(self, "*", other)

    def __rmul__(self, other: Value) -> Feature:
        return _arithmetic(other, "*", self)

    def __truediv__(self, other: Value | Feature) -> Feature:
        return _arithmetic(self, "/", other)

    def __rtruediv__(self, other: Value) -> Feature:
        return _arithmetic(other, "/", self)

    def __eq__(self, other: object) -> Feature:  # type: ignore[override]
        return Comparison(self, "==", other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Feature:  # type: ignore[override]
        return Comparison(self, "!=", other)  # type: ignore[arg-type]

    def __lt__(self, other: Value | Feature) -> Feature:
        return Comparison(self, "<", other)

    def __le__(self, other: Value | Feature) -> Feature:
        return Comparison(self, "<=", other)

    def __gt__(self, other: Value | Feature) -> Feature:
        return Comparison(self, ">", other)

    def __ge__(self, other: Value | Feature) -> Feature:
        return Comparison(self, ">=", other)

    def __and__(self, other: Feature) -> Feature:
        return Combination("and", self, other)

    def __or__(self, other: Feature) -> Feature:
        return Combination("or", self, other)

    def __invert__(self) -> Feature:
        return Negation(self)

    def __bool__(self) -> bool:
        raise StudyError(
            f"{self.in_words()}: has no truth value before it is collected: write & | ~ for and, or, not, "
            "and set each comparison in parentheses"
        )

    __hash__ = object.__hash__


def _arithmetic(left: Value | Feature, sign: Sign, right: Value | Feature) -> Feature:
    from sundbench.cohort.features.arithmetic import Arithmetic

    return Arithmetic(left, sign, right)


@dataclass(frozen=True)
class Occurrences:
    """An event within a window; a reduction makes one value a person of it.

    Attributes:
        event: what happens.
        window: when.
    """

    event: Event
    window: AnyWindow

    def any(self) -> Feature:
        """Whether it happens."""
        return Reduction(self, "any")

    def count(self) -> Feature:
        """How often: rows of the harmonised view; 0 where it doesn't happen."""
        return Reduction(self, "count")

    def first(self) -> Feature:
        """The first date."""
        return Reduction(self, "first")

    def last(self) -> Feature:
        """The last date."""
        return Reduction(self, "last")

    def nth(self, n: int) -> Feature:
        """The date of the n-th different day on which it happens, from 1; -1 is the last, -2 the one before.

        Raises:
            StudyError: no whole number, or 0.
        """
        return Reduction(self, "nth", n=n)

    def days_since(self) -> Feature:
        """Days from the last one to the index day; negative where it lies after the index day."""
        return Reduction(self, "days_since")

    def sum(self, value: str | None = None) -> Feature:
        """The sum of a value; 0 where it doesn't happen."""
        return Reduction(self, "sum", self._value("sum", value))

    def mean(self, value: str | None = None) -> Feature:
        """The mean of a value; missing where it doesn't happen."""
        return Reduction(self, "mean", self._value("mean", value))

    def first_value(self, value: str | None = None) -> Feature:
        """The first day's value; the largest of them where that day has several."""
        return Reduction(self, "first_value", self._value("first_value", value))

    def min(self, value: str | None = None) -> Feature:
        """The smallest value; missing where there is none."""
        return Reduction(self, "min", self._value("min", value))

    def max(self, value: str | None = None) -> Feature:
        """The largest value; missing where there is none."""
        return Reduction(self, "max", self._value("max", value))

    def latest(self, value: str | None = None) -> Feature:
        """The last day's value; the largest of them where that day has several."""
        return Reduction(self, "latest", self._value("latest", value))

    def distinct(self) -> Feature:
        """How many different codes."""
        return Reduction(self, "distinct")

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return f"{self.event.in_words(language)}, {self.window.in_words(language)}"

    def _value(self, how: str, value: str | None) -> str:
        events = self.event.parts
        known = [name for name in events[0].values if all(name in event.values for event in events)]
        chosen = value if value is not None else events[0].value
        if chosen is None or chosen not in known:
            choices = f"choose among {', '.join(known)}" if known else "it has no values"
            raise StudyError(
                f"{self.event.in_words()}: {how}({'' if value is None else repr(value)}): {choices}"
            )
        return chosen


@dataclass(frozen=True, eq=False)
class Reduction(Feature):
    """One value a person from the occurrences of an event.

    Attributes:
        occurrences: what happens, and when.
        how: what is made of it.
        value: of which value.
        n: which of the days, for ``nth``.
    """

    occurrences: Occurrences
    how: How
    value: str | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        if self.how == "nth" and (isinstance(self.n, bool) or not isinstance(self.n, int) or self.n == 0):
            raise StudyError(
                f"{self.occurrences.event.in_words()}: nth({self.n!r}): give a whole number: 1 for the first "
                "day, 2 for the second, -1 for the last"
            )
        uncoded = [e for e in self.occurrences.event.parts if not hasattr(e, "codes")]
        if self.how == "distinct" and uncoded:
            raise StudyError(f"{uncoded[0].in_words()}: distinct(): it has no codes: use count()")
        for event in self.occurrences.event.parts:
            if self.how == "count" and event.uncountable:
                raise StudyError(f"{event.in_words()}: count(): {event.uncountable}")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        kinds: dict[str, Kind] = {
            "any": "bool",
            "first": "date",
            "last": "date",
            "nth": "date",
            "mean": "float",
        }
        if self.how in ("sum", "first_value", "latest", "min", "max"):
            return "int" if self.value in WHOLE else "float"
        return kinds.get(self.how, "int")

    @property
    def anchors(self) -> tuple[Feature, ...]:
        """The features whose dates its window hangs on."""
        return tuple(anchors(self.occurrences.window))

    def bounds(self, index: int) -> Bounds:
        """The first and the last day of its window; see ``Feature.bounds``."""
        return self.occurrences.window.bounds(index)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        if self.n is not None:
            what, back = (
                self.occurrences.in_words(language),
                said(language, " from the last", " fra den sidste"),
            )
            day = said(language, "date of day", "dato for dag")
            return said(
                language,
                f"{day} number {abs(self.n)}{back if self.n < 0 else ''} of {what}",
                f"{day} nummer {abs(self.n)}{back if self.n < 0 else ''} med {what}",
            )
        how, what = said(language, *_HOW[self.how]), self.occurrences.in_words(language)
        if self.value is None:
            return f"{how}{what}"
        return f"{how}{said(language, self.value, _DANISH_VALUES.get(self.value, self.value))}: {what}"


_NUMBERS = ("int", "float")


def kind_of(value: object) -> Kind | None:
    """The kind of a feature or a constant; None for what no feature can be, such as an infinite number."""
    if isinstance(value, Feature):
        return value.kind
    if isinstance(value, datetime) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    for kind, types in (("bool", bool), ("int", int), ("float", float), ("text", str), ("date", date)):
        if isinstance(value, types):
            return kind  # type: ignore[return-value]
    return None


def _alike(one: Kind, other: Kind | None) -> bool:
    return one == other or (one in _NUMBERS and other in _NUMBERS)


def _check_label(feature: Feature, value: object) -> None:
    if feature.labels and isinstance(value, str) and value not in feature.labels:
        raise StudyError(f"{feature.in_words()}: {value!r}: its values are {', '.join(feature.labels)}")


def words_of(one: object, language: Language = "en") -> str:
    """A constant or a feature, as a protocol says it."""
    return one.in_words(language) if isinstance(one, Feature) else value(language, one)


_SIGNS: Mapping[Operator, tuple[str, str]] = {
    "==": ("is", "er"),
    "!=": ("is not", "er ikke"),
    "<": ("under", "under"),
    "<=": ("at most", "højst"),
    ">": ("over", "over"),
    ">=": ("at least", "mindst"),
}


@dataclass(frozen=True, eq=False)
class Comparison(Feature):
    """A feature compared with a constant or with another feature of its kind."""

    left: Feature
    operator: Operator
    right: Value | Feature

    def __post_init__(self) -> None:
        if self.operator not in get_args(Operator):
            raise StudyError(f"{self.operator!r} is no comparison")
        kind = kind_of(self.right)
        where = f"{self.left.in_words()} {self.operator} {words_of(self.right)}"
        if not _alike(self.left.kind, kind):
            raise StudyError(f"{where}: compares {self.left.kind} with {kind or type(self.right).__name__}")
        _check_label(self.left, self.right)
        if self.operator not in ("==", "!=") and self.left.kind in ("bool", "text"):
            raise StudyError(f"{where}: {self.left.kind} has no order: use == or is_in()")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return (self.left, self.right) if isinstance(self.right, Feature) else (self.left,)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        sign = said(language, *_SIGNS[self.operator])
        return f"{self.left.in_words(language)} {sign} {words_of(self.right, language)}"


@dataclass(frozen=True, eq=False)
class IsIn(Feature):
    """Whether a feature's value is one of several."""

    feature: Feature
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise StudyError(f"{self.feature.in_words()}: is_in(): give at least one value")
        for one in self.values:
            if not _alike(self.feature.kind, kind_of(one)):
                raise StudyError(f"{self.feature.in_words()}: is_in(): {one!r} is no {self.feature.kind}")
            _check_label(self.feature, one)

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return (self.feature,)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        one_of = listed(language, (value(language, one) for one in self.values))
        return f"{self.feature.in_words(language)} {said(language, 'is one of', 'er en af')} {one_of}"


@dataclass(frozen=True, eq=False)
class Missing(Feature):
    """Whether a feature has no value."""

    feature: Feature

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return (self.feature,)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return f"{self.feature.in_words(language)} {said(language, 'is missing', 'mangler')}"


@dataclass(frozen=True, eq=False)
class Combination(Feature):
    """Two features of yes and no, joined by ``and`` or ``or``."""

    operator: Literal["and", "or"]
    left: Feature
    right: Feature

    def __post_init__(self) -> None:
        for side in (self.left, self.right):
            if not isinstance(side, Feature) or side.kind != "bool":
                raise StudyError(f"{words_of(side)}: {self.operator} joins features of yes and no")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return (self.left, self.right)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        joined = said(language, self.operator, {"and": "og", "or": "eller"}[self.operator])
        return f"({self.left.in_words(language)} {joined} {self.right.in_words(language)})"


@dataclass(frozen=True, eq=False)
class Negation(Feature):
    """The opposite of a feature of yes and no."""

    feature: Feature

    def __post_init__(self) -> None:
        if self.feature.kind != "bool":
            raise StudyError(f"~({self.feature.in_words()}): only yes and no have an opposite")

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    @property
    def parts(self) -> tuple[Feature, ...]:
        """The features that it is computed from."""
        return (self.feature,)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        return f"{said(language, 'not', 'ikke')} ({self.feature.in_words(language)})"
