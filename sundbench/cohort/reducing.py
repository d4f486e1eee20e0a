"""Reductions: one value a row of the cohort from the rows of views.

The rows of a group of views are joined with the cohort and put in the order of its rows and days once. Then
each different event finds its rows among them, each window its rows among the event's, and each reduction
works on those alone: what a reduction costs grows with the rows that it is made of, not with all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from sundbench.cohort.features.feature import WHOLE
from sundbench.cohort.grouping import Days, Group, Parts, Within
from sundbench.cohort.marking import COMBINATION, Booleans, Marked, Places
from sundbench.cohort.plan import Slot
from sundbench.cohort.windows import Period, Window

Numbers = npt.NDArray[Any]

MILLIONTHS = 1_000_000
"""Decimal values are added as whole millionths, so that sums are exact whatever the order of the rows."""

_EPOCH = date(1970, 1, 1).toordinal()


def reduce(
    cohort: pl.DataFrame, views: Mapping[str, Marked], group: Group, edges: Mapping[str, Numbers]
) -> pl.DataFrame:
    """Compute the reductions of a group of slots, whose events are of the same views.

    Args:
        cohort: ``person`` and ``index``; a person may be in several rows.
        views: those views' rows.
        group: the slots.
        edges: the first and last days of windows that hang on features, for each row of the cohort.

    Returns:
        One column per slot, in the order of the cohort's rows; what is empty is filled in.
    """
    rows = _Rows.of(cohort, tuple(views[view] for view in group.views))
    columns, names = [], []
    for event, of_event in group.by_event:
        places = rows.of_event(event)
        for within, slots in of_event:
            chosen = _Chosen(rows, places[rows.inside(places, within, edges)])
            for slot in slots:
                columns.append(_HOWS[slot.how](chosen, slot))
                names.append(slot.name)
    found = pl.from_arrow(pa.table(columns, names=names))
    assert isinstance(found, pl.DataFrame)  # noqa: S101 - a table gives a frame
    return found


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a group's views, by place in the cohort, then day.

    Attributes:
        views: the views.
        persons: the rows of the cohort.
        index: their index days, in days since 1970.
        place: whose row it is, as a place in the cohort.
        day: its date, in days since 1970.
        frame: the rows' columns; the combinations of each view are numbered on from those of the one before.
    """

    views: tuple[Marked, ...]
    persons: int
    index: Numbers
    place: Numbers
    day: Numbers
    frame: pl.DataFrame

    @classmethod
    def of(cls, cohort: pl.DataFrame, views: tuple[Marked, ...]) -> _Rows:
        """Join the rows of views with the cohort."""
        there = cohort.select("person").with_row_index("place")
        joined, passed = [], 0
        for view in views:
            frame = view.rows.join(there, on="person", how="inner", maintain_order="left")
            joined.append(frame.with_columns(pl.col(COMBINATION) + passed) if passed else frame)
            passed += view.combinations.height
        frame = pl.concat(joined, how="diagonal") if len(joined) > 1 else joined[0]
        place, day = frame["place"].to_numpy(), _days(frame["date"])
        order = place.astype(np.int64) * 2**32 + day
        if np.any(order[1:] < order[:-1]):
            sort = np.argsort(order, kind="stable")
            frame, place, day = frame[sort], place[sort], day[sort]
        return cls(views, cohort.height, _days(cohort["index"]), place.astype(np.intp), day, frame)

    def of_event(self, parts: Parts) -> Places:
        """The rows that any of several events, each of one of the views, selects."""
        by_combination, starts = self._by_combination
        selected = np.zeros(len(starts) - 1, dtype=bool)
        found = []
        for n, event in parts:
            view = self.views[n]
            if event in view.of_texts:
                passed = self._passed[n]
                selected[passed : passed + view.combinations.height] |= view.of_texts[event]
            else:
                found.append(
                    np.flatnonzero(self.frame[view.of_rows[event]].fill_null(value=False).to_numpy())
                )
        chosen = np.flatnonzero(selected)
        runs = [by_combination[starts[one] : starts[one + 1]] for one in chosen]
        places = np.concatenate([*runs, *found]) if runs or found else np.empty(0, dtype=np.intp)
        if len(found) + (len(runs) > 0) > 1:
            return np.unique(places)
        return np.sort(places) if len(runs) > 1 else places

    @cached_property
    def _passed(self) -> list[int]:
        """How many combinations the views before each have."""
        return [0, *accumulate(view.combinations.height for view in self.views)]

    @cached_property
    def _by_combination(self) -> tuple[Places, Places]:
        """The rows by combination, and where those of each begin."""
        combination = self.frame[COMBINATION].to_numpy()
        many = self._passed[-1]
        if many < 2**16:
            combination = combination.astype(np.uint16)  # sorted digit by digit: much faster
        starts = np.zeros(many + 1, dtype=np.intp)
        np.cumsum(np.bincount(combination, minlength=many), out=starts[1:])
        return np.argsort(combination, kind="stable"), starts

    def inside(self, places: Places, within: Within, edges: Mapping[str, Numbers]) -> Booleans:
        """Which of some rows lie in a window."""
        day = self.day[places]
        if isinstance(within, Days):
            of = self.place[places]
            return (day >= edges[within.first][of]) & (day <= edges[within.last][of])
        if isinstance(within, Period):
            return (day >= within.first.toordinal() - _EPOCH) & (day <= within.last.toordinal() - _EPOCH)
        inside = np.ones(len(places), dtype=bool)
        if within == Window(None, None):
            return inside
        offset = day - self.index[self.place[places]]
        if within.first is not None:
            inside &= offset >= within.first
        if within.last is not None:
            inside &= offset <= within.last
        return inside

    @cached_property
    def codes(self) -> Numbers:
        """A number for each row's code, -1 where it is missing; the same code has the same in all views."""
        numbers: dict[str, int] = {}
        told = [
            -1 if code is None else numbers.setdefault(code, len(numbers))
            for view in self.views
            for code in view.combinations["code"]
        ]
        found: Numbers = np.array(told, dtype=np.int64)[self.frame[COMBINATION].to_numpy()]
        return found


