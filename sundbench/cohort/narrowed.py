"""Buckets as the engine reads them: several neighbours as one, and of a few persons alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.scanning import opened
from sundbench.errors import StoreError

EVERYBODY = 0
"""No pseudonym: stands in every population snapshot while residence is worked out for a few persons."""


@dataclass(frozen=True)
class Neighbours(Bucket):
    """Several buckets read as one: what small buckets cost beside their rows is paid once.

    Attributes:
        numbers: the buckets' numbers; ``number`` is the first of them.
    """

    numbers: tuple[int, ...]

    def paths(self, register: str) -> list[Path]:
        """The register's file of each bucket."""
        return [Bucket(self.root, number).path(register) for number in self.numbers]

    def scan(self, register: str) -> pl.LazyFrame | None:
        """The rows of all the buckets, in their order."""
        if not self.columns(register):
            return None
        paths = self.paths(register)
        for path in paths:
            if not path.is_file():
                raise StoreError(f"{register}/{path.name} of the extract is missing: make the extract again")
        return opened(paths)


@dataclass(frozen=True)
class FewPersons(Neighbours):
    """Buckets as if they held these persons alone.

    Attributes:
        persons: a frame with their column ``person``.
        snapshots: a register and its column of dates of which every date is kept, under a person who is
            nobody: residence is inferred from the days of all population snapshots.
    """

    persons: pl.DataFrame
    snapshots: tuple[str, str] | None = None

    def scan(self, register: str) -> pl.LazyFrame | None:
        """The persons' rows."""
        rows = Neighbours.scan(self, register)
        if rows is None:
            return None
        few = rows.filter(among(self.persons))
        if self.snapshots is None or self.snapshots[0] != register:
            return _filtered_first(few)
        days = rows.select(self.snapshots[1]).unique()
        return pl.concat(
            [few, days.with_columns(pl.lit(EVERYBODY, dtype=pl.Int32).alias("person"))], how="diagonal"
        )


def among(cohort: pl.DataFrame) -> pl.Expr:
    """Whether a row is of a person of the cohort; unlike a join it is decided while the file is read."""
    return pl.col("person").is_in(cohort["person"].implode())


def _filtered_first(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The same rows, later filters kept behind their own: persons are cheaper to tell apart than codes.

    The columns that aren't asked for stay unread, which is why this is no ``map_batches``.
    """
    schema = rows.collect_schema()

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, most: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = list(schema) if columns is None else columns
        roots = [] if predicate is None else predicate.meta.root_names()
        found = rows.select(list(dict.fromkeys((*wanted, *roots)))).collect()
        if predicate is not None:
            found = found.filter(predicate)
        yield found.select(wanted) if most is None else found.select(wanted).head(most)

    return register_io_source(read, schema=schema)
