"""How a view takes its columns from a register, whatever the permit left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.errors import StudyError

Schema = Mapping[str, pl.DataType | type[pl.DataType]]
"""A view's columns and their types, in order."""


@dataclass(frozen=True)
class From:
    """Where a view's column comes from in one register.

    Attributes:
        column: the register's column.
        essential: the view means nothing without it: its absence is an error, not a null.
    """

    column: str
    essential: bool = False


def need(column: str) -> From:
    """A column that the view can't do without."""
    return From(column, essential=True)


def take(
    bucket: Bucket,
    register: str,
    schema: Schema,
    sources: Mapping[str, str | From | pl.Expr],
    rows: pl.LazyFrame | None = None,
) -> pl.LazyFrame | None:
    """A register's rows in a view's columns.

    Args:
        bucket: the bucket to read.
        register: the register; may be absent.
        schema: the columns wanted, with types; ``person`` is added in front.
        sources: for each column the register's column, or an expression over the register's columns. What is
            not named is null, and so is an optional column that the permit lacks.
        rows: the register's rows, if a rule has already been at them.

    Returns:
        A lazy frame through which Polars pushes projections into the scan, and filters on columns that are
        the register's own; None if the extract lacks the register.

    Raises:
        StudyError: an essential column is missing.
    """
    rows = bucket.scan(register) if rows is None else rows
    if rows is None:
        return None
    held = bucket.columns(register)
    bucket.need(register, *(s.column for s in sources.values() if isinstance(s, From) and s.essential))
    columns = [pl.col("person")]
    for name, dtype in schema.items():
        source = sources.get(name)
        if isinstance(source, From):
            source = source.column
        if isinstance(source, pl.Expr):
            columns.append(source.cast(dtype).alias(name))
        elif source is None or source not in held:
            columns.append(pl.lit(None, dtype=dtype).alias(name))
        elif held[source] == dtype:
            columns.append(pl.col(source).alias(name))  # no cast: statistics stay usable
        else:
            columns.append(pl.col(source).cast(dtype).alias(name))
    return rows.select(columns)


def together(parts: Mapping[str, pl.LazyFrame | None], what: str) -> pl.LazyFrame:
    """The rows of several registers, one below the other.

    Args:
        parts: what each register gave, by its name; None where the extract lacks it.
        what: what the view shows, for the message.

    Raises:
        StudyError: the extract has none of the registers.
    """
    there = [part for part in parts.values() if part is not None]
    if not there:
        names = ", ".join(parts)
        raise StudyError(f"the extract has no {what}: the study's permit must ask for one of {names}")
    return there[0] if len(there) == 1 else pl.concat(there, how="vertical")