class _Chosen:
    """The rows of an event within a window, by place in the cohort, then day."""

    def __init__(self, rows: _Rows, places: Places) -> None:
        self.rows = rows
        self.places = places
        self.place = rows.place[places]
        self.day = rows.day[places]

    @cached_property
    def starts(self) -> Places:
        """Where each person's rows begin."""
        return _starts(self.place)

    @property
    def persons(self) -> Numbers:
        """The places in the cohort of those who have a row."""
        return self.place[self.starts]

    @cached_property
    def ends(self) -> Places:
        """Where each person's rows end: the last of them."""
        return _ends(self.starts, len(self.place))

    def having(self, value: str) -> tuple[_Chosen, Numbers]:
        """Those of the rows that have a value, and the values."""
        column = self.rows.frame[value][self.places]
        there = column.is_not_null().to_numpy()
        if there.all():
            return self, column.to_numpy()
        return _Chosen(self.rows, self.places[there]), column.drop_nulls().to_numpy()

    def spread(self, values: Numbers, kind: pa.DataType, persons: Numbers | None = None) -> pa.Array:
        """A column of the whole cohort: the values of those who have one, missing for the others."""
        whose = self.persons if persons is None else persons
        missing = np.ones(self.rows.persons, dtype=bool)
        missing[whose] = False
        column = np.zeros(self.rows.persons, dtype=values.dtype)
        column[whose] = values
        if kind == pa.date32():
            return pa.array(column.astype(np.int32), pa.int32(), mask=missing).view(kind)
        return pa.array(column, kind, mask=missing)

    def filled(self, values: Numbers, kind: pa.DataType) -> pa.Array:
        """A column of the whole cohort: the values of those who have one, 0 for the others."""
        column = np.zeros(self.rows.persons, dtype=values.dtype)
        column[self.persons] = values
        return pa.array(column, kind)


def _any(chosen: _Chosen, slot: Slot) -> pa.Array:
    column = np.zeros(chosen.rows.persons, dtype=bool)
    column[chosen.place] = True
    return pa.array(column)


def _count(chosen: _Chosen, slot: Slot) -> pa.Array:
    return pa.array(np.bincount(chosen.place, minlength=chosen.rows.persons), pa.int32())


def _first(chosen: _Chosen, slot: Slot) -> pa.Array:
    return chosen.spread(chosen.day[chosen.starts], pa.date32())


def _last(chosen: _Chosen, slot: Slot) -> pa.Array:
    return chosen.spread(chosen.day[chosen.ends], pa.date32())


