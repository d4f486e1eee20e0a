"""Person-years, and the hospital contacts of a chunk before they are written as LPR2 or LPR3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sundbench.registers.synthetic.figures import DAYS_A_YEAR, Days, Floats, Indices, Values, year_start
from sundbench.registers.synthetic.lives import Lives
from sundbench.registers.synthetic.plan import Plan

KINDS = {"inpatient": 0, "outpatient": 1, "emergency": 2}


@dataclass(frozen=True)
class PersonYears:
    """Calendar years of residence: one element a person and year with at least one day.

    Attributes:
        person: place in the chunk.
        year: calendar year.
        begin: first day.
        days: how many days, up to death or the end of ordinary care.
        age: age in years at the middle.
    """

    person: Indices
    year: Indices
    begin: Days
    days: Indices
    age: Floats


def person_years(plan: Plan, lives: Lives, quiet: Days) -> PersonYears:
    """Years of residence, cut at ``quiet``: from that day on another part writes a person's events."""
    years = np.array(plan.years)
    begins = year_start(np.append(years, years[-1] + 1))
    first = np.maximum(begins[:-1], lives.persons.entry[:, None])
    last = np.minimum(begins[1:] - 1, np.minimum(lives.death, quiet - 1)[:, None])
    # A year with a move abroad ends, or begins, with it.
    out, back = lives.out[:, None], lives.back[:, None]
    leaving = (out > first) & (out <= last)
    last = np.where(leaving, out - 1, last)
    abroad = (first >= out) & (first < back)
    first = np.where(abroad & (back <= last), back, first)
    gone = abroad & (back > last)
    days = np.where(gone, 0, last - first + 1)
    person, column = np.nonzero(days > 0)
    begin = first[person, column].astype(np.int32)
    length = days[person, column].astype(np.int64)
    age = (begin + length / 2 - lives.persons.birth[person]) / DAYS_A_YEAR
    return PersonYears(person, years[column], begin, length, np.asarray(age))


def scatter(years: PersonYears, rate: Floats, rng: np.random.Generator) -> tuple[Indices, Indices, Days]:
    """Events at ``rate`` a person-year: rows of ``years``, places in the chunk, and days."""
    count = rng.poisson(rate * years.days / DAYS_A_YEAR)
    row = np.repeat(np.arange(len(count)), count)
    when = years.begin[row] + np.floor(rng.random(len(row)) * years.days[row]).astype(np.int32)
    return row, years.person[row], when.astype(np.int32)


@dataclass
class Contacts:
    """Hospital contacts of a chunk, gathered part by part.

    Attributes:
        names: every code in use (diagnoses, procedures), in the order of their numbers.
    """

    names: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _parts: list[dict[str, Any]] = field(default_factory=list)

    def code(self, name: str) -> int:
        """The number of a code."""
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self._numbers[name]

    def codes(self, names: list[str]) -> Indices:
        """The numbers of codes."""
        return np.array([self.code(name) for name in names], dtype=np.int64)

    def add(
        self,
        person: Indices,
        when: Days,
        *,
        kind: str,
        diagnosis: Values,
        tariff: Values,
        drg: Values,
        specialty: Values,
        stay: Values = 0,
        visits: Values = 1,
        procedure: Values = -1,
        psychiatric: Values = False,
        own: bool = False,
    ) -> None:
        """Add contacts.

        Args:
            person: places in the chunk.
            when: first days.
            kind: inpatient, outpatient or emergency.
            diagnosis: number of the action diagnosis.
            tariff: kroner, of the whole contact, or of each visit of an outpatient course.
            drg: group code.
            specialty: the chapter of ICD-10 (a letter) that the department treats.
            stay: days from admission to discharge.
            visits: visits of an outpatient course, about three weeks apart.
            procedure: number of the procedure code, or -1.
            psychiatric: whether a psychiatric department has the contact.
            own: whether the contact stands as it is: no chance procedures, migration or companions.
        """
        values: dict[str, Any] = {
            "person": person,
            "when": when,
            "kind": KINDS[kind],
            "diagnosis": diagnosis,
            "tariff": tariff,
            "drg": drg,
            "specialty": specialty,
            "stay": stay,
            "visits": visits,
            "procedure": procedure,
            "psychiatric": psychiatric,
            "own": own,
        }
        size = len(person)
        if size:
            self._parts.append({name: np.broadcast_to(value, size) for name, value in values.items()})

    def table(self) -> dict[str, np.ndarray[Any, Any]]:
        """All contacts, one array a column, in the order in which they were added."""
        return {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
