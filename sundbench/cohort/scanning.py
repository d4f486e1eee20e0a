"""Opening the files of registers, and rehearsing: finding out what would be read, without reading it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source


class Rehearsal:
    """What is asked for of each register while nothing is read.

    Attributes:
        columns: the columns by register, in the register's order.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[str]] = {}

    def opened(self, paths: Sequence[Path]) -> pl.LazyFrame:
        """A register without rows that notes which columns are asked for."""
        schema, register = pl.read_parquet_schema(paths[0]), paths[0].parent.name

        def read(
            columns: list[str] | None, predicate: pl.Expr | None, _rows: int | None, _batch: int | None
        ) -> Iterator[pl.DataFrame]:
            wanted = set(schema if columns is None else columns)
            if predicate is not None:
                wanted |= set(predicate.meta.root_names())
            wanted |= set(self.columns.get(register, ()))
            self.columns[register] = [name for name in schema if name in wanted]
            yield pl.DataFrame(schema=schema).select(list(schema) if columns is None else columns)

        return register_io_source(read, schema=schema)


_rehearsing: ContextVar[Rehearsal | None] = ContextVar("rehearsing", default=None)


@contextmanager
def rehearsal() -> Iterator[Rehearsal]:
    """While it lasts, files opened in this thread give their columns and no rows."""
    noted = Rehearsal()
    before = _rehearsing.set(noted)
    try:
        yield noted
    finally:
        _rehearsing.reset(before)


def opened(paths: Sequence[Path], *, apart: bool = False) -> pl.LazyFrame:
    """The rows of Parquet files, one file's after the other's.

    Args:
        paths: the files, all of one register.
        apart: read them apart from other scans of the same files. (Polars would else make one read of the
            two, and filter only after it.)
    """
    noted = _rehearsing.get()
    if noted is not None:
        return noted.opened(paths)
    return pl.scan_parquet(list(paths), glob=False, cache=not apart)