def _days_since(chosen: _Chosen, slot: Slot) -> pa.Array:
    return chosen.spread(chosen.rows.index[chosen.persons] - chosen.day[chosen.ends], pa.int32())


def _nth(chosen: _Chosen, slot: Slot) -> pa.Array:
    assert slot.n is not None  # noqa: S101 - a reduction nth has its number
    new = _starts(chosen.place, chosen.day)
    place, day = chosen.place[new], chosen.day[new]
    starts = _starts(place)
    ends = _ends(starts, len(place))
    wanted = starts + slot.n - 1 if slot.n > 0 else ends + slot.n + 1
    there = (wanted <= ends) & (wanted >= starts)
    return chosen.spread(day[wanted[there]], pa.date32(), place[starts[there]])


def _distinct(chosen: _Chosen, slot: Slot) -> pa.Array:
    codes = chosen.rows.codes[chosen.places]
    known = codes >= 0
    pairs = np.unique(chosen.place[known].astype(np.int64) * (codes.max(initial=0) + 1) + codes[known])
    persons = pairs // (codes.max(initial=0) + 1)
    return pa.array(np.bincount(persons, minlength=chosen.rows.persons), pa.int32())


def _sums(values: Numbers, name: str, starts: Places) -> Numbers:
    """The exact sums of runs of values: whole numbers, or whole millionths."""
    whole = values if name in WHOLE else np.rint(values * MILLIONTHS)
    return _by_run(np.add, whole.astype(np.int64), starts)


def _sum(chosen: _Chosen, slot: Slot) -> pa.Array:
    having, values = chosen.having(_value(slot))
    sums = _sums(values, _value(slot), having.starts)
    if slot.value in WHOLE:
        return having.filled(sums, pa.int64())
    return having.filled(sums / MILLIONTHS, pa.float64())


def _mean(chosen: _Chosen, slot: Slot) -> pa.Array:
    having, values = chosen.having(_value(slot))
    sums = _sums(values, _value(slot), having.starts)
    counts = having.ends - having.starts + 1
    whole = 1 if slot.value in WHOLE else MILLIONTHS
    return having.spread(sums / whole / counts, pa.float64())


def _extreme(chosen: _Chosen, slot: Slot) -> pa.Array:
    having, values = chosen.having(_value(slot))
    which = np.minimum if slot.how == "min" else np.maximum
    return having.spread(_by_run(which, values, having.starts), _kind(slot))


def _of_a_day(chosen: _Chosen, slot: Slot) -> pa.Array:
    """The largest value of the first or of the last day."""
    having, values = chosen.having(_value(slot))
    days = _starts(having.place, having.day)
    largest = _by_run(np.maximum, values, days)
    starts = _starts(having.place[days])
    wanted = starts if slot.how == "first_value" else _ends(starts, len(days))
    return having.spread(largest[wanted], _kind(slot))


def _value(slot: Slot) -> str:
    assert slot.value is not None  # noqa: S101 - Occurrences gives these reductions a value
    return slot.value


def _kind(slot: Slot) -> pa.DataType:
    return pa.int64() if slot.value in WHOLE else pa.float64()


def _starts(*columns: Numbers) -> Places:
    """Where runs of equal values begin."""
    first = columns[0]
    if not len(first):
        return np.empty(0, dtype=np.intp)
    new = np.ones(len(first), dtype=bool)
    new[1:] = first[1:] != first[:-1]
    for column in columns[1:]:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new)


def _ends(starts: Places, length: int) -> Places:
    """Where runs end, of whose beginnings we know."""
    return np.append(starts[1:], length)[: len(starts)] - 1


def _by_run(how: np.ufunc, values: Numbers, starts: Places) -> Numbers:
    if not len(starts):
        return values[:0]
    found: Numbers = how.reduceat(values, starts)
    return found


def _days(dates: pl.Series) -> Numbers:
    """Dates as days since 1970."""
    return dates.cast(pl.Int32).to_numpy().astype(np.int64)


_HOWS: Mapping[str, Callable[[_Chosen, Slot], pa.Array]] = {
    "any": _any,
    "count": _count,
    "first": _first,
    "last": _last,
    "nth": _nth,
    "days_since": _days_since,
    "distinct": _distinct,
    "sum": _sum,
    "mean": _mean,
    "min": _extreme,
    "max": _extreme,
    "first_value": _of_a_day,
    "latest": _of_a_day,
}
