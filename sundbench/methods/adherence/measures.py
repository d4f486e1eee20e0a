"""The nine continuous medication availability measures, for persons with windows of their own.

Dima AL, Dediu D. Computation of adherence to medication and visualization of medication histories in R with
AdhereR. PLoS ONE 2017;12:e0174426. CMA1-4 are medication possession ratios, CMA5-9 proportions of days
covered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sundbench.methods.adherence.dispensings import Dispensings, Ints
from sundbench.methods.adherence.supply import CarryOver, Supply, supply
from sundbench.methods.inputs import Bools, Floats, sums

Texts = NDArray[np.str_]

FEW = "fewer than two days with a dispensing in the window"
NONE = "no dispensing in the window"
LAST_DAY = "the first dispensing in the window is on its last day"
UNSEEN = "no dispensing before or in the window"
STOCKED = "supply from before lasts the whole window"


@dataclass(frozen=True)
class Windows:
    """A person each: the day on which follow-up ends and the window's first and last day, both in it."""

    follow_up_end: Floats
    start: Floats
    end: Floats


@dataclass(frozen=True)
class Measured:
    """What a measure found.

    Attributes:
        cma, days: the measure and the days it is over, a person each; NaN where it can't be said.
        reason: why it can't; empty where it can.
        supply: as the measure took it, a row each.
        used: the rows that entered.
        dispensings: rows in the window, a person each.
    """

    cma: Floats
    days: Floats
    reason: list[str | None]
    supply: Supply
    used: Bools
    dispensings: Ints


@dataclass(frozen=True)
class _Inside:
    """The rows in the window, and each person's first and last of them (-1 where there is none)."""

    before: Bools
    rows: Bools
    first: Ints
    last: Ints
    count: Ints


def measure(rows: Dispensings, windows: Windows, kind: int, carry_over: CarryOver) -> Measured:
    """One of the nine measures, for everybody.

    Args:
        rows: dispensings within follow-up, in order.
        windows: each person's.
        kind: 1 to 9.
        carry_over: of same medication and dose; whether anything is carried over, the measure says.
    """
    if kind in (1, 3, 5):
        return _between_dispensings(rows, windows, kind, carry_over)
    if kind in (2, 4, 6):
        return _to_the_end(rows, windows, kind, carry_over)
    if kind == 9:
        return _spread_evenly(rows, windows, carry_over)
    return _whole_window(rows, _shifted(rows, windows, carry_over) if kind == 8 else windows, carry_over)


def _between_dispensings(rows: Dispensings, windows: Windows, kind: int, carry_over: CarryOver) -> Measured:
    """From the first to the last dispensing in the window; what the last one supplies doesn't count."""
    inside = _inside(rows, windows)
    followed = supply(rows, inside.rows, windows.end, carry_over)
    days = np.where(inside.count > 0, rows.day[inside.last] - rows.day[inside.first], 0).astype(float)
    used = inside.rows.copy()
    used[inside.last[inside.count > 0]] = False
    reason = np.where(days > 0, "", FEW)
    return _ratio(rows, kind, days, reason, followed=followed, used=used, inside=inside)


def _to_the_end(rows: Dispensings, windows: Windows, kind: int, carry_over: CarryOver) -> Measured:
    """From the first dispensing in the window to the window's end."""
    inside = _inside(rows, windows)
    followed = supply(rows, inside.rows, windows.end, carry_over)
    days = np.where(inside.count > 0, windows.end - rows.day[inside.first], 0)
    reason = np.where(days > 0, "", np.where(inside.count > 0, LAST_DAY, NONE))
    return _ratio(rows, kind, days, reason, followed=followed, used=inside.rows, inside=inside)


