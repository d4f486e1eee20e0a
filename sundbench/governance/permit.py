"""What an approved project may use, as one TOML file: registers, columns, period, people, population.

A permit names registers and columns as the catalogue does, each one: there is no "all columns". The subject
of a register (``pnr`` and its like) needs no mention, since it becomes ``person`` in every extract; other
persons (``mor_id``) and record numbers leave only where they are named.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from sundbench.errors import PermitError, one_line
from sundbench.registers.catalogue import Catalogue, Text

PermitRole = Literal["researcher", "analyst", "reviewer", "policymaker"]
"""What a member may do within the permit."""


def _no_number(value: object) -> object:
    # To pydantic a number is seconds since 1970.
    if isinstance(value, int | float):
        raise ValueError("write a date as 2028-12-31, without quotation marks")  # noqa: TRY004 - pydantic's
    return value


Day = Annotated[date, BeforeValidator(_no_number)]
"""A date as TOML or ISO 8601 spells it."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Model):
    """One person of the project, by user name."""

    user: str = Field(pattern=r"^[a-z][a-z0-9._-]{0,63}$")
    role: PermitRole


class Period(_Model):
    """Days from ``since`` to ``until``, both in it."""

    since: Day
    until: Day

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.until < self.since:
            raise ValueError("until is before since")
        return self


