"""Switching: the first medication left for another, as a competing risk of stopping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.adherence.dispensings import read, whole_days
from sundbench.methods.adherence.treatment import episodes
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Frame

OUTCOMES = np.array(["ongoing", "switched", "stopped"], dtype=object)


@dataclass(frozen=True)
class Switching:
    """How each first medication ended, for ``survival.aalen_johansen(table["time"], table["cause"])``.

    Attributes:
        table: person, medication (the first), time (days from its first dispensing), cause (0 ongoing when
            follow-up ended, 1 switched, 2 stopped), outcome (the same in a word), to (the other medication).
    """

    table: pd.DataFrame


@kinds_checked
def switching(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    medication: str,
    gap_days: int,
    follow_up_days: int,
) -> Switching:
    """When persons leave their first medication, and whether for another.

    Treatment with the first medication lasts until its own supply has been out for more than ``gap_days``. A
    switch is the first dispensing of another medication after the last one of that treatment, no later than
    ``gap_days`` after its supply ran out. Other medications before that are added, not switched to.

    Args:
        dispensings: a row each, in any order.
        person: the column that says whose.
        date: the column with its day.
        duration: the column with the days that it lasts (taken to whole days).
        medication: the column that tells medications apart.
        gap_days: the most days without supply that don't end treatment.
        follow_up_days: how long persons are followed from their first dispensing.

    Raises:
        MethodError: what the columns hold can't be read, or somebody begins with two medications on one day.
    """
    rows = read(dispensings, person=person, date=date, duration=duration, medication=medication)
    grace = whole_days(gap_days, "gap_days", least=0)
    taken = np.asarray(rows.medication, dtype=np.int64)
    first_row = np.flatnonzero(np.diff(rows.place, prepend=-1))
    first_day, index = rows.first_days(), taken[first_row]
    own = taken == index[rows.place]
    both = np.unique(rows.place[~own & (rows.day == first_day[rows.place])]).size
    if both:
        raise MethodError(
            f"{medication}: {both} persons begin with several medications on one day: leave them out, "
            "or give the combination a name of its own"
        )
    data = pd.DataFrame({"person": rows.place[own], "day": rows.day[own], "days": rows.duration[own]})
    treated = episodes(
        data, person="person", date="day", duration="days", gap_days=grace, follow_up_days=follow_up_days
    ).table
    treated = treated[treated["episode"] == 1]
    time, ongoing = treated["days"].to_numpy(), treated["ongoing"].to_numpy(dtype=bool)

    followed = whole_days(follow_up_days, "follow_up_days", least=1)
    since = rows.day - first_day[rows.place]
    in_treatment = own & (since < np.minimum(time, followed)[rows.place])
    last_own = np.zeros(time.size, np.int64)
    np.maximum.at(last_own, rows.place[in_treatment], since[in_treatment])
    # While treatment goes on at the end of follow-up, supply hasn't been out for a gap: until then all count.
    latest = np.minimum(np.where(ongoing, followed, time + grace), followed - 1)
    candidate = np.flatnonzero(~own & (since > last_own[rows.place]) & (since <= latest[rows.place]))
    switcher, where = np.unique(rows.place[candidate], return_index=True)
    new = candidate[where]
    cause = np.where(ongoing, 0, 2)
    cause[switcher] = 1
    time = time.copy()
    time[switcher] = since[new]
    to = np.full(time.size, None, dtype=object)
    to[switcher] = rows.medications[taken[new]]
    return Switching(
        pd.DataFrame(
            {
                "person": rows.persons,
                "medication": rows.medications[index],
                "time": time,
                "cause": cause,
                "outcome": OUTCOMES[cause],
                "to": pd.Series(to, dtype=object),
            }
        )
    )
