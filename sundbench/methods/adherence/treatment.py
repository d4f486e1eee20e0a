"""Treatment episodes, adherence within them, and persistence, by a permissible gap.

The episodes themselves are those of ``sundbench.cohort.exposure``: here they are counted from each person's
first dispensing, as AdhereR does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from sundbench.cohort.exposure import Rules, given_days
from sundbench.cohort.exposure import episodes as joined
from sundbench.errors import MethodError
from sundbench.methods.adherence.availability import Carried, check, windowed
from sundbench.methods.adherence.dispensings import Dispensings, Ints, days, read, whole_days
from sundbench.methods.adherence.measures import Windows, measure
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Frame, frame


@dataclass(frozen=True)
class Episodes:
    """Treatment episodes, a row each.

    Attributes:
        table: person, episode, start, end (the day after its last), days, dispensings, gap_days (without
            supply after it), ongoing (whether it lasts to the end of follow-up).
    """

    table: pd.DataFrame


@dataclass(frozen=True)
class EpisodeAdherence:
    """Adherence within treatment episodes, a row each.

    Attributes:
        kind: which of the nine measures.
        table: person, episode, start, end, episode_days, gap_days (without supply after it), cma, days
            (that it is over), dispensings, reason; start and end are those of the part within the window.
    """

    kind: int
    table: pd.DataFrame


@dataclass(frozen=True)
class Persistence:
    """Time on treatment, for ``survival.kaplan_meier(table["time"], table["event"])``.

    Attributes:
        table: person, time (days from the first dispensing), event (1 discontinued, 0 still treated when
            follow-up ended).
    """

    table: pd.DataFrame


@kinds_checked
def episodes(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    gap_days: int,
    follow_up_days: int,
    dose: str | None = None,
    medication: str | None = None,
    medication_change: bool = False,
    end: str | None = None,
) -> Episodes:
    """Join dispensings into episodes that end when supply has been out for more than a permissible gap.

    Supply that is left is used before the next dispensing, of whatever medication. An episode that at the end
    of follow-up has been without supply for less than the gap goes on to that day.

    Args:
        dispensings: a row each, in any order.
        person: the column that says whose.
        date: the column with its day: dates, or days as whole numbers.
        duration: the column with the days that it lasts (taken to whole days).
        gap_days: the most days without supply that don't end an episode.
        follow_up_days: how long persons are followed from their first dispensing.
        dose: the column with the dose a day, where what is left lasts the shorter the higher the next dose.
        medication: the column that tells medications apart.
        medication_change: whether another medication begins another episode.
        end: the column with the person's last day of follow-up (death, emigration), where that is earlier.

    Raises:
        MethodError: what the columns hold can't be read, a negative gap, a change without ``medication``, or
            several ends for one person, or one before the first dispensing.
    """
    rows, last = _followed(
        dispensings,
        person=person,
        date=date,
        duration=duration,
        dose=dose,
        medication=medication,
        end=end,
        follow_up_days=follow_up_days,
    )
    found = _episodes(rows, last, gap_days, medication_change)
    table = pd.DataFrame({"person": rows.persons[found["place"].to_numpy()]})
    begin, stop = _ends(found)
    table["episode"] = found["episode"].to_numpy()
    table["start"], table["end"] = rows.shown(begin), rows.shown(stop)
    table["days"] = stop - begin
    for name in ("dispensings", "gap_days", "ongoing"):
        table[name] = found[name].to_numpy()
    return Episodes(table)


@kinds_checked
def persistence(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    gap_days: int,
    follow_up_days: int,
    dose: str | None = None,
    end: str | None = None,
) -> Persistence:
    """Time from the first dispensing until supply runs out for more than a permissible gap.

    Args:
        dispensings: a row each, in any order.
        person: as in ``episodes``, like the rest.
        date: its day.
        duration: days that it lasts.
        gap_days: the most days without supply that don't end treatment.
        follow_up_days: how long persons are followed.
        dose: the dose a day.
        end: the last day of follow-up.

    Raises:
        MethodError: as ``episodes``.
    """
    table = episodes(
        dispensings,
        person=person,
        date=date,
        duration=duration,
        gap_days=gap_days,
        follow_up_days=follow_up_days,
        dose=dose,
        end=end,
    ).table
    first = table[table["episode"] == 1].reset_index(drop=True)
    event = (~first["ongoing"].astype(bool)).astype("int64")
    return Persistence(pd.DataFrame({"person": first["person"], "time": first["days"], "event": event}))


@kinds_checked
def per_episode(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    gap_days: int,
    follow_up_days: int,
    dose: str | None = None,
    medication: str | None = None,
    medication_change: bool = False,
    kind: int = 1,
    window_start: int = 0,
    window_days: int | None = None,
    carry_over: Carried = "same",
    dose_changes: bool = False,
) -> EpisodeAdherence:
    """``cma`` within each treatment episode, as far as it lies in the window.

    Each episode is followed by itself: supply from before it doesn't count. As in AdhereR a dispensing on
    the day that ends an episode (the next one's first) is still in it, and episodes carry over what
    ``carry_over`` says; for kinds 1 to 4 too, where AdhereR's carry nothing.

    Args:
        dispensings: a row each, in any order.
        person: as in ``episodes``, like the next columns.
        date: its day.
        duration: days that it lasts.
        gap_days: the most days without supply that don't end an episode.
        follow_up_days: how long persons are followed.
        dose: the dose a day.
        medication: which medication.
        medication_change: whether another medication begins another episode.
        kind: which measure, as in ``cma``.
        window_start: the window, as in ``cma``.
        window_days: its length.
        carry_over: as in ``cma``.
        dose_changes: as in ``cma``.

    Raises:
        MethodError: as both.
    """
    options = check(kind, carry_over, dose_changes, dose)
    if dose is not None:
        frame(dispensings, [dose])  # a column that is named is there, whether it counts or not
    rows, last = _followed(
        dispensings,
        person=person,
        date=date,
        duration=duration,
        dose=dose if dose_changes else None,
        medication=medication,
        end=None,
        follow_up_days=follow_up_days,
    )
    windows, _ = windowed(rows, follow_up_days, window_start, window_days)
    discard = carry_over == "same" and medication is not None
    found = _episodes(rows, last, gap_days, medication_change, discard=discard)
    place = found["place"].to_numpy()
    begin, stop = _ends(found)
    since, until = np.maximum(begin, windows.start[place]), np.minimum(stop, windows.end[place])
    kept = since < until
    found, place, begin, stop = found.filter(pl.Series(kept)), place[kept], begin[kept], stop[kept]
    since, until = since[kept], until[kept]
    # A person's rows with each of the person's episodes, then those within it.
    pairs = (
        pl.DataFrame({"place": place, "begin": begin, "stop": stop})
        .with_row_index("number")
        .join(pl.DataFrame({"place": rows.place, "day": rows.day}).with_row_index("row"), on="place")
        .filter(pl.col("day").is_between(pl.col("begin"), pl.col("stop")))
        .sort("number", "row")
    )
    within = rows.of(pairs["row"].cast(pl.Int64).to_numpy(), pairs["number"].cast(pl.Int64).to_numpy())
    measured = measure(within, Windows(stop.astype(np.float64), since, until), kind, options)
    table = pd.DataFrame({"person": rows.persons[place], "episode": found["episode"].to_numpy()})
    table["start"] = rows.shown(since.astype(np.int64))
    table["end"] = rows.shown(until.astype(np.int64))
    table["episode_days"], table["gap_days"] = stop - begin, found["gap_days"].to_numpy()
    table["cma"], table["days"], table["dispensings"] = measured.cma, measured.days, measured.dispensings
    table["reason"] = pd.Series(measured.reason, dtype=object)
    return EpisodeAdherence(kind, table)


def _followed(
    dispensings: Frame,
    *,
    person: str,
    date: str,
    duration: str,
    dose: str | None,
    medication: str | None,
    end: str | None,
    follow_up_days: int,
) -> tuple[Dispensings, Ints]:
    """The rows, and each person's last day of follow-up."""
    rows = read(dispensings, person=person, date=date, duration=duration, dose=dose, medication=medication)
    last = rows.first_days() + whole_days(follow_up_days, "follow_up_days", least=1) - 1
    if end is not None:
        data = frame(dispensings, [person, end])
        ends, dated = days(data[end], end)
        if dated != rows.dated:
            raise MethodError(
                f"{end}: dates in one column and numbers in the other: give {date} and {end} alike"
            )
        of_person = pd.Series(ends).groupby(data[person].to_numpy(), sort=True)
        lowest, highest = (np.asarray(values, np.int64) for values in (of_person.min(), of_person.max()))
        several = int((lowest != highest).sum())
        if several:
            raise MethodError(
                f"{end}: {several} persons have several ends of follow-up: give each person one"
            )
        early = int((lowest < rows.first_days()).sum())
        if early:
            raise MethodError(f"{end}: for {early} persons it is before the first dispensing: leave them out")
        last = np.minimum(last, lowest)
    return rows, last


def _episodes(
    rows: Dispensings, last: Ints, gap_days: int, medication_change: bool, *, discard: bool = False
) -> pl.DataFrame:
    """The cohort's episodes, of persons by their places."""
    grace = whole_days(gap_days, "gap_days", least=0)
    if medication_change and rows.medication is None:
        raise MethodError("medication_change needs medication=, the column that tells medications apart")
    columns = {"person": rows.place, "day": rows.day, "until": last[rows.place], "duration": rows.duration}
    if rows.medication is not None:
        columns["medication"] = rows.medication
    if rows.dose is not None:
        columns["dose"] = rows.dose
    data = pl.DataFrame(columns).with_columns(
        pl.col("day", "until").cast(pl.Int32).cast(pl.Date),
        pl.col("day").cast(pl.Int32).cast(pl.Date).alias("date"),
    )
    found = joined(
        data,
        Rules(
            given_days("duration"),
            grace_days=grace,
            switch_ends_episode=medication_change,
            switching="discard" if discard else "carry",
        ),
        by=("person",),
        product="medication" if medication_change or discard else None,
        dose=None if rows.dose is None else "dose",
        until="until",
    )
    return found.rename({"person": "place"})


def _ends(found: pl.DataFrame) -> tuple[Ints, Ints]:
    """First days, and the days after the last ones."""
    begin, last = (found[name].to_physical().cast(pl.Int64).to_numpy() for name in ("start", "end"))
    return begin, last + 1