def _whole_window(rows: Dispensings, windows: Windows, carry_over: CarryOver) -> Measured:
    """Over the whole window, with what is left from before it."""
    inside = _inside(rows, windows)
    followed = supply(rows, inside.before | inside.rows, windows.end, carry_over)
    persons = windows.start.size
    days = windows.end - windows.start
    # The last row before the first in the window, or, with none in it, before the window's end.
    count_before = np.bincount(rows.place[inside.before], minlength=persons)
    last_before = np.searchsorted(rows.place, np.arange(persons)) + count_before - 1
    gap_before = np.where(count_before > 0, followed.gap[last_before], np.inf)
    until = np.where(inside.count > 0, rows.day[inside.first], windows.end)
    gaps = sums(rows.place[inside.rows], followed.gap[inside.rows], persons)
    gaps += np.minimum(gap_before, until - windows.start)
    unseen = np.where(count_before + inside.count > 0, "", UNSEEN)
    reason = np.where(days > 0, unseen, STOCKED)
    covered = 1 - _over(gaps, days)
    return _measured(covered, days, reason, followed=followed, used=inside.rows, inside=inside)


def _shifted(rows: Dispensings, windows: Windows, carry_over: CarryOver) -> Windows:
    """The windows, begun when supply from before them has run out.

    With changed doses that can be within a day: as in AdhereR, the window still has whole days then.
    """
    inside = _inside(rows, windows)
    followed = supply(rows, inside.before | inside.rows, windows.end, carry_over)
    lasts = rows.day + rows.duration + followed.carried
    start = windows.start.copy()
    np.maximum.at(start, rows.place[inside.before], lasts[inside.before])
    whole = np.rint(windows.end - start)
    return Windows(windows.follow_up_end, start, start + whole)


def _spread_evenly(rows: Dispensings, windows: Windows, carry_over: CarryOver) -> Measured:
    """Each supply spread evenly to the next dispensing, or the end of follow-up; averaged over the window."""
    inside = _inside(rows, windows)
    followed = supply(rows, np.ones(rows.day.size, bool), windows.follow_up_end, carry_over)
    share = 1 - _over(followed.gap, followed.interval)
    begins = np.maximum(rows.day, windows.start[rows.place])
    ends = np.minimum(rows.day + followed.interval, windows.end[rows.place])
    covered = np.maximum(ends - begins, 0) * np.where(followed.interval > 0, share, 0)
    days = windows.end - windows.start
    cma = sums(rows.place, covered, days.size) / days
    seen = np.bincount(rows.place[inside.before | inside.rows], minlength=days.size) > 0
    reason = np.where(seen, "", UNSEEN)
    used = inside.before | inside.rows
    return _measured(cma, days, reason, followed=followed, used=used, inside=inside)


def _inside(rows: Dispensings, windows: Windows) -> _Inside:
    before = rows.day < windows.start[rows.place]
    inside = ~before & (rows.day <= windows.end[rows.place])
    where = np.flatnonzero(inside)
    count = np.bincount(rows.place[where], minlength=windows.start.size)
    last = np.cumsum(count) - 1
    first, final = np.full(count.size, -1), np.full(count.size, -1)
    some = count > 0
    first[some], final[some] = where[(last - count + 1)[some]], where[last[some]]
    return _Inside(before, inside, first, final, count)


def _ratio(
    rows: Dispensings,
    kind: int,
    days: Floats,
    reason: Texts,
    *,
    followed: Supply,
    used: Bools,
    inside: _Inside,
) -> Measured:
    """Days supplied, at will at most all (CMA1-4), or days covered (CMA5-6), over days."""
    if kind < 5:
        cma = _over(sums(rows.place[used], rows.duration[used], days.size), days)
        cma = np.minimum(cma, 1) if kind > 2 else cma
    else:
        cma = 1 - _over(sums(rows.place[used], followed.gap[used], days.size), days)
    return _measured(cma, days, reason, followed=followed, used=used, inside=inside)


def _measured(
    cma: Floats,
    days: Floats,
    reason: Texts,
    *,
    followed: Supply,
    used: Bools,
    inside: _Inside,
) -> Measured:
    known = reason == ""
    return Measured(
        np.where(known, cma, np.nan),
        np.where(known, days, np.nan),
        [str(why) or None for why in reason],
        followed,
        used,
        inside.count,
    )


def _over(values: Floats, days: Floats) -> Floats:
    """A quotient; NaN without days."""
    quotient = np.full(days.size, np.nan)
    np.divide(values, days, out=quotient, where=days > 0)
    return quotient
