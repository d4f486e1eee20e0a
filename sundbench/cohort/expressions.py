"""Features as columns of a bucket's frame: reductions and attributes are there, the rest is computed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from sundbench.cohort import persons
from sundbench.cohort.composite import Composite
from sundbench.cohort.features import (
    Combination,
    Comparison,
    Feature,
    IsIn,
    Missing,
    Negation,
    Reduction,
)
from sundbench.cohort.plan import key

Slots = Mapping[str, str]
"""The column of each reduction by its key."""

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def expression(feature: Feature, slots: Slots) -> pl.Expr:
    """A feature over a frame that holds the slots and attributes it is computed from."""
    attribute = persons.column(feature)
    if attribute is not None:
        return pl.col(attribute)
    if isinstance(feature, Reduction):
        happened = feature.occurrences
        return pl.col(slots[key(happened.event, happened.window, feature.how, feature.value)])
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
    raise TypeError(f"no expression for {type(feature).__name__}")
