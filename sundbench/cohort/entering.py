"""Who enters a cohort, and on which day: the population's rule over one bucket's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.language import Language, day, said
from sundbench.cohort.population import NewUsers
from sundbench.cohort.sources import selects
from sundbench.cohort.study import Study

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int32]
Dates = npt.NDArray[np.datetime64]

Counts = tuple[int, ...]
"""Persons in all, then in each arm."""


@dataclass(frozen=True)
class Entered:
    """Who entered.

    Attributes:
        frame: ``row`` (uint32, from 0), ``person``, ``drug`` (uint8, place in the listing), ``index`` (date),
            sorted by person.
        steps: the persons left after each step of the population's rule.
    """

    frame: pl.DataFrame
    steps: tuple[Counts, ...]


def step_names(study: Study, language: Language = "en") -> tuple[str, ...]:
    """The steps of the population's rule, in words."""
    population = study.population
    first, last = day(language, study.first_day), day(language, study.last_day)
    names = [
        said(language, "any of the drugs", "et af lægemidlerne")
        if len(population.drugs) > 1
        else said(language, "the drug", "lægemidlet"),
        said(language, f"from {first} to {last}", f"fra {first} til {last}"),
        said(
            language,
            f"nothing of the washout in the {population.washout_days} days before",
            f"intet af udvaskningen i de {population.washout_days} dage forinden",
        ),
    ]
    if _drops_same_day(population):
        names.append(
            said(language, "one drug alone on the index day", "kun ét af lægemidlerne på indeksdatoen")
        )
    return tuple(names)


def enter(study: Study, rows: Mapping[str, pl.DataFrame]) -> Entered:
    """Apply the population's rule.

    Args:
        study: the protocol.
        rows: of each view that the population reads, the rows of its events.
    """
    population = study.population
    days = _days(population, rows)
    kept: Booleans = np.any(days.drugs, axis=1)
    steps = [days.count(kept)]
    first_day, last_day = np.datetime64(study.first_day), np.datetime64(study.last_day)
    kept &= (days.date >= first_day) & (days.date <= last_day)
    steps.append(days.count(kept))
    kept &= days.free_for(population.washout_days)
    kept = days.first_of_each(kept)
    steps.append(days.count(kept))
    if _drops_same_day(population):
        kept &= days.drugs.sum(axis=1) == 1
        steps.append(days.count(kept))
    frame = pl.DataFrame(
        {
            "person": days.person[kept],
            "drug": days.drugs[kept].argmax(axis=1).astype(np.uint8),
            "index": days.date[kept].astype("datetime64[D]"),
        },
        schema_overrides={"person": pl.Int32},
    )
    return Entered(frame.with_row_index("row"), tuple(steps))


@dataclass(frozen=True)
class _Days:
    """Days on which persons get a drug or something of the washout, each once, by person and date.

    Few rows of each bucket are of a study's drugs: NumPy has no start-up to pay on them.

    Attributes:
        person, date: whose day it is.
        drugs: (days, drugs), whether the person gets that drug.
        washout: whether it is a day of the washout.
    """

    person: Integers
    date: Dates
    drugs: Booleans
    washout: Booleans

    def free_for(self, length: int) -> Booleans:
        """Whether [day - length, day - 1] holds no day of the washout."""
        places = np.arange(len(self.person))
        last = np.maximum.accumulate(np.where(self.washout, places, -1))
        before = np.concatenate([[-1], last[:-1]])[: len(places)]
        same = (before >= 0) & (self.person[before] == self.person)
        gap = (self.date - self.date[before]).astype(np.int64)
        free: Booleans = ~same | (gap > length)
        return free

    def first_of_each(self, kept: Booleans) -> Booleans:
        """Of the days that are kept, each person's first."""
        places = np.flatnonzero(kept)
        new = np.ones(len(places), dtype=bool)
        new[1:] = self.person[places[1:]] != self.person[places[:-1]]
        first = np.zeros(len(kept), dtype=bool)
        first[places[new]] = True
        return first

    def count(self, kept: Booleans) -> Counts:
        """Persons with a day that is kept: in all, then by drug."""
        by_drug = (kept & self.drugs[:, arm] for arm in range(self.drugs.shape[1]))
        return tuple(int(self.first_of_each(days).sum()) for days in (kept, *by_drug))


def _days(population: NewUsers, rows: Mapping[str, pl.DataFrame]) -> _Days:
    events = [*population.events, population.washout]
    names = [f"event_{n}" for n in range(len(events))]
    marked = []
    for view in dict.fromkeys(part.view for event in events for part in event.parts):
        chosen = [_any([selects(part) for part in event.parts if part.view == view]) for event in events]
        marked.append(
            rows[view]
            .lazy()
            .select("person", "date", *(one.alias(name) for name, one in zip(names, chosen, strict=True)))
            .filter(pl.any_horizontal(names))
        )
    found = pl.concat(marked).sort("person", "date").collect()
    person, date = found["person"].to_numpy(), found["date"].to_numpy()
    flags = found.select(names).to_numpy().astype(bool)
    if not len(person):
        return _Days(person, date, flags[:, :-1], flags[:, -1])
    starts = np.flatnonzero(np.r_[True, (person[1:] != person[:-1]) | (date[1:] != date[:-1])])
    flags = np.logical_or.reduceat(flags, starts, axis=0)
    return _Days(person[starts], date[starts], flags[:, :-1], flags[:, -1])


def _any(conditions: Sequence[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(conditions) if conditions else pl.lit(value=False)


def count(frame: pl.DataFrame, arms: int) -> Counts:
    """Persons of a frame with one row per person: in all, then by drug."""
    by_drug = np.bincount(frame["drug"].to_numpy(), minlength=arms)
    return (frame.height, *(int(n) for n in by_drug))


def _drops_same_day(population: NewUsers) -> bool:
    return population.same_day == "drop" and len(population.drugs) > 1


def names_of(arms: Sequence[str]) -> pl.Enum:
    """The type of the column ``drug``: the drugs in the order of listing."""
    return pl.Enum(list(arms))
