"""What the methods accept: arrays, or pandas, Polars or Arrow frames; and how they refuse the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from pandas.api.types import infer_dtype

from sundbench.errors import MethodError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Frame: TypeAlias = pd.DataFrame | pl.DataFrame | pl.LazyFrame | pa.Table | Mapping[str, ArrayLike]
"""Columns by name: a pandas, Polars or Arrow frame, or a mapping of arrays."""

_NUMERIC = ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty")
_MIXED = ("mixed", "mixed-integer", "complex")
"""What pandas calls the kinds of values in a column of objects."""

_LARGEST = 1e100
"""Larger numbers overflow when they are multiplied: they stand for something else than a measurement."""


def frame(data: Frame, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of any frame as pandas, without missing values.

    Args:
        data: the frame.
        columns: the columns that are needed, each once.

    Raises:
        MethodError: a column is not there, is there or named twice, has missing values or values of several
            kinds; or there are no rows.
    """
    twice = sorted({name for name in columns if list(columns).count(name) > 1}, key=str)
    if twice:
        raise MethodError(f"the column {twice[0]} is named twice: name each column once")
    if isinstance(data, pl.LazyFrame):
        data = data.collect()
    names = column_names(data)
    absent = [name for name in columns if name not in names]
    if absent:
        raise MethodError(
            f"the data have no column {', '.join(map(str, absent))}: they have {', '.join(map(str, names))}"
        )
    double = [name for name in columns if names.count(name) > 1]
    if double:
        raise MethodError(f"the data have several columns {double[0]}: give each a name of its own")
    if isinstance(data, pl.DataFrame | pa.Table):
        chosen = data.select(list(columns)).to_pandas()
    elif isinstance(data, pd.DataFrame):
        # Column by column, so that nothing is copied.
        chosen = pd.DataFrame({name: data[name].array for name in columns}, copy=False)
    else:
        chosen = pd.DataFrame({name: np.asarray(data[name]) for name in columns})
    if len(chosen) == 0:
        raise MethodError("the data have no rows: there is nobody to analyse")
    for name in columns:
        missing = chosen[name].isna().to_numpy()
        if missing.any():
            raise MethodError(
                f"column {name}: {int(missing.sum())} of {len(chosen)} values are missing: "
                "leave those rows out, or give missing a level of its own"
            )
        if chosen[name].dtype == object and infer_dtype(chosen[name]) in _MIXED:
            raise MethodError(f"column {name}: values of several kinds: make them all numbers or all text")
    return chosen


def column_names(data: Frame) -> list[str]:
    """The names of a frame's columns, in its order."""
    if isinstance(data, pl.LazyFrame):
        return data.collect_schema().names()
    if isinstance(data, pa.Table):
        return list(data.column_names)
    if isinstance(data, pd.DataFrame | pl.DataFrame | Mapping):
        return list(data.columns if not isinstance(data, Mapping) else data)
    raise MethodError(f"data of type {type(data).__name__}: give a pandas, Polars or Arrow frame")


def floats(values: ArrayLike, name: str) -> Floats:
    """One-dimensional numbers, of which some may be missing or infinite.

    Raises:
        MethodError: not numbers (text and dates aren't), not one-dimensional, or empty.
    """
    wrong = f"{name}: these are not numbers: give numbers without missing values"
    try:
        given = np.asarray(values)
        # Text that reads as numbers and dates would be converted: who gives them means something else.
        if given.dtype.kind not in "biuf" and (given.dtype != object or infer_dtype(given) not in _NUMERIC):
            raise MethodError(wrong)
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise MethodError(wrong) from error
    if array.ndim != 1:
        raise MethodError(f"{name}: {array.ndim} dimensions: give one value a person")
    if array.size == 0:
        raise MethodError(f"{name}: no values: there is nobody to analyse")
    return array


def numbers(values: ArrayLike, name: str) -> Floats:
    """One-dimensional finite numbers.

    Raises:
        MethodError: not numbers, not one-dimensional, empty, or some are missing, infinite or absurdly large.
    """
    array = floats(values, name)
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise MethodError(
            f"{name}: {bad} of {array.size} values are missing or infinite: leave those persons out"
        )
    if np.abs(array).max() > _LARGEST:
        raise MethodError(f"{name}: some values are beyond {_LARGEST:g}: mend them, or leave them out")
    return array


def indicator(values: ArrayLike, name: str, meaning: str) -> Bools:
    """Zeros and ones, or booleans, as booleans.

    Raises:
        MethodError: anything else than 0, 1, false and true.
    """
    array = numbers(values, name)
    if not np.isin(array, (0.0, 1.0)).all():
        raise MethodError(f"{name}: values other than 0 and 1: code {meaning}")
    return np.asarray(array == 1.0)


def same_length(**arrays: NDArray[Any] | None) -> None:
    """Refuse arrays of different lengths.

    Raises:
        MethodError: the lengths differ.
    """
    lengths = {name: array.size for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in lengths.items())
        raise MethodError(f"arrays of different lengths ({told}): give one value a person in each")


def arms(treatment: Bools) -> None:
    """Refuse a comparison of which one arm is empty.

    Raises:
        MethodError: nobody is treated, or nobody is untreated.
    """
    if treatment.all() or not treatment.any():
        empty = "untreated (0)" if treatment.all() else "treated (1)"
        raise MethodError(f"nobody is {empty}: a comparison needs persons in both arms")


def sums(place: NDArray[np.int64], values: Floats, size: int) -> Floats:
    """Sums of values by place, added in the order in which they come."""
    return np.bincount(place, values, size).astype(np.float64)


def labels(values: ArrayLike | None, size: int, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Groups as sorted labels and, for each person, the position of the own label.

    Raises:
        MethodError: another length, missing labels, or labels of several kinds.
    """
    if values is None:
        return ["all"], np.zeros(size, dtype=np.int64)
    array = np.asarray(values)
    if array.shape != (size,):
        raise MethodError(f"{name}: {array.size} values for {size} persons: give one a person")
    array = array if array.dtype.kind in "biuf" else array.astype(object)
    if array.dtype == object and infer_dtype(array) in _MIXED:
        raise MethodError(f"{name}: labels of several kinds: make them all text or all numbers")
    codes, found = pd.factorize(array)
    missing = int((codes < 0).sum())
    if missing:
        raise MethodError(f"{name}: {missing} labels are missing: give missing one of its own")
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return [str(found[level]) for level in order], place[codes]
