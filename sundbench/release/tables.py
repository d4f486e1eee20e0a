"""Small tables on their way out: one form for pandas, Polars and results."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pandas as pd
import polars as pl
import pyarrow as pa

from sundbench.errors import ReleaseError

ColumnKind = Literal["text", "boolean", "integer", "number"]


@dataclass(frozen=True)
class Table:
    """A table whose columns are text, boolean, 64-bit integers or 64-bit floating point."""

    arrow: pa.Table

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.arrow.num_rows)

    @property
    def columns(self) -> list[str]:
        """The columns' names, in order."""
        return [str(name) for name in self.arrow.column_names]

    @cached_property
    def kinds(self) -> dict[str, ColumnKind]:
        """What each column holds."""
        return {field.name: _kind(field.type) for field in self.arrow.schema}

    def whole(self, columns: list[str]) -> Table:
        """The table with these columns as integers, where they are whole (pandas makes them fractions)."""
        arrow = self.arrow
        for column in columns:
            values = self.numbers(column)
            if all(value is None or value.is_integer() for value in values):
                place = arrow.column_names.index(column)
                whole = pa.array([None if value is None else int(value) for value in values], pa.int64())
                arrow = arrow.set_column(place, column, whole)
        return Table(arrow)

    def numbers(self, column: str) -> list[float | None]:
        """A column as numbers; None where there is none.

        Raises:
            ReleaseError: the column is text.
        """
        if self.kinds[column] == "text":
            raise ReleaseError(f"column {column} must be numbers, and is text")
        return [
            None if value is None or not math.isfinite(value) else float(value)
            for value in self.arrow[column].to_pylist()
        ]


def tidy(frame: object, name: str) -> Table:
    """Bring a table into the one form.

    Args:
        frame: pandas or Polars, or an object with a ``.table`` that is. A named pandas index becomes columns.
        name: the output's name, for messages.

    Raises:
        ReleaseError: not a table, no rows, two columns of one name, or a type that no aggregate has.
    """
    if not isinstance(frame, pd.DataFrame | pl.DataFrame | pl.LazyFrame) and hasattr(frame, "table"):
        frame = frame.table
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pd.DataFrame):
        named = [level for level in frame.index.names if level is not None]
        flat = frame.reset_index() if named else frame
        flat.columns = [str(column) for column in flat.columns]
        if flat.columns.has_duplicates:
            raise ReleaseError(f"output {name}: two columns have the same name")
        arrow = pa.Table.from_pandas(flat, preserve_index=False)
    elif isinstance(frame, pl.DataFrame):
        arrow = frame.to_arrow()
    else:
        raise ReleaseError(f"output {name}: give a pandas or Polars frame, or a result that has a .table")
    if arrow.num_rows == 0:
        raise ReleaseError(f"output {name}: the table has no rows")
    arrays = [_plain(arrow[column], f"output {name}: column {column}") for column in arrow.column_names]
    return Table(pa.table(arrays, names=[str(column) for column in arrow.column_names]))


def _kind(kind: pa.DataType) -> ColumnKind:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "number" if pa.types.is_floating(kind) else "text"


def _plain(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    raise ReleaseError(f"{where} is {kind}: an output holds text, numbers and booleans only")
