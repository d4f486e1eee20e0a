"""Features as columns of a bucket's frame: reductions and attributes are there, the rest is computed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from sundbench.cohort import persons
from sundbench.cohort.charlson import diseases
from sundbench.cohort.features import (
    Charlson,
    Combination,
    Comparison,
    Feature,
    IsIn,
    Missing,
    Negation,
    Reduction,
)
from sundbench.cohort.plan import disease_event, key

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
    if isinstance(feature, Charlson):
        return _charlson(feature, slots)
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


def _charlson(feature: Charlson, slots: Slots) -> pl.Expr:
    has = {
        disease.name: pl.col(slots[key(disease_event(disease.codes), feature.window, "any")])
        for disease in diseases()
    }
    scores = []
    for disease in diseases():
        counts = has[disease.name]
        if disease.graver is not None:
            counts &= ~has[disease.graver]
        scores.append(counts.cast(pl.Int32) * disease.score)
    return pl.sum_horizontal(scores).cast(pl.Int32)
