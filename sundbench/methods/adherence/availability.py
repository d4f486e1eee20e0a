"""Adherence by person: possession ratios and proportions of days covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.adherence.dispensings import Dispensings, read, whole_days
from sundbench.methods.adherence.measures import Windows, measure
from sundbench.methods.adherence.supply import CarryOver, Supply
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Frame

Carried = Literal["same", "any"]
CARRYING = (5, 6, 7, 8, 9)


@dataclass(frozen=True)
class Adherence:
    """Adherence of each person.

    Attributes:
        kind: which of the nine measures.
        table: person, cma, days (that it is over), dispensings (in the window), reason (why there is none).
        events: person, date, duration, interval (days to the next), carried (days left from before), gap_days
            (days without supply before the next), used (whether it entered); a row a dispensing within
            follow-up. Null where the measure doesn't look.
    """

    kind: int
    table: pd.DataFrame
    events: pd.DataFrame

    @kinds_checked
    def summary(self, threshold: float = 0.8) -> pd.DataFrame:
        """persons, unknown, mean, sd, q25, median, q75, adherent (the share at or above): one row."""
        known = self.table["cma"].dropna()
        q25, median, q75 = known.quantile([0.25, 0.5, 0.75])
        row = {
            "persons": len(self.table),
            "unknown": len(self.table) - len(known),
            "mean": known.mean(),
            "sd": known.std(),
            "q25": q25,
            "median": median,
            "q75": q75,
            "adherent": float((known >= threshold).mean()) if len(known) else np.nan,
        }
        return pd.DataFrame([row])


@kinds_checked
def cma(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    dose: str | None = None,
    medication: str | None = None,
    kind: int = 1,
    follow_up_days: int,
    window_start: int = 0,
    window_days: int | None = None,
    carry_over: Carried = "same",
    dose_changes: bool = False,
) -> Adherence:
    """One of the nine continuous medication availability measures (Dima and Dediu 2017), for each person.

    Follow-up begins with a person's first dispensing. Days are counted between days: the window is
    ``window_days`` long, and a dispensing on the day that ends it is still in it.

    Args:
        dispensings: a row each, in any order. Several on one day follow each other as they come.
        person: the column that says whose.
        date: the column with its day: dates, or days as whole numbers.
        duration: the column with the days that it lasts.
        dose: the column with the dose a day, for ``dose_changes``.
        medication: the column that tells medications apart; without it all are one.
        kind: from the first to the last dispensing in the window, days supplied over days (1), at most 1 (3),
            or days covered (5); from the first to the window's end, likewise 2, 4 and 6; days covered of the
            whole window, with supply from before it (7), from the day on which that has run out (8), or with
            each supply spread evenly to the next dispensing (9).
        follow_up_days: how long persons are followed; later dispensings are left out.
        window_start: days from the start of follow-up to the window's.
        window_days: the window's length; ``None`` is the rest of follow-up.
        carry_over: for 5 to 9, whether supply that is left is used before the next dispensing of the ``same``
            medication only or of ``any``.
        dose_changes: for 5 to 9, whether what is left lasts the shorter, the higher the next dose.

    Returns:
        A row a person; without a measure where it makes no sense, with the reason.

    Raises:
        MethodError: what the columns hold can't be read, the window leaves follow-up, or an unknown ``kind``
            or ``carry_over``.
    """
    options = check(kind, carry_over, dose_changes, dose)
    rows = read(
        dispensings,
        person=person,
        date=date,
        duration=duration,
        dose=dose,
        medication=medication,
    )
    windows, rows = windowed(rows, follow_up_days, window_start, window_days)
    found = measure(rows, windows, kind, options)
    table = pd.DataFrame(
        {
            "person": rows.persons,
            "cma": found.cma,
            "days": found.days,
            "dispensings": found.dispensings,
            "reason": pd.Series(found.reason, dtype=object),
        }
    )
    return Adherence(kind, table, _events(rows, found.supply, found.used))


def check(kind: int, carry_over: str, dose_changes: bool, dose: str | None) -> CarryOver:
    """What is carried over.

    Raises:
        MethodError: an unknown measure or word, or no doses to go by.
    """
    if isinstance(kind, bool) or kind not in range(1, 10):
        raise MethodError(f"kind={kind!r}: give a number from 1 to 9")
    if carry_over not in ("same", "any"):
        raise MethodError(f"carry_over={carry_over!r}: choose same or any")
    if dose_changes and dose is None:
        raise MethodError("dose_changes needs dose=, the column with the dose a day")
    return CarryOver(kind in CARRYING, carry_over == "same", dose_changes)


def windowed(
    rows: Dispensings, follow_up_days: int, window_start: int, window_days: int | None
) -> tuple[Windows, Dispensings]:
    """Everybody's window, and the dispensings within follow-up.

    Raises:
        MethodError: days that aren't whole, or a window outside follow-up.
    """
    followed = whole_days(follow_up_days, "follow_up_days", least=1)
    since = whole_days(window_start, "window_start", least=0)
    length = followed - since if window_days is None else whole_days(window_days, "window_days", least=1)
    if length < 1 or since + length > followed:
        raise MethodError(
            f"the window ends {since + max(length, 1)} days after the first dispensing, "
            f"and follow-up after {followed}: shorten the window or lengthen follow-up"
        )
    first = rows.first_days().astype(np.float64)
    windows = Windows(first + followed, first + since, first + since + length)
    return windows, rows.of(rows.day <= windows.follow_up_end[rows.place])


def _events(rows: Dispensings, followed: Supply, used: Bools) -> pd.DataFrame:
    columns = {"person": rows.persons[rows.place], "date": rows.shown(rows.day), "duration": rows.duration}
    if rows.dose is not None:
        columns["dose"] = rows.dose
    if rows.medication is not None:
        columns["medication"] = rows.medications[rows.medication]
    columns |= {"interval": followed.interval, "carried": followed.carried, "gap_days": followed.gap}
    return pd.DataFrame({**columns, "used": used})
