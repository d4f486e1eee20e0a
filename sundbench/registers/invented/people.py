"""Invented persons: when they were born, died and were away, where they live, and whose children they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sundbench.registers.invented.planting import Enrolled
from sundbench.registers.synthetic.figures import DAYS_A_YEAR, NEVER, Days, Flags, Indices, Sexes

REGIONS = ("81", "82", "83", "84", "85")

_AGES, _SHARES = (0, 20, 40, 60, 80, 100), (0.0, 0.22, 0.47, 0.73, 0.95, 1.0)
"""Ages and the share of the population that is younger: StatBank FOLK1A, about 2020, rounded."""
_LEVEL, _SLOPE = 3e-5, 0.095
"""Gompertz mortality a year at age 0 and its growth a year: about 6 % at 80, in the range of Denmark's."""
_SURVIVAL_OF_PATIENTS = 1_100
"""Mean days that people of an arm live on after the first month."""
_LEAVE = 0.03


@dataclass(frozen=True)
class People:
    """Persons by place.

    Attributes:
        birth: day numbers.
        sex: 1 man, 2 woman.
        death: NEVER for those who live.
        gone, back: days of emigration and return; NEVER for those who stay.
        region: places in REGIONS.
        mother, father, spouse: places of other persons; -1 where unknown.
        household: numbers; families share one.
        name: pseudonyms, int32, each once.
    """

    birth: Days
    sex: Sexes
    death: Days
    gone: Days
    back: Days
    region: Indices
    mother: Indices
    father: Indices
    spouse: Indices
    household: Indices
    name: Days

    def resident(self, person: Indices, when: Days) -> Flags:
        """Whether persons are alive and in the country on days."""
        away = (self.gone[person] <= when) & (when < self.back[person])
        return (self.birth[person] <= when) & (when <= self.death[person]) & ~away

    def age(self, person: Indices, when: Days) -> Indices:
        """Whole years, about: a birthday may be a day off."""
        return np.maximum((when - self.birth[person]) / DAYS_A_YEAR, 0).astype(np.int64)


def draw(
    size: int,
    window: tuple[int, int],
    enrolled: Enrolled,
    born: tuple[int, int] | None,
    rng: np.random.Generator,
) -> People:
    """Invent persons, each alive and in the country on some day of the window.

    Args:
        size: how many.
        window: the first and last day.
        enrolled: people of the arms, adult at their entry and followed for a while.
        born: the days within which everybody is born, if that is what makes the population.
        rng: the random stream.
    """
    seen = rng.integers(window[0], window[1] + 1, size)
    age = np.interp(rng.random(size), _SHARES, _AGES)
    seen[enrolled.person], age[enrolled.person] = enrolled.entry, enrolled.age
    birth = (seen - age * DAYS_A_YEAR).astype(np.int32)
    if born is not None:
        others = np.setdiff1d(np.arange(size), enrolled.person)
        birth[others] = rng.integers(born[0], max(min(born[1], window[1]), born[0]) + 1, len(others))
        age = (seen - birth) / DAYS_A_YEAR
    age = np.maximum(age, 0)
    # The age at death given that the person is alive at that age, by the inverse of the Gompertz survival.
    more = np.log(np.exp(_SLOPE * age) + _SLOPE / _LEVEL * rng.exponential(size=size)) / _SLOPE
    ending = birth + more * DAYS_A_YEAR
    ending[enrolled.person] = (
        enrolled.entry + 30 + rng.exponential(_SURVIVAL_OF_PATIENTS, len(enrolled.entry))
    )
    death = np.where(ending > window[1], NEVER, np.maximum(ending, birth)).astype(np.int32)
    sex = rng.integers(1, 3, size).astype(np.int8)
    gone, back = _moves(window, birth, death, enrolled.person, rng)
    mother, father, spouse = _families(birth, sex, rng)
    household = np.arange(size)
    household = np.where(spouse >= 0, np.minimum(household, spouse), household)
    child = (window[1] - birth < 20 * DAYS_A_YEAR) & (mother >= 0)
    household = np.where(child, household[np.maximum(mother, 0)], household)
    return People(
        birth=birth,
        sex=sex,
        death=death,
        gone=gone,
        back=back,
        region=rng.choice(len(REGIONS), size, p=[0.10, 0.23, 0.21, 0.32, 0.14]),
        mother=mother,
        father=father,
        spouse=spouse,
        household=household + 1,
        name=_pseudonyms(size, rng),
    )


def _moves(
    window: tuple[int, int], birth: Days, death: Days, stay: Indices, rng: np.random.Generator
) -> tuple[Days, Days]:
    """Few leave, and most of them come back; who is in an arm stays."""
    size, low = len(birth), np.maximum(birth, window[0]) + 366
    span = np.minimum(death, window[1]) - low
    leaves = (rng.random(size) < _LEAVE) & (span > 366)
    leaves[stay] = False
    gone = low + np.floor(rng.random(size) * np.maximum(span, 0))
    back = gone + rng.integers(100, 900, size)
    stays_away = (rng.random(size) < 0.3) | (back > np.minimum(death, window[1]))
    # Who doesn't come back isn't known to have died either.
    gone = np.where(leaves & ~(stays_away & (death < NEVER)), gone, NEVER)
    back = np.where((gone < NEVER) & ~stays_away, back, NEVER)
    return gone.astype(np.int32), back.astype(np.int32)


def _families(birth: Days, sex: Sexes, rng: np.random.Generator) -> tuple[Indices, Indices, Indices]:
    """Parents of the fitting age, where there are any, and couples of about one age."""
    size = len(birth)
    women, men = (np.flatnonzero(sex == code) for code in (2, 1))
    women, men = (group[np.argsort(birth[group], kind="stable")] for group in (women, men))
    parents = []
    for group, ages in ((women, (20, 40)), (men, (22, 45))):
        found = np.full(size, -1, dtype=np.int64)
        if len(group):
            sought = birth - rng.uniform(*ages, size) * DAYS_A_YEAR
            near = group[np.minimum(np.searchsorted(birth[group], sought), len(group) - 1)]
            older = (birth - birth[near]) / DAYS_A_YEAR
            found = np.where((older >= ages[0] - 4) & (older <= ages[1] + 5), near, -1)
        parents.append(found)
    spouse = np.full(size, -1, dtype=np.int64)
    couples = min(len(women), len(men))
    wife, husband = women[:couples], men[:couples]
    # Neighbours in age, half of them, never with their own child or parent.
    fits = (rng.random(couples) < 0.5) & (np.abs(birth[wife] - birth[husband]) < 12 * DAYS_A_YEAR)
    fits &= birth[wife] < np.quantile(birth, 0.75) if size else fits
    spouse[wife[fits]], spouse[husband[fits]] = husband[fits], wife[fits]
    return parents[0], parents[1], spouse


def _pseudonyms(size: int, rng: np.random.Generator) -> Days:
    """Numbers like an extract's: over the whole int32, in no order, each once."""
    names = np.empty(0, dtype=np.int64)
    while len(names) < size:
        names = np.unique(np.concatenate([names, rng.integers(1, 2**31, size)]))
    return rng.permutation(names)[:size].astype(np.int32)
