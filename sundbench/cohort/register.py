"""A register of an extract as a Dask dataframe that knows which register it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.dataframe as dd

from sundbench.cohort.described import Described
from sundbench.registers.catalogue import catalogue

if TYPE_CHECKING:
    import polars as pl

    from sundbench.cohort.database import Database


class RegisterFrame(dd.DataFrame):  # type: ignore[misc,unused-ignore]
    """A register: a Dask dataframe, one partition a bucket of persons, each person in one partition.

    What is computed from it (a selection of rows or columns, a group) is a plain Dask dataframe.

    Args:
        frame: the register's rows.
        database: the extract.
        register: the register's own name.
    """

    _database: Database
    _register: str

    def __init__(self, frame: Any, database: Database, register: str) -> None:  # noqa: ANN401 - Dask is untyped
        super().__init__(frame.expr)  # type: ignore[no-untyped-call]
        # Past Dask, which would take a name that is also a column's for an assignment to it.
        object.__setattr__(self, "_database", database)
        object.__setattr__(self, "_register", register)

    def describe(self) -> Described:  # type: ignore[override,unused-ignore]
        """What the register holds: title, coverage, and each column with its type, codes and labels.

        For statistics of columns, as Dask's own ``describe`` gives them, choose columns first:
        ``db["lmdb"][["apk", "volume"]].describe().compute()``.

        Example:
            >>> db["lmdb"].describe()
        """
        register = catalogue()[self._register]
        return Described(register, self._database.manifest["registers"][self._register], catalogue())

    def lazy(self) -> pl.LazyFrame:
        """The same rows as a lazy Polars frame.

        Example:
            >>> db["lmdb"].lazy().filter(pl.col("atc").str.starts_with("C10AA")).collect()
        """
        return self._database.lazy(self._register)
