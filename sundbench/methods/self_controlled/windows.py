"""Risk windows and washout: which days around an exposure belong to which level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.self_controlled.days import Ints

Windows: TypeAlias = Sequence[int] | Sequence[tuple[int, int | None]]
Washout: TypeAlias = int | Sequence[int] | Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Plan:
    """How one exposure's days are divided, as days from which on a level holds until the next.

    Attributes:
        levels: how many there are besides 0, the reference: risk windows first, then washout.
        from_start: pairs (days after the exposure's start, level).
        from_stop: pairs (days after the last day of risk, level), which overrule the former.
        last: of the last risk window, in days after the start; None where risk ends with the exposure.
    """

    levels: int
    from_start: tuple[tuple[int, int], ...]
    from_stop: tuple[tuple[int, int], ...]
    last: int | None

    @property
    def codes(self) -> Ints:
        """The levels of ``changes``, in its order."""
        return np.array([level for _, level in (*self.from_start, *self.from_stop)], dtype=np.int64)

    def changes(self, start: Ints, end: Ints) -> Ints:
        """Exposures x changes: the days at which levels begin; of those passed, the last one holds."""
        stop = end if self.last is None else start + self.last
        columns = [start + day for day, _ in self.from_start] + [stop + day for day, _ in self.from_stop]
        return np.column_stack(columns)


def plan(windows: Windows, washout: Washout | None, name: str) -> Plan:
    """Read the windows of an exposure.

    Raises:
        MethodError: windows that are empty, overlap or are out of order.
    """
    risk = windows_of(windows, name)
    after = [] if washout is None else _pairs(_as_pairs(washout), f"washout of {name}", open_end=False)
    if after and after[0][0] < 1:
        raise MethodError(f"washout of {name}: begin with day 1, the day after the last day of risk")
    n = len(risk)
    stop = risk[-1][1]
    return Plan(
        levels=n + len(after),
        from_start=_levels(risk, 1, closed=False),
        from_stop=((1, 0), *_levels(after, n + 1, closed=True)),
        last=stop,
    )


def windows_of(windows: object, name: str) -> list[tuple[int, int | None]]:
    """The risk windows of an exposure as pairs of first and last day.

    Raises:
        MethodError: windows that are empty, overlap or are out of order.
    """
    return _pairs(windows, f"risk_windows of {name}", open_end=True)


def _levels(pairs: list[tuple[int, int | None]], first: int, *, closed: bool) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for i, (begin, last) in enumerate(pairs):
        found.append((begin, first + i))
        following = pairs[i + 1][0] if i + 1 < len(pairs) else None
        if last is not None and following != last + 1 and (closed or following is not None):
            found.append((last + 1, 0))
    return tuple(found)


def _as_pairs(washout: Washout) -> Sequence[tuple[int, int]]:
    """Days [1, 92, 182] are days 1 to 91 and 92 to 182, as in R's SCCS; a number alone is days 1 to it."""
    if _whole(washout):
        return [(1, washout)]  # type: ignore[list-item]
    if not isinstance(washout, Sequence) or not washout or not all(_whole(day) for day in washout):
        return washout  # type: ignore[return-value]
    days: list[int] = list(washout)  # type: ignore[arg-type]
    if isinstance(washout, tuple) and len(days) == 2:
        return [(days[0], days[1])]
    if len(days) < 2:
        return [(1, days[0])]
    firsts, lasts = days[:-1], [day - 1 for day in days[1:-1]] + [days[-1]]
    return list(zip(firsts, lasts, strict=True))


def _pairs(windows: object, name: str, *, open_end: bool) -> list[tuple[int, int | None]]:
    teach = f"{name}: give pairs of first and last day, as [(0, 14), (15, 42)], or first days, as [0, 15]"
    if not isinstance(windows, Sequence) or isinstance(windows, str) or not windows:
        raise MethodError(teach)
    given = list(windows)
    if isinstance(windows, tuple) and len(given) == 2 and _whole(given[0]) and _whole_or_none(given[1]):
        given = [windows]
    found: list[tuple[int, int | None]] = []
    if all(_whole(day) for day in given):
        found = [(int(a), int(b) - 1) for a, b in pairwise(given)]
        found.append((int(given[-1]), None))
    else:
        for pair in given:
            if not isinstance(pair, Sequence) or len(pair) != 2 or not _whole(pair[0]):
                raise MethodError(teach)
            if not _whole_or_none(pair[1]):
                raise MethodError(teach)
            found.append((int(pair[0]), None if pair[1] is None else int(pair[1])))
    for i, (begin, last) in enumerate(found):
        if last is None and (i + 1 < len(found) or not open_end):
            raise MethodError(f"{name}: only the last risk window may go on to the exposure's end")
        if last is not None and last < begin:
            raise MethodError(f"{name}: a window ends on day {last}, before it begins on day {begin}")
        before = found[i - 1][1] if i else None
        if before is not None and begin <= before:
            raise MethodError(f"{name}: day {begin} lies in two windows: order them, without overlap")
    return found


def by_exposure(given: object, names: Sequence[str], argument: str) -> dict[str, object]:
    """What is said of each exposure: a mapping by name, or one thing for all.

    Raises:
        MethodError: a mapping that lacks a name or holds one that no exposure has.
    """
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    found = {str(name): value for name, value in given.items()}
    unknown = [name for name in found if name not in names]
    absent = [name for name in names if name not in found]
    if unknown or (absent and argument == "risk_windows"):
        said = f"names {', '.join(unknown)}" if unknown else f"lacks {', '.join(absent)}"
        raise MethodError(f"{argument} {said}: the exposures are {', '.join(names)}")
    return {name: found.get(name) for name in names}


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _whole_or_none(value: object) -> bool:
    return value is None or _whole(value)
