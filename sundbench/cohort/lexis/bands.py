"""The bands of a time scale: where one ends and the next begins, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from sundbench.errors import StudyError

OLDEST = 130
YEARS = range(1800, 2200)
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Bands:
    """Neighbouring bands that together cover everything.

    Attributes:
        cuts: where each band but the first begins, ascending: years of age, days since 1 January 1970, or the
            last day since entry of the band before.
        labels: one more than there are cuts.
    """

    cuts: tuple[int, ...]
    labels: tuple[str, ...]


def age_bands(cuts: Iterable[int]) -> Bands:
    """Ages in whole years: ``[40, 65]`` gives <40, 40-64 and 65+.

    Raises:
        StudyError: no ages, ages that aren't whole, or not ascending.
    """
    where = "split(): age"
    ages = _whole(cuts, where, "[40, 65]")
    if ages[0] < 1 or ages[-1] > OLDEST:
        raise StudyError(f"{where}={list(ages)}: ages lie between 1 and {OLDEST}")
    inner = [_from_to(first, following - 1) for first, following in pairwise(ages)]
    return Bands(ages, (f"<{ages[0]}", *inner, f"{ages[-1]}+"))


def calendar_bands(cuts: Iterable[int | date | str]) -> Bands:
    """Calendar time, cut on days or on the first of January of years.

    ``[2012, 2015]`` gives <2012, 2012-2014 and 2015+; ``["2014-07-01"]`` gives <2014-07-01 and 2014-07-01+.

    Raises:
        StudyError: no years or days, both kinds, something else, or not ascending.
    """
    where = "split(): calendar"
    listed = _listed(cuts, where, "[2012, 2015]")
    if all(isinstance(one, int) and not isinstance(one, bool) for one in listed):
        years = _whole(listed, where, "[2012, 2015]")
        if years[0] not in YEARS or years[-1] not in YEARS:
            raise StudyError(f"{where}={list(years)}: years lie between {YEARS[0]} and {YEARS[-1]}")
        inner = [_from_to(first, following - 1) for first, following in pairwise(years)]
        days = tuple((date(year, 1, 1) - EPOCH).days for year in years)
        return Bands(days, (f"<{years[0]}", *inner, f"{years[-1]}+"))
    dates = [_date(one, where) for one in listed]
    if any(following <= first for first, following in pairwise(dates)):
        raise StudyError(
            f"{where}: {', '.join(map(str, dates))}: list the days from early to late, each once"
        )
    inner = [f"{first} to {following - timedelta(days=1)}" for first, following in pairwise(dates)]
    return Bands(tuple((one - EPOCH).days for one in dates), (f"<{dates[0]}", *inner, f"{dates[-1]}+"))


def entry_bands(cuts: Iterable[int]) -> Bands:
    """Days since the index day, by the last day of each band: ``[30, 365]`` gives 1-30, 31-365 and 366+.

    Raises:
        StudyError: no days, days that aren't whole and positive, or not ascending.
    """
    where = "split(): since_entry"
    days = _whole(cuts, where, "[30, 365]")
    if days[0] < 1:
        raise StudyError(f"{where}={list(days)}: follow-up begins on day 1: give days from 1 on")
    firsts = (1, *(day + 1 for day in days))
    labels = (_from_to(first, last) for first, last in zip(firsts, days, strict=False))
    return Bands(days, (*labels, f"{firsts[-1]}+"))


def _from_to(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _listed(cuts: object, where: str, example: str) -> Sequence[object]:
    if isinstance(cuts, str | bytes) or not isinstance(cuts, Iterable):
        raise StudyError(f"{where}={cuts!r}: give a list, such as {example}")
    listed = list(cuts)
    if not listed:
        raise StudyError(f"{where}: no cuts: give at least one, such as {example}")
    return listed


def _whole(cuts: object, where: str, example: str) -> tuple[int, ...]:
    listed = _listed(cuts, where, example)
    numbers = []
    for one in listed:
        if isinstance(one, bool) or not isinstance(one, int):
            raise StudyError(f"{where}: {one!r} is no whole number: give a list such as {example}")
        numbers.append(one)
    if any(following <= first for first, following in pairwise(numbers)):
        raise StudyError(f"{where}={numbers}: list the numbers from low to high, each once")
    return tuple(numbers)


def _date(one: object, where: str) -> date:
    if isinstance(one, date):
        return one
    try:
        return date.fromisoformat(one)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise StudyError(
            f"{where}: {one!r} is neither all years nor a day: give years, or days as '2014-07-01'"
        ) from None
