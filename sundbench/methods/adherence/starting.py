"""Initiation: how long persons wait from prescription to the first dispensing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.adherence.dispensings import codes, days, whole_days
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Frame, frame


@dataclass(frozen=True)
class Initiation:
    """Waiting time to the first dispensing, for ``survival.kaplan_meier(table["time"], table["event"])``.

    Attributes:
        table: person, time (days waited), event (1 began, 0 had not when follow-up ended).
    """

    table: pd.DataFrame


@kinds_checked
def initiation(
    persons: Frame,
    dispensings: Frame,
    *,
    person: str,
    start: str,
    date: str,
    follow_up_days: int,
    end: str | None = None,
) -> Initiation:
    """Days from a start (a prescription, a diagnosis) to the first dispensing on that day or later.

    Args:
        persons: a row a person.
        dispensings: a row each; those of others and those before the start don't count.
        person: the column that says whose, in both.
        start: the column of ``persons`` with the day from which they wait.
        date: the column of ``dispensings`` with its day.
        follow_up_days: how long persons are followed; who begins on the last of these days has begun.
        end: a column of ``persons`` with the last day of follow-up (death, emigration), where earlier.

    Raises:
        MethodError: what the columns hold can't be read, a person with several rows, or an end
            before the start.
    """
    longest = whole_days(follow_up_days, "follow_up_days", least=1)
    waiting = frame(persons, [person, start, *([] if end is None else [end])])
    given = frame(dispensings, [person, date])
    twice = int(waiting[person].duplicated().sum())
    if twice:
        raise MethodError(
            f"{person}: {twice} rows are of persons who have one already: give each person one row"
        )
    since, dated = days(waiting[start], start)
    day, also = days(given[date], date)
    follow_up = np.full(since.size, longest, np.int64)
    if end is not None:
        last, like = days(waiting[end], end)
        if (last < since).any():
            raise MethodError(
                f"{end}: for {int((last < since).sum())} persons it is before {start}: leave them out"
            )
        follow_up, also = np.minimum(follow_up, last - since), also and like if dated else also or like
    if also != dated:
        raise MethodError(f"{start} and {date}: some are dates and some numbers: give all alike")
    place, names = codes(waiting[person])
    whose = pd.Index(waiting[person]).get_indexer(pd.Index(given[person]))
    known = whose >= 0
    wait = day[known] - since[whose[known]]
    counts = (wait >= 0) & (wait <= follow_up[whose[known]])
    first = np.full(since.size, np.iinfo(np.int64).max)
    np.minimum.at(first, whose[known][counts], wait[counts])
    began = first <= follow_up
    order = np.argsort(place, kind="stable")
    table = pd.DataFrame(
        {
            "person": names,
            "time": np.where(began, first, follow_up)[order],
            "event": began[order].astype(np.int64),
        }
    )
    return Initiation(table)
