"""Rows that must be there: what a study needs so that each of its arms has people.

A study declares them in its ``study.toml``, in the registers' own names, so that this knows no study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sundbench.registers.catalogue import Catalogue
from sundbench.registers.synthetic.figures import Days, Indices


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlantedRow(_Model):
    """A row, or a series of them, that a person of an arm has.

    Attributes:
        source: the register (``register`` in the file).
        values: what some of its columns hold, as text (money in øre); the others are drawn.
        days: the first row comes on a day drawn from these, counted from the person's entry: before it where
            negative, on it by default.
        every: days between the rows of a series.
        times: how many rows the series has, while the person lives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: str = Field(alias="register")
    values: Mapping[str, str] = Field(default_factory=dict)
    days: tuple[int, int] = (0, 0)
    every: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)


class Entry(_Model):
    """The days in which people enter."""

    since: date
    until: date

    @model_validator(mode="after")
    def _ordered(self) -> Entry:
        if self.until < self.since:
            raise ValueError("until is before since")
        return self


class Planted(_Model):
    """What invented data must hold for one study.

    Attributes:
        entry: when people enter its arms.
        ages: their age then, from and to.
        persons: how many each arm gets.
        both: rows that everybody in an arm has.
        arms: the rows of each arm.
    """

    entry: Entry
    ages: tuple[int, int] = (40, 85)
    persons: int = Field(default=150, ge=1)
    both: tuple[PlantedRow, ...] = ()
    arms: Mapping[str, tuple[PlantedRow, ...]] = Field(min_length=1)

    def rows(self) -> Iterator[PlantedRow]:
        """All rows that are planted."""
        yield from self.both
        for rows in self.arms.values():
            yield from rows

    def unknown(self, catalogue: Catalogue) -> str | None:
        """The first register or column that the catalogue doesn't know; None if it knows them all."""
        for row in self.rows():
            register = catalogue.resolve(row.source)
            if register is None or register.name != row.source:
                return row.source
            for column in row.values:
                if column not in register.columns:
                    return f"{row.source}.{column}"
        return None


def codes_of_arms(studies: Iterable[Planted], catalogue: Catalogue) -> frozenset[str]:
    """The codes that put a person in an arm: nobody else may have them by chance."""
    return frozenset(
        value
        for study in studies
        for rows in study.arms.values()
        for row in rows
        for column, value in row.values.items()
        if catalogue[row.source].columns[column].code_system is not None
    )


@dataclass(frozen=True)
class Seeds:
    """Planted rows of one kind: whose, when, and what they hold.

    Attributes:
        register: where they are.
        person: places of the persons.
        day: day numbers.
        values: columns by name, each one text for every row.
    """

    register: str
    person: Indices
    day: Days
    values: Mapping[str, str]


@dataclass(frozen=True)
class Enrolled:
    """The people of the arms.

    Attributes:
        person: their places.
        entry: the day on which each enters.
        age: in years, then.
    """

    person: Indices
    entry: Days
    age: np.ndarray


def enrol(
    studies: list[Planted], window: tuple[int, int], rng: np.random.Generator
) -> tuple[Enrolled, list[tuple[PlantedRow, Indices, Days]]]:
    """Give the first persons to the arms, each to one.

    Args:
        studies: what each study needs.
        window: the first and last day that any row may have.
        rng: the random stream.

    Returns:
        The people, and for each planted kind of row its persons with their days of entry.
    """
    persons: list[Indices] = []
    entries: list[Days] = []
    ages: list[np.ndarray] = []
    planted: list[tuple[PlantedRow, Indices, Days]] = []
    taken = 0
    for study in studies:
        low = max((study.entry.since - date(1970, 1, 1)).days, window[0])
        high = min((study.entry.until - date(1970, 1, 1)).days, window[1])
        if high < low:  # the permit's period has no day on which anybody could enter
            continue
        for rows in study.arms.values():
            who = taken + np.arange(study.persons)
            taken += study.persons
            entry = rng.integers(low, high + 1, len(who)).astype(np.int32)
            persons.append(who)
            entries.append(entry)
            ages.append(rng.uniform(study.ages[0] + 1, study.ages[1], len(who)))
            planted += [(row, who, entry) for row in (*study.both, *rows)]
    if not persons:
        nobody = np.empty(0, dtype=np.int64)
        return Enrolled(nobody, nobody.astype(np.int32), nobody.astype(np.float64)), []
    return Enrolled(np.concatenate(persons), np.concatenate(entries), np.concatenate(ages)), planted


def sow(
    planted: list[tuple[PlantedRow, Indices, Days]], death: Days, rng: np.random.Generator
) -> list[Seeds]:
    """The rows of the arms' people, as long as they live."""
    seeds = []
    for row, who, entry in planted:
        first = entry + rng.integers(row.days[0], row.days[1] + 1, len(who))
        number = np.tile(np.arange(row.times), len(who))
        person = np.repeat(who, row.times)
        day = (np.repeat(first, row.times) + number * row.every).astype(np.int32)
        alive = day <= death[person]
        seeds.append(Seeds(row.source, person[alive], day[alive], row.values))
    return seeds
