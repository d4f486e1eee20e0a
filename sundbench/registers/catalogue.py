"""The catalogue: what each register is, read from one TOML file a register.

Adding a register is adding ``sundbench/registers/catalogue/<register>.toml``; nothing else names it.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sundbench.errors import CatalogueError, one_line

ColumnType = Literal[
    "person", "key", "code", "text", "integer", "decimal", "money", "date", "datetime", "week", "year"
]
"""How a column is read and stored.

person: a person identifier, int32 national index in a freeze, int32 pseudonym in an extract;
key: a record or household number, text in a freeze, re-keyed int64 in an extract;
code and text: text; integer: int32; decimal: float64; money: int64 øre (1/100 krone);
date: date32; datetime: timestamp in milliseconds; week: a fee week ``yyww``, stored as the date of its
Monday; year: int32.
"""

DATED: tuple[ColumnType, ...] = ("date", "datetime", "week", "year")
"""The types that can date a row."""

Sensitivity = Literal["person", "linking", "indirect", "plain"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Model):
    """A text in Danish and English."""

    da: str
    en: str


class Coverage(_Model):
    """The first and last day that a register holds; ``until`` is None while it still runs."""

    since: date
    until: date | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until {self.until} is before since {self.since}")
        return self


class Column(_Model):
    """One column of a register.

    Attributes:
        type: how it is read and stored.
        da, en: what it holds.
        sensitivity: person, linking (record and household numbers), indirect (could single out), plain.
        aliases: the same column's names elsewhere, lower case.
        space: for keys, the name under which equal values mean the same record in every register.
        code_system: ICD-10, ICD-8, ATC, SKS, NPU, ...
        spelling: how the code system is spelled here, e.g. ``leading D``.
        missing: values, as delivered, that mean "missing".
        labels: the meaning of the codes, where they are few.
        oere: for money, how many øre one as delivered is: 1 where amounts come in øre, 100 where they come
            in kroner, 100000 where they come in thousands of kroner.
        verified: False where the name or type could not be checked against a public source.
        note: anything a user must know.
    """

    type: ColumnType
    da: str
    en: str
    sensitivity: Sensitivity = "plain"
    aliases: tuple[str, ...] = ()
    space: str | None = None
    code_system: str | None = None
    spelling: str | None = None
    missing: tuple[str, ...] = ()
    labels: Mapping[str, Text] = Field(default_factory=dict)
    oere: int = Field(default=100, ge=1)
    verified: bool = True
    note: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.type == "person") != (self.sensitivity == "person"):
            raise ValueError("a column of type person, and no other, has sensitivity person")
        if (self.type == "key") != (self.sensitivity == "linking"):
            raise ValueError("a column of type key, and no other, has sensitivity linking")
        if (self.type == "key") != (self.space is not None):
            raise ValueError("a column of type key, and no other, names its space")
        if self.oere != 100 and self.type != "money":
            raise ValueError("only a column of type money is counted in øre")
        return self


class Parent(_Model):
    """How a register without a person column finds its persons.

    Attributes:
        name: the parent register.
        on: pairs of own column and parent's column that must be equal.
        members: True where one row belongs to several persons (a family's income): each gets a copy.
        month: of the parent's rows those of this month alone, where they are dated (a family is that of the
            snapshot of December); None for all.
    """

    name: str
    on: tuple[tuple[str, str], ...] = Field(min_length=1)
    members: bool = False
    month: int | None = Field(default=None, ge=1, le=12)


class Source(_Model):
    """Where the facts of an entry come from."""

    title: str
    url: str | None = None
    licence: str | None = None


class Register(_Model):
    """One register (one table).

    Attributes:
        name: the register's own name, lower case.
        title: its title in Danish and English.
        description: what it holds.
        aliases: the same register's names elsewhere, lower case.
        coverage: the days it holds.
        subject: the person column that the row is about; None where ``parent`` finds the person.
        parent: how a child register finds its person.
        date: the column by which rows are sorted and periods cut; for a child the parent's date, which the
            freeze gives it; None for registers of undated rows.
        dates: what that date is of.
        columns: the columns by name, in the register's order.
        sources: where these facts come from.
        note: anything a user must know.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Text
    description: Text
    aliases: tuple[str, ...] = ()
    coverage: Coverage
    subject: str | None = None
    parent: Parent | None = None
    date: str | None = None
    dates: Literal["service", "fee week", "snapshot", "quarter end", "event", "year"] | None = None
    columns: Mapping[str, Column]
    sources: tuple[Source, ...] = Field(min_length=1)
    note: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.subject is None) == (self.parent is None):
            raise ValueError("a register has either a subject or a parent")
        if self.subject is not None and (
            self.subject not in self.columns or self.columns[self.subject].type != "person"
        ):
            raise ValueError(f"the subject {self.subject} is no person column")
        if self.parent is not None:
            for own, _ in self.parent.on:
                if own not in self.columns:
                    raise ValueError(f"the key {own} is no column")
        if self.date is not None and self.date not in self.columns:
            raise ValueError(f"the date {self.date} is no column")
        if self.date is not None and self.columns[self.date].type not in DATED:
            raise ValueError(f"the date {self.date} is of no type that dates a row: {', '.join(DATED)}")
        if (self.date is None) != (self.dates is None):
            raise ValueError(
                "date and dates stand together: which column dates the rows, and what it is the date of"
            )
        names = [*self.columns, *(alias for column in self.columns.values() for alias in column.aliases)]
        if len(names) != len(set(names)):
            raise ValueError("two columns share a name or an alias")
        if any(name != name.lower() for name in names):
            raise ValueError("column names and aliases are lower case")
        return self

    @property
    def other_persons(self) -> tuple[str, ...]:
        """Person columns besides the subject: mother, father, spouse."""
        return tuple(n for n, c in self.columns.items() if c.type == "person" and n != self.subject)

    @property
    def keys(self) -> tuple[str, ...]:
        """Record and household numbers."""
        return tuple(n for n, c in self.columns.items() if c.type == "key")

    def column(self, name: str) -> Column:
        """The column of that name or alias, in any case.

        Raises:
            CatalogueError: no such column; the message lists those there are.
        """
        own = self.resolve(name)
        if own is None:
            known = ", ".join(self.columns)
            raise CatalogueError(f"register {self.name} has no column {name}: it has {known}")
        return self.columns[own]

    def resolve(self, name: str) -> str | None:
        """The register's own name for a column, given its name or an alias in any case; None if unknown."""
        lower = name.strip().lower()
        if lower in self.columns:
            return lower
        return next((own for own, column in self.columns.items() if lower in column.aliases), None)


