"""Reductions: one value a row of the cohort from the rows of a view, all slots in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import polars as pl

from sundbench.cohort.events import Event
from sundbench.cohort.plan import Slot
from sundbench.cohort.sources import selects
from sundbench.cohort.windows import Window

MILLIONTHS = 1_000_000
"""Decimal values are added as whole millionths, so that sums are exact whatever the order of the rows."""


def reduce(cohort: pl.DataFrame, rows: Mapping[str, pl.LazyFrame], slots: Sequence[Slot]) -> pl.LazyFrame:
    """Compute reductions whose events are of the same views.

    Args:
        cohort: ``row``, ``person`` and ``index``.
        rows: those views' rows, as ``sources.rows`` gives them.
        slots: the reductions.

    Returns:
        ``row`` and one column per slot, for the rows of the cohort that have any row in the views.
    """
    parts = list(dict.fromkeys(part for slot in slots for part in slot.event.parts))
    marked = [_marked(cohort, frame, view, parts) for view, frame in rows.items()]
    everything = marked[0] if len(marked) == 1 else pl.concat(marked, how="diagonal")
    return everything.group_by("row").agg(_reductions(tuple(slots), tuple(parts)))


@lru_cache(maxsize=64)
def _reductions(slots: tuple[Slot, ...], parts: tuple[Event, ...]) -> list[pl.Expr]:
    """The slots' expressions: the same in every bucket, so made once."""
    return [_reduction(slot, parts).alias(slot.name) for slot in slots]


def _marked(cohort: pl.DataFrame, rows: pl.LazyFrame, view: str, parts: Sequence[Event]) -> pl.LazyFrame:
    """A view's rows of the cohort, with the day and whether each event selects them."""
    day = (pl.col("date") - pl.col("index")).dt.total_days().cast(pl.Int32)
    chosen = [selects(part) if part.view == view else pl.lit(value=False) for part in parts]
    return rows.join(cohort.lazy().select("row", "person", "index"), on="person", how="inner").with_columns(
        day.alias("day"), *(one.alias(f"is_{n}") for n, one in enumerate(chosen))
    )


def empty_value(slot: Slot) -> pl.Expr:
    """A slot's column with the value of those to whom nothing happened filled in."""
    column = pl.col(slot.name)
    if slot.how == "any":
        return column.fill_null(value=False)
    if slot.how in ("count", "distinct", "sum"):
        return column.fill_null(0)
    return column


def _reduction(slot: Slot, parts: Sequence[Event]) -> pl.Expr:
    of_event = [pl.col(f"is_{n}") for n, part in enumerate(parts) if part in slot.event.parts]
    chosen = pl.any_horizontal(of_event) & _within(slot)
    date = pl.when(chosen).then(pl.col("date"))
    if slot.how == "any":
        return chosen.any()
    if slot.how == "count":
        return chosen.sum().cast(pl.Int32)
    if slot.how == "first":
        return date.min()
    if slot.how == "last":
        return date.max()
    if slot.how == "days_since":
        return -pl.when(chosen).then(pl.col("day")).max()
    if slot.how == "distinct":
        return pl.when(chosen).then(pl.col("code")).drop_nulls().n_unique().cast(pl.Int32)
    return _of_values(slot, chosen)


def _within(slot: Slot) -> pl.Expr:
    window = slot.window
    if not isinstance(window, Window):
        return pl.col("date").is_between(window.first, window.last)
    within = pl.lit(value=True)
    if window.first is not None:
        within &= pl.col("day") >= window.first
    if window.last is not None:
        within &= pl.col("day") <= window.last
    return within


def _of_values(slot: Slot, chosen: pl.Expr) -> pl.Expr:
    assert slot.value is not None  # noqa: S101 - Occurrences gives these reductions a value
    value = pl.col(slot.value)
    chosen &= value.is_not_null()
    if slot.how == "latest":
        last = pl.when(chosen).then(pl.col("date")).max()
        return value.filter(chosen & (pl.col("date") == last)).max()
    if slot.value == "price":
        return pl.when(chosen).then(value).sum()
    whole = pl.when(chosen).then((value * MILLIONTHS).round().cast(pl.Int64)).sum()
    if slot.how == "sum":
        return whole / MILLIONTHS
    # Of nothing there is no mean: zero by zero would be NaN, which Polars holds larger than any number.
    return pl.when(chosen.any()).then(whole / MILLIONTHS / chosen.sum())
