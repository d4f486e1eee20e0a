"""Who the persons are: birth, sex, how they enter the registers, and their person numbers.

Person numbers are fictive by construction: the day of birth + 60, so that none is a regular number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sundbench.errors import SundbenchError
from sundbench.registers.synthetic.figures import (
    Days,
    Flags,
    Floats,
    Indices,
    Sexes,
    figures,
    year_of,
    year_start,
)
from sundbench.registers.synthetic.plan import Plan, over_years, shares

PRESENT, BORN, CAME = 0, 1, 2

_DAYS = 180 * 366
_FIRST_DAY = -45_000  # 1846, older than anybody here


@dataclass(frozen=True)
class Persons:
    """The persons of one chunk, one element a person.

    Attributes:
        kind: PRESENT at the start, BORN or CAME (immigrated) later.
        birth: day of birth.
        sex: 1 man, 2 woman.
        entry: the first day as a resident within the years (the start for those present).
        twin: the place of the person's first-born twin, or -1.
        renumbered: whether the person gets a new number one day.
    """

    kind: Sexes
    birth: Days
    sex: Sexes
    entry: Days
    twin: Indices
    renumbered: Flags


def draw(plan: Plan, chunk: int) -> Persons:
    """Draw the persons of one chunk."""
    figure = figures("population")
    rng = plan.stream(chunk, "persons")
    size = plan.size(chunk)
    present, born, _ = shares(plan)
    n_present = max(1, round(size * present))
    n_born = min(size - n_present, round(size * born))
    n_came = size - n_present - n_born
    kind = np.repeat(np.array([PRESENT, BORN, CAME], dtype=np.int8), [n_present, n_born, n_came])

    ages, women = _present_ages(plan, n_present, rng)
    birth = np.empty(size, dtype=np.int32)
    birth[:n_present] = plan.start - 1 - np.floor(ages * 365.25)
    if chunk % 20 == 0 and n_present > 1:  # a very old woman, who turns 105 in the first year
        birth[0], women[0] = plan.start - 105 * 365 - 20, True

    calendar = np.array(plan.years)
    births = over_years(figure["births"], plan.years)
    birth_year = rng.choice(calendar, n_born, p=births / births.sum())
    born_at = year_start(birth_year) + rng.integers(0, 365, n_born)
    came = over_years(figure["immigration"], plan.years)
    came_year = rng.choice(calendar, n_came, p=came / came.sum())
    came_at = year_start(came_year) + rng.integers(0, 365, n_came)
    birth[n_present : n_present + n_born] = born_at
    birth[n_present + n_born :] = came_at - 1 - np.floor(_came_ages(n_came, rng) * 365.25)

    sex = np.ones(size, dtype=np.int8)
    sex[:n_present] += women
    sex[n_present:] += rng.random(size - n_present) < 0.488
    entry = np.full(size, plan.start, dtype=np.int32)
    entry[n_present : n_present + n_born] = born_at
    entry[n_present + n_born :] = came_at

    twin = np.full(size, -1, dtype=np.int64)
    pairs = min(n_born // 2, max(1, round(n_born * figure["births"]["twin_births"])))
    first = n_present + np.arange(pairs) * 2
    twin[first + 1] = first
    birth[first + 1] = birth[first]
    entry[first + 1] = entry[first]
    renumbered = rng.random(size) < figure["person_numbers"]["changed_share"]
    if size > 40:
        renumbered[7] = True
    return Persons(kind, birth, sex, entry, twin, renumbered)


def _present_ages(plan: Plan, count: int, rng: np.random.Generator) -> tuple[Floats, Flags]:
    pyramid = figures("population")["pyramid"]
    bands = np.array([*pyramid["bands"], 106])
    tables = np.array([pyramid[f"thousands_{year}"] for year in (1995, 2010, 2025)])
    weights = np.array([np.interp(plan.first, (1995, 2010, 2025), column) for column in tables.T])
    band = rng.choice(len(weights), count, p=weights / weights.sum())
    # Within the oldest band ages thin out quickly.
    within = np.where(band == len(weights) - 1, rng.random(count) ** 3, rng.random(count))
    ages = bands[band] + within * np.diff(bands)[band]
    return ages, rng.random(count) < np.array(pyramid["women_share"])[band]


def _came_ages(count: int, rng: np.random.Generator) -> Floats:
    table = figures("population")["immigration"]
    bands, weights = np.array(table["age_bands"]), np.array(table["age_weights"])
    band = rng.choice(len(weights), count, p=weights / weights.sum())
    return np.asarray(bands[band] + rng.random(count) * np.diff(bands)[band], dtype=np.float64)


class Numbering:
    """Deals out serial numbers so that no two persons of the whole synthesis share a person number.

    It runs once, over the chunks in order, and keeps only a count per day of birth and sex.
    """

    def __init__(self) -> None:
        self._used = np.zeros((_DAYS, 2), dtype=np.int32)

    def deal(self, persons: Persons) -> Days:
        """Ranks among those of the same day of birth and sex: first numbers, then those of the renumbered."""
        birth = np.concatenate([persons.birth, persons.birth[persons.renumbered]])
        odd = np.concatenate([persons.sex, persons.sex[persons.renumbered]]) - 1
        key = (birth - _FIRST_DAY) * 2 + odd
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        new = np.r_[True, ordered[1:] != ordered[:-1]]
        begins = np.flatnonzero(new)
        within = np.arange(len(key)) - np.repeat(begins, np.diff(np.r_[begins, len(key)]))
        used = self._used.ravel()
        rank = np.empty(len(key), dtype=np.int32)
        rank[order] = within + used[ordered]
        np.add.at(used, key, 1)
        return rank


def person_numbers(persons: Persons, rank: Days) -> pl.Series:
    """The person numbers: one a person, then the new ones of the renumbered.

    The seventh digit and the year give the century, as the rules of CPR say (0-3: 1900-1999; 4 and 9:
    1937-1999 and 2000-2036; 5-8: 1858-1899 and 2000-2057), the last digit is odd for men, and the day is
    day + 60.

    Raises:
        SundbenchError: more persons are born on one day than there are numbers for.
    """
    birth = np.concatenate([persons.birth, persons.birth[persons.renumbered]])
    woman = (np.concatenate([persons.sex, persons.sex[persons.renumbered]]) - 1).astype(np.int64)
    year = year_of(birth)
    firsts = np.where(year < 1900, 5, np.where(year < 2000, 0, 4))
    capacity = np.where(year < 1900, 4, np.where(year < 2000, 4, 6)) * 500
    if (rank >= capacity).any():
        raise SundbenchError("synthesize: too many persons are born on one day: ask for fewer persons")
    # A fixed stride, coprime to every capacity, spreads the serials over the day's range.
    place = (rank.astype(np.int64) * 733 + birth.astype(np.int64) * 97) % capacity
    serial = firsts * 1000 + place * 2 + (1 - woman)
    dates = birth.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    in_month = (dates - month).astype(np.int64) + 61
    number = (
        in_month * 100_000_000
        + (month.astype(np.int64) % 12 + 1) * 1_000_000
        + (year % 100).astype(np.int64) * 10_000
        + serial
    )
    return pl.Series("pnr", number).cast(pl.String).str.zfill(10)