class Catalogue(Mapping[str, Register]):
    """All registers by name.

    Args:
        entries: the registers, in any order. Parents must be among them, with the columns that their
            children name, and names and aliases must be unique.

    Raises:
        CatalogueError: the entries contradict one another.
    """

    def __init__(self, entries: Mapping[str, Register]) -> None:
        self._registers = dict(sorted(entries.items()))
        names = [*self._registers, *(alias for entry in entries.values() for alias in entry.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CatalogueError(f"catalogue: two registers share the name or alias {', '.join(twice)}")
        for entry in self._registers.values():
            if entry.parent is None:
                continue
            parent = self._registers.get(entry.parent.name)
            if parent is None:
                raise CatalogueError(f"catalogue: {entry.name} has the unknown parent {entry.parent.name}")
            for own, theirs in entry.parent.on:
                if theirs not in parent.columns:
                    raise CatalogueError(
                        f"catalogue: {entry.name}'s parent {parent.name} has no column {theirs}"
                    )
                # Keys of two spaces are re-keyed apart in an extract: equal ones would no longer meet.
                mine, other = entry.columns[own], parent.columns[theirs]
                if (mine.type, mine.space) != (other.type, other.space):
                    raise CatalogueError(
                        f"catalogue: {entry.name}.{own} and {parent.name}.{theirs} must be equal,"
                        " so give them the same type and space"
                    )
            self._refuse_circle(entry)

    def _refuse_circle(self, entry: Register) -> None:
        seen = [entry.name]
        while entry.parent is not None and entry.parent.name in self._registers:
            if entry.parent.name in seen:
                raise CatalogueError(f"catalogue: {' -> '.join([*seen, entry.parent.name])} is a circle")
            entry = self._registers[entry.parent.name]
            seen.append(entry.name)

    def __getitem__(self, name: str) -> Register:
        register = self.resolve(name)
        if register is None:
            known = [
                *self._registers,
                *(alias for entry in self._registers.values() for alias in entry.aliases),
            ]
            near = get_close_matches(name.strip().lower(), known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise CatalogueError(
                f"unknown register {name}: {hint}`sundbench registers list` shows those there are"
            )
        return register

    def __iter__(self) -> Iterator[str]:
        return iter(self._registers)

    def __len__(self) -> int:
        return len(self._registers)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.resolve(name) is not None

    def resolve(self, name: str) -> Register | None:
        """The register of that name or alias, in any case; None if there is none."""
        lower = name.strip().lower()
        if lower in self._registers:
            return self._registers[lower]
        return next((entry for entry in self._registers.values() if lower in entry.aliases), None)

    def root(self, name: str) -> Register:
        """The register that holds the person: the entry itself, or its parent, or the parent's parent."""
        entry = self[name]
        while entry.parent is not None:
            entry = self[entry.parent.name]
        return entry

    def date_column(self, name: str) -> str | None:
        """The column that dates a register's rows in a freeze: its own, or the one its parent gives it."""
        entry = self[name]
        if entry.date is not None:
            return entry.date
        return self.date_column(entry.parent.name) if entry.parent is not None else None

    @property
    def digest(self) -> str:
        """SHA-256 over all entries, for manifests: the same facts, the same digest."""
        whole = "\n".join(entry.model_dump_json() for entry in self._registers.values())
        return hashlib.sha256(whole.encode()).hexdigest()


def parse(text: str, where: str) -> Register:
    """Read one entry.

    Args:
        text: the TOML.
        where: its file, for messages.

    Raises:
        CatalogueError: not TOML, or not an entry; one line that names file and field.
    """
    try:
        return Register.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{where}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise CatalogueError(one_line(error, where)) from error


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with Sundbench."""
    entries = {}
    for file in sorted(files("sundbench.registers").joinpath("catalogue").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            entry = parse(file.read_text(encoding="utf-8"), file.name)
            if file.name != f"{entry.name}.toml":
                raise CatalogueError(f"{file.name}: the entry is named {entry.name}: name the file so too")
            entries[entry.name] = entry
    return Catalogue(entries)
