"""Features as columns of a bucket's frame: reductions and attributes are there, the rest is computed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from sundbench.cohort import persons
from sundbench.cohort.features.arithmetic import Arithmetic, IndexDate, YearsBetween
from sundbench.cohort.features.choices import Case, Chosen, Extreme, Fill
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import (
    Combination,
    Comparison,
    Feature,
    IsIn,
    Kind,
    Missing,
    Negation,
    Reduction,
    kind_of,
)
from sundbench.cohort.plan import key, key_of

Slots = Mapping[str, str]
"""The column of each reduction by its key."""

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}

_TYPES: Mapping[Kind, pl.DataType] = {
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "date": pl.Date(),
    "text": pl.String(),
}
"""The types of what is reckoned or chosen."""


def expression(feature: Feature, slots: Slots) -> pl.Expr:
    """A feature over a frame that holds the slots and attributes it is computed from."""
    attribute = persons.column(feature)
    if attribute is not None:
        return pl.col(attribute)
    if isinstance(feature, Reduction):
        return pl.col(slots[key_of(feature)])
    if isinstance(feature, Composite):
        keys = (key(event, feature.window, "any") for event in feature.events)
        return feature.value([pl.col(slots[one]) for one in keys])
    if isinstance(feature, Comparison):
        right = feature.right
        other = expression(right, slots) if isinstance(right, Feature) else pl.lit(right)
        compared: pl.Expr = _OPERATORS[feature.operator](expression(feature.left, slots), other)
        return compared
    if isinstance(feature, IsIn):
        return expression(feature.feature, slots).is_in(list(feature.values))
    if isinstance(feature, Missing):
        return expression(feature.feature, slots).is_null()
    if isinstance(feature, Negation):
        return ~expression(feature.feature, slots)
    if isinstance(feature, Combination):
        left, right_side = expression(feature.left, slots), expression(feature.right, slots)
        return left & right_side if feature.operator == "and" else left | right_side
    if isinstance(feature, IndexDate):
        return pl.col("index")
    if isinstance(feature, Arithmetic):
        return _arithmetic(feature, slots)
    if isinstance(feature, YearsBetween):
        return persons.whole_years(*(_typed(one, "date", slots) for one in (feature.first, feature.last)))
    if isinstance(feature, Case):
        return _case(feature, slots)
    if isinstance(feature, Extreme):
        values = [_typed(one, feature.kind, slots) for one in feature.values]
        return pl.max_horizontal(values) if feature.which == "max" else pl.min_horizontal(values)
    if isinstance(feature, Fill):
        return pl.coalesce(_typed(one, feature.kind, slots) for one in (feature.feature, feature.value))
    raise TypeError(f"no expression for {type(feature).__name__}")


def _typed(one: Chosen, kind: Kind, slots: Slots) -> pl.Expr:
    """A feature or a constant as a column of a kind."""
    column = expression(one, slots) if isinstance(one, Feature) else pl.lit(one)
    return column.cast(_TYPES[kind])


def _arithmetic(feature: Arithmetic, slots: Slots) -> pl.Expr:
    kinds = kind_of(feature.left), kind_of(feature.right)
    if "date" in kinds:
        # Days since 1970 are whole numbers: a moved date has no time, and no rule about months.
        left, right = (_whole(one, slots) for one in (feature.left, feature.right))
        moved: pl.Expr = _OPERATORS[feature.sign](left, right)
        return moved.cast(pl.Int32).cast(pl.Date) if feature.kind == "date" else moved
    left, right = (_typed(one, feature.kind, slots) for one in (feature.left, feature.right))
    if feature.sign == "/":
        return pl.when(right != 0).then(left / right)
    joined: pl.Expr = _OPERATORS[feature.sign](left, right)
    return joined


def _whole(one: Chosen, slots: Slots) -> pl.Expr:
    """Whole numbers as they are, dates as days since 1970."""
    if kind_of(one) == "date":
        return _typed(one, "date", slots).cast(pl.Int32).cast(pl.Int64)
    return _typed(one, "int", slots)


def _case(feature: Case, slots: Slots) -> pl.Expr:
    chosen = _typed(feature.otherwise, feature.kind, slots)
    for condition, value in reversed(feature.cases):
        fulfilled = expression(condition, slots).fill_null(value=False)
        chosen = pl.when(fulfilled).then(_typed(value, feature.kind, slots)).otherwise(chosen)
    return chosen
