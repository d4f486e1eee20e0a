"""Rows in groups, and recurrences over a group's rows without a loop over groups.

What a row needs of the row before it (stock, dose) can't always be said with cumulative sums. So all groups
take their first row at once, then all that have one their second, and so on: as many vector steps as the
longest group has rows, and no more work than there are rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BITS = 62
"""Of an int64, without the sign and one to spare."""


def in_order(frame: pl.DataFrame, by: Sequence[str], then: Sequence[str]) -> pl.DataFrame:
    """The frame sorted by groups, then by other columns; the same rows in the same order, however they came.

    Rows that are the same in all these columns keep their order. Two or three short columns are packed into
    one number, which sorts several times faster than the columns.
    """
    packed = _packed(frame, [*by, *then])
    if packed is None:
        return frame.sort(*by, *then, maintain_order=True, nulls_last=True)
    return frame.with_columns(packed.alias("_packed")).sort("_packed", maintain_order=True).drop("_packed")


def _packed(frame: pl.DataFrame, columns: list[str]) -> pl.Series | None:
    """The columns as one number that sorts as they do; none where they don't fit."""
    key: pl.Series | None = None
    used = 0
    for name in columns:
        column = frame[name]
        if column.null_count() or column.is_empty():
            return None
        if column.dtype == pl.String:
            column = column.cast(pl.Enum(column.unique().sort())).to_physical()
        elif not (column.dtype.is_integer() or column.dtype == pl.Date):
            return None
        numbers = column.to_physical().cast(pl.Int64)
        lowest = int(numbers.to_numpy().min())
        bits = (int(numbers.to_numpy().max()) - lowest).bit_length()
        used += bits
        if used > BITS:
            return None
        key = numbers - lowest if key is None else key * (1 << bits) + (numbers - lowest)
    return key


class Groups:
    """Neighbouring rows that are the same in some columns.

    Attributes:
        first: whether a row is the first of its group.
        starts: each group's first row.
        lengths: how many rows each group has.
    """

    def __init__(self, frame: pl.DataFrame, by: Sequence[str]) -> None:
        changed = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in by)
        self.first: Bools = frame.select(changed).to_series().to_numpy().copy()
        if self.first.size:
            self.first[0] = True
        self.starts: Ints = np.flatnonzero(self.first)
        self.lengths: Ints = np.diff(self.starts, append=self.first.size)

    def steps(self) -> Iterator[Ints]:
        """The second rows of all groups that have one, then the third, and so on; never the first."""
        several = np.flatnonzero(self.lengths > 1)
        longest_first = several[np.argsort(-self.lengths[several], kind="stable")]
        starts, lengths = self.starts[longest_first], self.lengths[longest_first]
        for place in range(1, int(lengths[0]) if lengths.size else 0):
            reaching = int(np.searchsorted(-lengths, -place, side="left"))
            yield starts[:reaching] + place

    def sums(self, values: Ints) -> Ints:
        """The sum of each group's values."""
        return np.add.reduceat(values, self.starts) if self.starts.size else values[:0]
