"""Days as whole numbers, from dates or numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats

Ints = NDArray[np.int64]


def days(values: object, name: str) -> tuple[Floats, bool]:
    """Whole days, counted from 1970-01-01 where they are dates, with NaN for missing ones.

    Returns:
        The days, and whether they were dates.

    Raises:
        MethodError: neither dates nor numbers, dates with times of day, or parts of days.
    """
    series = values if isinstance(values, pd.Series) else pd.Series(_array(values))
    if pd.api.types.is_bool_dtype(series):
        raise MethodError(f"{name}: these are neither dates nor numbers of days")
    if pd.api.types.is_numeric_dtype(series):
        found, dated = series.to_numpy(dtype=np.float64, na_value=np.nan), False
    else:
        try:
            stamps = pd.to_datetime(series, format="ISO8601").dt.tz_localize(None)
        except (TypeError, ValueError, AttributeError) as error:
            raise MethodError(f"{name}: these are neither dates nor numbers of days") from error
        dated = bool(stamps.notna().any())
        seconds = stamps.to_numpy().astype("datetime64[s]")
        found = np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64) / 86400)
    if np.isinf(found).any() or (found[np.isfinite(found)] % 1 != 0).any():
        raise MethodError(f"{name}: some are not whole days: round down to days, without times of day")
    return found, dated


def whole_days(values: object, name: str) -> tuple[Ints, bool]:
    """As ``days``, for columns without missing values."""
    found, dated = days(values, name)
    missing = int(np.isnan(found).sum())
    if missing:
        raise MethodError(f"{name}: {missing} of {found.size} days are missing: leave those rows out")
    return found.astype(np.int64), dated


def not_negative_days(value: object, name: str, *, least: int = 0) -> int:
    """A whole number of days that is an argument.

    Raises:
        MethodError: no whole number, or less than ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise MethodError(f"{name}: give a whole number from {least} on")
    return int(value)


def _array(values: object) -> NDArray[Any]:
    array = np.asarray(values.to_pandas() if isinstance(values, pl.Series | pa.ChunkedArray) else values)
    if array.ndim != 1:
        raise MethodError(f"days have {array.ndim} dimensions: give one value a person")
    return array
