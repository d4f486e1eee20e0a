"""Episodes of exposure: dispensings joined by rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.exposure.grouped import Bools, Groups, Ints, in_order
from sundbench.cohort.exposure.hospital import Calendar, Clock, OutsideHospital
from sundbench.cohort.exposure.rules import Rules
from sundbench.errors import StudyError

Numbers = npt.NDArray[np.float64] | Ints


def episodes(
    dispensings: pl.DataFrame,
    rules: Rules,
    *,
    by: Sequence[str] = ("person", "atc"),
    product: str | None = None,
    dose: str | None = None,
    until: date | str | None = None,
    stays: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Join dispensings into episodes.

    Args:
        dispensings: one row a dispensing, in any order, corrections netted: ``person`` (int), ``date``,
            ``by`` and what the rules read. Rows of one person must be together in one call.
        rules: how long a dispensing lasts, and how dispensings join.
        by: what an episode is of; ``("person", "atc")`` is each ATC code by itself, ``("person",)`` all that
            is in the frame as one treatment.
        product: the column that tells a class's products apart, for ``rules.switching``.
        dose: a column with the dose a day of each dispensing: what is left of an earlier dispensing lasts
            the fewer days, the higher the new dose.
        until: the last day of follow-up, a day or a column: later dispensings are left out, and an episode
            that by then has been without supply for less than the grace period goes on to that day.
        stays: ``person``, ``start``, ``end`` of stays in hospital, whose days supply outlasts (as the view
            ``stays`` gives them); ``None`` counts every day.

    Returns:
        One row an episode, sorted by ``by`` and start: ``by``, ``episode`` (1 for the group's first),
        ``start`` (day of its first dispensing), ``end`` (last day of it), ``days`` (both in it; 0 where
        another product replaced it on its first day), ``dispensings``, ``supply_days`` (of all of them),
        ``gap_days`` (days without supply after it: to the next dispensing, or to ``until``; null where
        neither is known), ``ongoing`` (not ended by ``until``; null without it).

    Raises:
        StudyError: a column is missing, a dispensing has no day or no days, or switching needs ``product``.
    """
    kept = _checked(dispensings, rules, by, product=product, dose=dose, until=until)
    groups = Groups(kept, by)
    person = kept["person"].cast(pl.Int64).to_numpy() if "person" in kept.columns else np.zeros(0, np.int64)
    clock: Clock = Calendar() if stays is None else OutsideHospital(stays)
    calendar = _days(kept["date"])
    day = clock.counted(person, calendar)
    supply = kept["_days"].to_numpy()

    since = np.diff(calendar, prepend=calendar[:1])
    too_long = np.zeros(calendar.size, bool) if rules.max_gap_days is None else since > rules.max_gap_days
    switched = np.zeros(calendar.size, bool)
    if product is not None:
        changed = kept.select(pl.col(product).ne_missing(pl.col(product).shift(1))).to_series().to_numpy()
        switched = changed & ~groups.first
    forgotten = too_long | switched if rules.switching == "discard" else too_long
    doses = None if dose is None else kept[dose].cast(pl.Float64).to_numpy()
    end = _supply_ends(
        groups,
        day,
        supply,
        same_day=since == 0,
        forgotten=forgotten,
        stockpile=rules.stockpile,
        doses=doses,
    )

    allowed: Numbers = (
        np.full(day.size, rules.grace_days) if rules.grace_share is None else rules.grace_share * supply
    )
    before = np.roll(end, 1)
    gap = np.maximum(day - before, 0)
    begins = groups.first | (gap > np.roll(allowed, 1)) | too_long
    if rules.switch_ends_episode:
        begins |= switched

    first = np.flatnonzero(begins)
    last = np.append(first[1:], day.size)[: first.size] - 1
    following = np.append(first[1:], 0)[: first.size]
    another = np.append(~groups.first[first[1:]], False)[: first.size]
    ends = np.floor(end[last]).astype(np.int64)
    ends = np.where(another, np.minimum(ends, day[following]), ends)
    to = np.where(another, day[following], 0)
    gap_days = pl.Series(to - ends, dtype=pl.Int64)
    ongoing = pl.Series(np.zeros(first.size, bool))
    if until is None:
        gap_days = pl.select(pl.when(pl.lit(pl.Series(another))).then(gap_days)).to_series()
        ongoing = pl.repeat(None, first.size, dtype=pl.Boolean, eager=True)
    else:
        stop = clock.counted(person[last], _days(kept["_until"])[last] + 1)
        ends = np.where(another, ends, np.minimum(ends, stop))
        left = np.where(another, to, stop) - ends
        goes_on = ~another & (left < np.maximum(allowed[last], 1))
        gap_days, ongoing = pl.Series(left, dtype=pl.Int64), pl.Series(goes_on)
        ends = np.where(goes_on, stop, ends)

    counted = day[first]
    covered = ends > counted
    last_day = np.where(covered, clock.day(person[first], ends - 1), calendar[first] - 1)
    if until is not None:  # days in hospital at the end of follow-up belong to an episode that goes on
        last_day = np.where(ongoing.to_numpy(), _days(kept["_until"])[last], last_day)
    last_day = np.maximum(last_day, calendar[first] - 1)
    totals = np.add.reduceat(supply, first) if first.size else supply[:0]
    numbers = np.arange(first.size) - np.maximum.accumulate(
        np.where(groups.first[first], np.arange(first.size), 0)
    )
    return kept.select(*by, "date")[first].select(
        *by,
        pl.Series("episode", numbers + 1, dtype=pl.Int64),
        pl.col("date").alias("start"),
        pl.Series("end", last_day.astype(np.int32)).cast(pl.Date),
        pl.Series("days", last_day - calendar[first] + 1, dtype=pl.Int64),
        pl.Series("dispensings", last - first + 1, dtype=pl.Int64),
        pl.Series("supply_days", totals, dtype=pl.Int64),
        gap_days.alias("gap_days"),
        ongoing.alias("ongoing"),
    )


