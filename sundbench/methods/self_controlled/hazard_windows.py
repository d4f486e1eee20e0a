"""Case windows and control windows: the days before an event that are compared with earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Frame, column_names, frame
from sundbench.methods.self_controlled.days import Ints, not_negative_days, whole_days
from sundbench.methods.self_controlled.exposures import Exposures


@dataclass(frozen=True)
class Scheme:
    """Which days are compared.

    Attributes:
        window_days: how long each window is.
        controls: how many control windows an event has.
        gap_days: days between one window and the next.
        lag_days: days between the case window's last day and the event; 0: it ends with the event's day.
    """

    window_days: int
    controls: int
    gap_days: int
    lag_days: int

    @classmethod
    def of(cls, window_days: int, controls: int, gap_days: int, lag_days: int) -> Scheme:
        """Read the arguments.

        Raises:
            MethodError: no whole numbers, or no days or windows.
        """
        return cls(
            not_negative_days(window_days, "window_days", least=1),
            not_negative_days(controls, "controls (windows an event)", least=1),
            not_negative_days(gap_days, "gap_days"),
            not_negative_days(lag_days, "lag_days"),
        )


@dataclass(frozen=True)
class Events:
    """Events, each one a set of windows.

    Attributes:
        what: what messages call them.
        people: the persons with events.
        person: of each event, as a place in ``people``.
        day: the event's.
        start: the first day of observation; None if that isn't known.
        dated: whether days were dates.
        repeated: rows that said again what another row had said.
    """

    what: str
    people: pd.Index
    person: Ints
    day: Ints
    start: Ints | None
    dated: bool
    repeated: int


@dataclass(frozen=True)
class Windows:
    """Windows of events that have a case window and a control window at least, in order of the events.

    Attributes:
        event: whose windows, counted from 0.
        person: the event's.
        case: whether it is the case window.
        first, last: its days.
        left_out: events without a whole case window, or without a whole control window, under observation.
    """

    event: Ints
    person: Ints
    case: Bools
    first: Ints
    last: Ints
    left_out: int

    def exposed(self, exposures: Exposures, name: str) -> Bools:
        """Whether a day of any exposure of that name lies in the window."""
        own = exposures.name == name
        if not own.any():
            return np.zeros(self.event.size, dtype=bool)
        person, start, end = exposures.of[own], exposures.start[own], exposures.end[own]
        low = min(int(self.first.min()), int(start.min()))
        width = max(int(self.last.max()), int(end.max())) - low + 1
        begun = np.searchsorted(person * width + start - low, self.person * width + self.last - low, "right")
        # Of a person's exposures that began by the window's end, how far does any reach?
        reach = np.maximum.accumulate(person * width + end - low)
        key = self.person * width + self.first - low
        return np.asarray((begun > 0) & (reach[np.maximum(begun - 1, 0)] >= key))


def read_events(data: Frame, what: str) -> Events:
    """Read events and, where they are given, observation periods.

    Raises:
        MethodError: missing values, days of two kinds, or events outside start to end.
    """
    there = column_names(data)
    columns = ["event_day", *(name for name in ("start", "end") if name in there)]
    chosen = frame(data, ["person", *columns])
    table, dated = pd.DataFrame({"person": chosen["person"].to_numpy()}), set()
    for name in columns:
        table[name], of_dates = whole_days(chosen[name], f"{what}: {name}")
        dated.add(of_dates)
    if len(dated) > 1:
        raise MethodError(f"{what}: give event_day, start and end all as dates, or all as numbers of days")
    outside = np.zeros(len(table), dtype=bool)
    if "start" in columns:
        outside |= (table["event_day"] < table["start"]).to_numpy()
    if "end" in columns:
        outside |= (table["event_day"] > table["end"]).to_numpy()
    if outside.any():
        raise MethodError(
            f"{what}: {int(outside.sum())} of {len(table)} events lie outside start to end (both count): "
            "leave them out"
        )
    unique = table.drop_duplicates(ignore_index=True)
    if unique.duplicated(["person", "event_day"]).any():
        raise MethodError(f"{what}: events of one person and day differ in start or end: give each once")
    codes, people = pd.factorize(unique["person"], sort=True)
    order = np.lexsort((unique["event_day"], codes))
    return Events(
        what=what,
        people=pd.Index(people),
        person=np.asarray(codes[order], dtype=np.int64),
        day=unique["event_day"].to_numpy(dtype=np.int64)[order],
        start=unique["start"].to_numpy(dtype=np.int64)[order] if "start" in columns else None,
        dated=dated.pop(),
        repeated=len(table) - len(unique),
    )


def windows(events: Events, scheme: Scheme) -> Windows:
    """Lay the windows out; those that begin before observation does are left out.

    Raises:
        MethodError: no event has both a case window and a control window.
    """
    step = np.arange(scheme.controls + 1) * (scheme.window_days + scheme.gap_days)
    last = events.day[:, None] - scheme.lag_days - step
    first = last - scheme.window_days + 1
    seen = np.ones(first.shape, dtype=bool) if events.start is None else first >= events.start[:, None]
    seen &= seen[:, [1]]  # later windows are seen wherever earlier ones are
    kept = seen[:, 0]
    if not kept.any():
        raise MethodError(
            f"{events.what}: none of {kept.size} events has a case window and a control window within "
            "observation: shorten the windows or the gap"
        )
    place = np.cumsum(kept) - 1
    row, column = np.nonzero(seen)
    return Windows(
        event=place[row],
        person=events.person[row],
        case=column == 0,
        first=first[row, column],
        last=last[row, column],
        left_out=int((~kept).sum()),
    )