class RegisterAccess(_Model):
    """What is approved of one register.

    Attributes:
        columns: by name.
        undated: rows without a date may leave too, though nobody can say whether they are of the period;
            deliveries without a register's date column (a ``bef`` without ``referencetid``) need it.
    """

    columns: tuple[str, ...] = Field(min_length=1)
    undated: StrictBool = False

    @model_validator(mode="after")
    def _named(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column is named twice")
        if any("*" in column for column in self.columns):
            raise ValueError("name each approved column: * is not a column")
        return self


class Ever(_Model):
    """Those with a code in one column of one register, at any time that the freeze holds.

    Attributes:
        source: the register (``register`` in the file).
        column: its column of codes; it need not be approved.
        prefixes: the code begins with one of these, spelled as the register spells it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: str = Field(alias="register")  # pydantic's models have a method of that name
    column: str
    prefixes: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _not_everyone(self) -> Self:
        if "" in self.prefixes:
            raise ValueError("an empty prefix would take every code")
        return self


class Rule(_Model):
    """Who is in a permit's population; exactly one of its fields is given.

    Attributes:
        everyone: all persons of the freeze.
        ever: those with a code.
        born: those whose day of birth in ``bef`` is in the period.
        resident: those in a snapshot of ``bef`` dated in the period.
        every: those whom each of these rules takes (``all`` in the file).
        some: those whom one or more of these rules takes (``any`` in the file).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    everyone: Literal[True] | None = None
    ever: Ever | None = None
    born: Period | None = None
    resident: Period | None = None
    every: tuple[Rule, ...] | None = Field(default=None, alias="all", min_length=1)
    some: tuple[Rule, ...] | None = Field(default=None, alias="any", min_length=1)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a rule is exactly one of everyone, ever, born, resident, all, any")
        return self

    def leaves(self) -> Iterator[Rule]:
        """The rules within that hold no others."""
        for rule in (*(self.every or ()), *(self.some or ())):
            yield from rule.leaves()
        if self.every is None and self.some is None:
            yield self


class Permit(_Model):
    """What one approved project may use.

    Attributes:
        id: lower case letters, digits and hyphens, 3 to 30 characters; names the permit's extracts too.
        title: in Danish and English.
        purpose: what the data may be used for.
        basis: legal basis and reference of the approval.
        members: the project's people.
        period: only rows dated in it leave the freeze.
        expires: the last day on which the permit gives an extract.
        population: whose rows leave the freeze.
        registers: approved columns by register.
        disclosure: the disclosure profile that the permit's outputs are checked under.
        note: anything else.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=3, max_length=30)
    title: Text
    purpose: str = Field(min_length=1)
    basis: str = Field(min_length=1)
    members: tuple[Member, ...] = Field(min_length=1)
    period: Period
    expires: Day
    population: Rule
    registers: Mapping[str, RegisterAccess] = Field(min_length=1)
    disclosure: str = Field(default="default", pattern=r"^[a-z][a-z0-9_-]*$")
    note: str = ""

    @model_validator(mode="after")
    def _members_once(self) -> Self:
        pairs = [(member.user, member.role) for member in self.members]
        if len(set(pairs)) < len(pairs):
            raise ValueError("a member is named twice in the same role")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over what the permit says: comments, spacing and the order of tables don't count."""
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        content["registers"] = {
            name: {**access, "columns": sorted(access["columns"])}
            for name, access in content["registers"].items()
        }
        content["members"].sort(key=lambda member: (member["user"], member["role"]))
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def scope(self) -> str:
        """A digest of the data that the permit gives: registers, columns, period and population.

        Members and dates of expiry may change under a running server or run; these may not.
        """
        content = self.model_dump(mode="json", by_alias=True, include={"registers", "period", "population"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def roles(self, user: str) -> frozenset[str]:
        """What a user may do in this permit; empty for those who are not members."""
        return frozenset(member.role for member in self.members if member.user == user)

    def columns(self, register: str, catalogue: Catalogue) -> tuple[str, ...]:
        """The columns of a register that may leave, besides ``person``, in the catalogue's order.

        A child register's date is its parent's: it comes along where it is approved for either of them.
        """
        if register not in self.registers:
            return ()
        entry = catalogue[register]
        approved = set(self.registers[register].columns)
        dated_by = catalogue.date_column(register)
        own = tuple(name for name in entry.columns if name in approved and name != entry.subject)
        if dated_by is None or dated_by in entry.columns:
            return own
        for ancestor in _ancestors(register, catalogue):
            if ancestor in self.registers:
                approved |= set(self.registers[ancestor].columns) & {dated_by}
        return (dated_by, *own) if dated_by in approved else own


def _ancestors(register: str, catalogue: Catalogue) -> Iterator[str]:
    parent = catalogue[register].parent
    while parent is not None:
        yield parent.name
        parent = catalogue[parent.name].parent


def parse(text: str, where: str) -> Permit:
    """Read a permit's text, without asking whether the catalogue knows its registers.

    Args:
        text: the TOML.
        where: its file, for messages.

    Raises:
        PermitError: not TOML, or not a permit; one line that names file and field.
    """
    try:
        content: dict[str, Any] = tomllib.loads(text)
        return Permit.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise PermitError(f"{where}: not valid TOML: {error}") from error
    except RecursionError:
        raise PermitError(f"{where}: nested too deeply: write the population in fewer levels") from None
    except ValidationError as error:
        raise PermitError(one_line(error, where)) from error


def read(path: Path, catalogue: Catalogue) -> tuple[Permit, str]:
    """Read a permit's file and check it against the catalogue.

    Returns:
        The permit and its text.

    Raises:
        PermitError: the file can't be read, isn't a permit, or names what the catalogue doesn't know.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark in front
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PermitError(f"{path}: {reason}: give a permit's TOML file") from error
    permit = parse(text, str(path))
    check(permit, catalogue, str(path))
    return permit, text


def check(permit: Permit, catalogue: Catalogue, where: str) -> None:
    """Refuse registers and columns that the catalogue doesn't know, and codes asked of what holds none.

    Raises:
        PermitError: names the first unknown one, and the nearest that is known.
    """
    for register, access in permit.registers.items():
        for column in access.columns:
            _check_column(register, column, catalogue, f"{where}: registers.{register}")
    for rule in permit.population.leaves():
        if rule.ever is not None:
            place = f"{where}: population"
            _check_column(rule.ever.source, rule.ever.column, catalogue, place)
            kind = catalogue[rule.ever.source].column(rule.ever.column).type
            if kind not in {"code", "text"}:
                raise PermitError(
                    f"{place}: {rule.ever.source}.{rule.ever.column} holds no codes but {kind}: "
                    "ever needs a column of codes"
                )


def _check_column(register: str, column: str, catalogue: Catalogue, where: str) -> None:
    entry = catalogue.resolve(register)
    if entry is None or entry.name != register:
        nearest = [entry.name] if entry else get_close_matches(register.lower(), catalogue, 1, 0.0)
        raise PermitError(f"{where}: unknown register {register}: did you mean {', '.join(nearest)}?")
    dated_by = catalogue.date_column(register)
    known = [*entry.columns, *([dated_by] if dated_by and dated_by not in entry.columns else [])]
    if column not in known:
        own = entry.resolve(column)
        nearest = [own] if own else get_close_matches(column.lower(), known, 1, 0.0)
        raise PermitError(f"{where}: register {register} has no column {column}: did you mean {nearest[0]}?")
