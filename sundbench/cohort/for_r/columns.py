"""A frame's columns as R's vectors have them in memory.

The stream: a line ``rows <n>`` and a line ``columns <k>``; then for each column a line ``<kind> <name>`` and
its bytes, little-endian. Kinds: ``integer`` is int32; ``double``, ``date`` (days) and ``time`` (seconds) are
float64; ``text`` is a line with the number of distinct texts, a line each, then int32 places from 1. What is
missing has R's own mark.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

import numpy as np
import polars as pl

_NA_INTEGER = np.int32(-(2**31))
_NA_REAL = np.uint64(0x7FF00000000007A2).view(np.float64)
"""R's NA among doubles: the NaN with 1954 in its lower word (R's arithmetic.c)."""


def write(frame: pl.DataFrame, stream: BinaryIO, as_text: Collection[str] = ()) -> None:
    """Write a frame.

    Args:
        frame: columns of an extract.
        stream: where to.
        as_text: whole numbers that R would round, for it has none beyond 2**53: record numbers.
    """
    stream.write(f"rows {frame.height}\ncolumns {frame.width}\n".encode())
    for column in frame.iter_columns():
        kind, body = _column(column.cast(pl.String) if column.name in as_text else column)
        stream.write(f"{kind} {column.name}\n".encode())
        stream.write(body)


def _column(column: pl.Series) -> tuple[str, bytes]:
    kind = column.dtype
    if kind in (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.Boolean):
        whole = column.cast(pl.Int32).fill_null(int(_NA_INTEGER))
        return "integer", whole.to_numpy().astype("<i4").tobytes()
    if kind == pl.Date:
        return "date", _doubles(column.to_physical().cast(pl.Float64))
    if kind == pl.Datetime:
        return "time", _doubles(column.dt.epoch("ms").cast(pl.Float64) / 1000)
    if kind.is_numeric():
        return "double", _doubles(column.cast(pl.Float64))
    return "text", _texts(column.cast(pl.String))


def _doubles(column: pl.Series) -> bytes:
    values = column.to_numpy().astype("<f8", copy=True)
    values[column.is_null().to_numpy()] = _NA_REAL
    return values.tobytes()


def _texts(column: pl.Series) -> bytes:
    """Distinct texts and their places: codes repeat, so little is sent."""
    flat = column.str.replace_all(r"[\r\n]", " ")
    levels = flat.drop_nulls().unique(maintain_order=True)
    places = dict(zip(levels, range(1, len(levels) + 1), strict=True))
    number = (
        flat.replace_strict(places, default=int(_NA_INTEGER), return_dtype=pl.Int32)
        if places
        else pl.Series([int(_NA_INTEGER)] * len(flat), dtype=pl.Int32)
    )
    head = "".join(f"{text}\n" for text in (str(len(levels)), *levels))
    return head.encode() + number.to_numpy().astype("<i4").tobytes()
