"""Reductions put in the order in which they can be computed, and together where they share work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from sundbench.cohort import canonical
from sundbench.cohort.events.event import Event
from sundbench.cohort.expressions import Slots, expression
from sundbench.cohort.features.feature import Feature, Reduction
from sundbench.cohort.plan import Slot
from sundbench.cohort.spans import Edge, Span
from sundbench.cohort.study import leaves
from sundbench.cohort.windows import Period, Window

Views = tuple[str, ...]
Parts = tuple[tuple[int, Event], ...]
"""Events without parts, each with the place of its view among the group's."""

NEVER = 2**31 - 1
"""A day that no one lives to see."""


@dataclass(frozen=True)
class Days:
    """A window that hangs on features: the columns of its first and its last day."""

    first: str
    last: str


Within = Window | Period | Days


@dataclass(frozen=True, eq=False)
class Group:
    """Reductions over the same views.

    Attributes:
        views: the views.
        by_event: each different event, and its different windows with their slots.
    """

    views: Views
    by_event: tuple[tuple[Parts, tuple[tuple[Within, tuple[Slot, ...]], ...]], ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """Reductions whose windows hang on nothing that isn't there yet.

    Attributes:
        edges: the first and last days of windows that hang on features, as days since 1970.
        groups: the reductions.
    """

    edges: tuple[pl.Expr, ...]
    groups: tuple[Group, ...]


def stages(slots: Iterable[Slot], keys: Slots) -> tuple[Stage, ...]:
    """The slots in stages: what a window hangs on comes in an earlier one.

    Args:
        slots: the reductions to compute.
        keys: the column of each reduction of the study, by its key.
    """
    by_depth: dict[int, list[Slot]] = {}
    for slot in slots:
        by_depth.setdefault(_depth_of(slot), []).append(slot)
    return tuple(_stage(by_depth[depth], keys) for depth in sorted(by_depth))


def _depth_of(slot: Slot) -> int:
    return _depth(slot.window.anchors) if isinstance(slot.window, Span) else 0


def _depth(anchors: Sequence[Feature]) -> int:
    """How many windows hang on one another below these dates."""
    below = (leaf for anchor in anchors for leaf in leaves(anchor) if isinstance(leaf, Reduction))
    return 1 + max((_depth(leaf.anchors) for leaf in below), default=0) if anchors else 0


def _stage(slots: Sequence[Slot], keys: Slots) -> Stage:
    hung: dict[str, tuple[Days, Span]] = {}
    by_views: dict[Views, list[Slot]] = {}
    for slot in slots:
        by_views.setdefault(views_of(slot.event), []).append(slot)
        if isinstance(slot.window, Span):
            text = canonical.text(slot.window)
            hung.setdefault(text, (Days(f"first_{len(hung)}", f"last_{len(hung)}"), slot.window))
    edges = [
        day
        for days, span in hung.values()
        for day in (
            _day(span.first, NEVER, keys).alias(days.first),
            _day(span.last, -NEVER, keys).alias(days.last),
        )
    ]
    windows = {text: days for text, (days, _) in hung.items()}
    return Stage(tuple(edges), tuple(_group(views, of, windows) for views, of in by_views.items()))


def _group(views: Views, slots: Sequence[Slot], hung: Mapping[str, Days]) -> Group:
    by_event: dict[Parts, dict[Within, list[Slot]]] = {}
    for slot in slots:
        parts = tuple((views.index(part.view), part) for part in slot.event.parts)
        window = slot.window
        within = hung[canonical.text(window)] if isinstance(window, Span) else window
        by_event.setdefault(parts, {}).setdefault(within, []).append(slot)
    return Group(
        views,
        tuple(
            (parts, tuple((within, tuple(of)) for within, of in of_event.items()))
            for parts, of_event in by_event.items()
        ),
    )


def _day(edge: Edge | None, missing: int, keys: Slots) -> pl.Expr:
    """The day of a window's end; where its date is missing, one that leaves the window without days."""
    if edge is None:
        return pl.lit(-missing, dtype=pl.Int64)
    if edge.of is None:
        day = pl.col("index")
    elif isinstance(edge.of, Feature):
        day = expression(edge.of, keys)
    else:
        day = pl.lit(edge.of)
    return (day.cast(pl.Int32).cast(pl.Int64) + edge.days).fill_null(missing)


def views_of(event: Event) -> Views:
    """The views that an event's rows come from."""
    return tuple(sorted({part.view for part in event.parts}))