def _supply_ends(
    groups: Groups,
    day: Ints,
    supply: Ints,
    *,
    same_day: Bools,
    forgotten: Bools,
    stockpile: int | None,
    doses: npt.NDArray[np.float64] | None,
) -> Numbers:
    """For each dispensing, the first day for which there is no supply any more."""
    end = day + supply.astype(np.float64) if doses is not None else day + supply
    for rows in groups.steps():
        left = np.maximum(end[rows - 1] - day[rows], 0)
        if doses is not None:
            left = left * (doses[rows - 1] / doses[rows])
        left[forgotten[rows]] = 0
        carried = left
        if stockpile is not None:
            carried = np.where(same_day[rows], left, np.minimum(left, stockpile))
        end[rows] = day[rows] + np.maximum(left, carried + supply[rows])
    return end


def _checked(
    dispensings: pl.DataFrame,
    rules: Rules,
    by: Sequence[str],
    *,
    product: str | None,
    dose: str | None,
    until: date | str | None,
) -> pl.DataFrame:
    """The rows and columns that count, in order."""
    columns = [*by, "date", *rules.supply.columns]
    columns += [name for name in (product, dose, until) if isinstance(name, str)]
    missing = sorted({"person", *columns} - set(dispensings.columns))
    if missing:
        raise StudyError(f"episodes(): the frame has no column {', '.join(missing)}")
    if (rules.switching != "carry" or rules.switch_ends_episode) and product is None:
        raise StudyError("episodes(): the rules speak of switching: give product=, the column to switch in")
    last = pl.col(until) if isinstance(until, str) else pl.lit(until, dtype=pl.Date)
    wanted = dict.fromkeys(["person", *by, "date", *(name for name in (product, dose) if name is not None)])
    kept = dispensings.select(*wanted, rules.supply.days().alias("_days"), last.alias("_until"))
    if kept["date"].null_count():
        raise StudyError("episodes(): dispensings without a day: leave them out first")
    kept = kept.drop("_until") if until is None else kept.filter(pl.col("date") <= pl.col("_until"))
    wrong = kept.select((pl.col("_days").is_null() | (pl.col("_days") <= 0)).sum()).item()
    if wrong:
        raise StudyError(
            f"episodes(): {wrong} of {kept.height} dispensings last no days by {rules.supply.in_words()}:"
            " net corrections, and give .otherwise(...) for what is unknown"
        )
    if dose is not None and kept.select((pl.col(dose).is_null() | (pl.col(dose) <= 0)).any()).item():
        raise StudyError(f"episodes(): {dose}: a dose a day must be known and positive")
    # Two products on one day, or two doses, are taken in a fixed order, so that the rows' order doesn't tell.
    ties = [name for name in (product, dose) if name is not None]
    return in_order(kept, by, ["date", *ties, *(["_days"] if ties else [])])


def _days(dates: pl.Series) -> Ints:
    return dates.to_physical().cast(pl.Int64).to_numpy()
