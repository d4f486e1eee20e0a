"""The rows of each register: whose, when, under which parent, with which record numbers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from sundbench.registers.catalogue import Catalogue, Register
from sundbench.registers.invented.people import People
from sundbench.registers.invented.planting import Seeds
from sundbench.registers.invented.values import LEADING, Drawing, Rows, rules
from sundbench.registers.synthetic.figures import DAYS_A_YEAR, NEVER, Days, Indices, year_of, year_start

_SCHOOL = 15


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


class Registers:
    """Invented registers, each drawn when it is first asked for.

    Args:
        people: the persons.
        window: the first and last day that rows may have.
        catalogue: what the registers are.
        seed: the same arguments give the same rows, whichever registers are asked for and in which order.
        seeds: rows that must be there.
        avoid: codes that nobody has by chance, since they make an arm.
    """

    def __init__(
        self,
        people: People,
        window: tuple[int, int],
        catalogue: Catalogue,
        seed: Sequence[int],
        *,
        seeds: Sequence[Seeds] = (),
        avoid: frozenset[str] = frozenset(),
    ) -> None:
        self._people = people
        self._window = window
        self._seeds = list(seeds)
        self._catalogue = catalogue
        self._seed = tuple(seed)
        self._drawing = Drawing(people, [dict(one.values) for one in seeds], avoid)
        self._rows: dict[str, Rows] = {}

    def table(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """A register in an extract's types and order: ``person``, the date, the other columns.

        Args:
            name: the register.
            columns: of its own, or the date that its parent gives it.
        """
        rows = self._of(name)
        dated = self._catalogue.date_column(name)
        drawn = self._columns(name, columns)
        frame = {"person": pl.Series(self._people.name[rows.person])}
        frame |= {column: drawn[column] for column in sorted(columns, key=lambda column: column != dated)}
        return pl.DataFrame(frame).sort(list(frame))

    def window(self, name: str) -> tuple[int, int] | None:
        """The first and last day on which a register can have rows; None if there are none."""
        covered = self._catalogue[name].coverage
        low = max(day_number(covered.since), self._window[0])
        high = min(day_number(covered.until) if covered.until else NEVER, self._window[1])
        return (low, high) if low <= high else None

    def _stream(self, name: str, part: str) -> np.random.Generator:
        return np.random.default_rng([*self._seed, zlib.crc32(f"{name} {part}".encode())])

    def _columns(self, name: str, wanted: Sequence[str]) -> dict[str, pl.Series]:
        """Columns, the codes first that others follow from; a child has its parent's date too."""
        register, rows = self._catalogue[name], self._of(name)
        leading = [name for name, one in register.columns.items() if one.code_system in LEADING]
        order = [*leading, *(one for one in wanted if one in register.columns and one not in leading)]
        columns = {
            column: self._drawing.column(register, column, rows, self._stream(name, column))
            for column in order
        }
        if register.parent is not None and register.parent.members:
            first = self._first_of_family(rows)
            columns = {column: drawn.gather(first) for column, drawn in columns.items()}
        dated = self._catalogue.date_column(name)
        if dated is not None and dated in wanted and dated not in columns:
            owner = self._catalogue[name]
            while dated not in owner.columns and owner.parent is not None:
                owner = self._catalogue[owner.parent.name]
            columns[dated] = self._drawing.column(owner, dated, rows, self._stream(owner.name, dated))
        return columns

    def _first_of_family(self, rows: Rows) -> Indices:
        """For each row the first row of the same family and day: what is the family's is the same for all."""
        both = np.stack([self._people.household[rows.person], rows.day.astype(np.int64)], axis=1)
        _, first, place = np.unique(both, axis=0, return_index=True, return_inverse=True)
        return first[place.reshape(-1)]

    def _of(self, name: str) -> Rows:
        if name not in self._rows:
            self._rows[name] = self._drawn(self._catalogue[name])
        return self._rows[name]

    def _drawn(self, register: Register) -> Rows:
        rng = self._stream(register.name, "rows")
        beside = rules()["rows"]["beside"].get(register.name)
        if register.parent is not None and not register.parent.members:
            rows = self._under(register, register.parent.name, rng)
        elif register.parent is not None:
            rows = self._of_members(register.parent.name)
        elif beside is not None and beside in self._catalogue:
            rows = self._under(register, beside, rng)
        else:
            rows = self._with_planted(register, self._own(register, rng), rng)
        return self._keyed(register, self._within(register, rows), rng)

    def _own(self, register: Register, rng: np.random.Generator) -> tuple[Indices, Days]:
        window = self.window(register.name)
        if window is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        once, people = rules()["rows"]["once"], self._people
        everybody = np.arange(len(people.birth))
        if register.name in once["death"]:
            dead = np.flatnonzero(people.death < NEVER)
            return dead, people.death[dead]
        if register.name in once["moves"]:
            left, returned = np.flatnonzero(people.gone < NEVER), np.flatnonzero(people.back < NEVER)
            return np.r_[left, returned], np.r_[people.gone[left], people.back[returned]]
        if register.dates in {"snapshot", "quarter end", "year"}:
            return self._yearly(register, window)
        low = np.maximum(window[0], people.birth).astype(np.int64)
        span = np.maximum(np.minimum(window[1], people.death) - low + 1, 0)
        rate = rules()["rows"]["a_year"].get(register.name, rules()["rows"]["default"])
        rate = min(rate, rules()["rows"]["most"] / max((window[1] - window[0]) / DAYS_A_YEAR, 1))
        person = np.repeat(everybody, rng.poisson(rate * span / DAYS_A_YEAR))
        day = low[person] + np.floor(rng.random(len(person)) * span[person]).astype(np.int64)
        here = self._people.resident(person, day.astype(np.int32))
        return person[here], day[here].astype(np.int32)

    def _yearly(self, register: Register, window: tuple[int, int]) -> tuple[Indices, Days]:
        """A row a person and year, on 31 December; of registers by year from school age on."""
        persons, days = [], []
        everybody = np.arange(len(self._people.birth))
        first, last = year_of(np.array(window))
        for year in range(int(first), int(last) + 1):
            when = day_number(date(year, 12, 31))
            if not window[0] <= when <= window[1]:
                continue
            here = everybody[self._people.resident(everybody, np.full(len(everybody), when, dtype=np.int32))]
            if register.dates == "year":
                here = here[self._people.age(here, np.full(len(here), when, dtype=np.int32)) >= _SCHOOL]
            persons.append(here)
            days.append(np.full(len(here), when, dtype=np.int32))
        if not persons:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        return np.concatenate(persons), np.concatenate(days)

    def _with_planted(self, register: Register, own: tuple[Indices, Days], rng: np.random.Generator) -> Rows:
        """The register's own rows, and those planted in it and in what hangs on it."""
        person, day = [own[0]], [own[1]]
        tag = [np.full(len(own[0]), -1, dtype=np.int64)]
        hanging = self._hanging(register.name)
        for number, seeds in enumerate(self._seeds):
            if seeds.register in hanging:
                person.append(seeds.person)
                day.append(seeds.day)
                tag.append(np.full(len(seeds.person), number, dtype=np.int64))
        who = np.concatenate(person)
        return Rows(who, np.concatenate(day), np.concatenate(tag), rng.integers(7, 19, len(who)))

    def _hanging(self, name: str) -> set[str]:
        """The register, its children and those beside it."""
        names = {name}
        while True:
            more = {
                one.name
                for one in self._catalogue.values()
                if (one.parent is not None and one.parent.name in names)
                or rules()["rows"]["beside"].get(one.name) in names
            }
            if more <= names:
                return names
            names |= more

    def _under(self, register: Register, above: str, rng: np.random.Generator) -> Rows:
        """Rows for those of another register: what is planted here once each, and others by chance."""
        parent = self._of(above)
        hanging = self._hanging(register.name)
        mine = np.array([seeds.register in hanging for seeds in self._seeds] or [False])
        planted = (parent.tag >= 0) & mine[parent.tag]
        table = rules()["rows"]
        if register.parent is None:
            count = np.ones(len(parent), dtype=np.int64)
        else:
            mean = table["of_parent"].get(register.name, table["of_parent"]["default"])
            least = int(mean >= 1)
            count = least + rng.poisson(mean - least, len(parent))
        places = np.concatenate([np.flatnonzero(planted), np.repeat(np.arange(len(parent)), count)])
        rows = parent.take(places)
        rows.tag[int(planted.sum()) :] = -1
        links = self._links(register, above)
        rows.keys = {own: parent.keys[theirs].gather(places) for own, theirs in links.items()}
        return rows

    def _links(self, register: Register, above: str) -> dict[str, str]:
        """Own key columns and those above that hold the same number."""
        other = self._catalogue[above]
        own = dict(register.parent.on) if register.parent is not None else {}
        for name in register.keys:
            same = [one for one in other.keys if other.columns[one].space == register.columns[name].space]
            if same:
                own.setdefault(name, same[0])
        return {mine: theirs for mine, theirs in own.items() if theirs in other.keys}

    def _of_members(self, above: str) -> Rows:
        """A family's row for each of its members: its values depend on the family, as they should."""
        parent = self._of(above)
        return Rows(parent.person, parent.day, np.full(len(parent), -1, dtype=np.int64), parent.hour)

    def _within(self, register: Register, rows: Rows) -> Rows:
        """Rows in the register's coverage alone; a fee week's are dated by a Monday within it."""
        window = self.window(register.name)
        if window is None:
            return rows.take(np.empty(0, dtype=np.int64))
        if register.dates == "fee week":
            low = np.maximum(window[0], self._people.birth[rows.person])
            monday = rows.day - (rows.day - 4) % 7
            rows.day = np.where(monday < low, monday + 7, monday).astype(np.int32)
        within = (rows.day >= window[0]) & (
            rows.day <= np.minimum(window[1], self._people.death[rows.person])
        )
        if register.dates == "year":  # a year's row tells of all its days
            within &= year_start(year_of(rows.day)) >= window[0]
        return rows.take(np.flatnonzero(within))

    def _keyed(self, register: Register, rows: Rows, rng: np.random.Generator) -> Rows:
        """Record numbers for what hangs on these rows."""
        for name in register.keys:
            if name not in rows.keys and name not in rules()["roles"]["household"]:
                rows.keys[name] = pl.Series(rng.integers(1, 2**62, len(rows)), dtype=pl.Int64)
        return rows
