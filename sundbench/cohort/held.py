"""What an event needs of an extract: refused here, by name, before anything is read."""

from __future__ import annotations

from collections.abc import Iterable

from sundbench.cohort.database import Database
from sundbench.cohort.events.conditions import codes, conditions
from sundbench.cohort.events.event import Event
from sundbench.cohort.events.onsets import OnsetOf
from sundbench.cohort.sources import SOURCES
from sundbench.errors import StudyError


def registers(db: Database, event: Event, place: str, values: Iterable[str] = ()) -> list[str]:
    """The registers to read for an event, with all columns that it needs.

    Args:
        db: the extract.
        event: no union.
        place: where the protocol names it.
        values: the values of it that are summed or taken, and ``code`` where its codes are told apart.

    Raises:
        StudyError: the extract lacks a register or column; names it, and the place.
    """
    if isinstance(event, OnsetOf):
        return list(event.phenotype.registers(db, f"study, {place}: "))
    source, where = SOURCES[event.view], f"study, {place}: {event.in_words()}"
    held = [name for name in source.registers if name in db.registers]
    if not held:
        raise StudyError(
            f"{where}: the extract has none of its registers: "
            f"the permit must ask for {' or '.join(source.registers)}"
        )
    for name in held:
        refuse_lacking(db, name, source.registers[name], where)
    needed = dict.fromkeys(held)
    asked = [*conditions(event).columns, *values]
    if source.code is not None and (codes(event) or getattr(event, "exclude", ()) or "code" in asked):
        asked.append(source.code)
    for column in dict.fromkeys(asked):
        takes = source.takes.get(column)
        if takes is not None:
            needed |= dict.fromkeys(_giving(db, event, column, where))
    return list(needed)


def telling(event: Event) -> tuple[str, ...]:
    """The registers of an event that tell it; for a death of a cause those of causes alone."""
    source = SOURCES[event.view]
    given = [set(source.takes[name]) for name in conditions(event).columns if name in source.takes]
    return tuple(
        name for name in source.registers if source.beside or all(name in registers for registers in given)
    )


def _giving(db: Database, event: Event, column: str, where: str) -> list[str]:
    """The registers, of those held, that give a column of a view; there must be one."""
    source, found = SOURCES[event.view], []
    for name in (name for name in source.registers if name in db.registers):
        giver, keys = name, None
        if name in source.beside:
            giver, *keys = source.beside[name]
        columns = source.takes[column].get(giver)
        if columns is None:
            continue
        if giver not in db.registers:
            raise StudyError(
                f"{where}: the extract has no register {giver}: "
                f"the permit must ask for it with {', '.join(columns)}"
            )
        if keys is not None:
            refuse_lacking(db, name, (keys[0],), where)
            refuse_lacking(db, giver, (keys[1],), where)
        refuse_lacking(db, giver, columns, where)
        found.append(giver)
    if not found:
        choices = (f"{name} with {', '.join(columns)}" for name, columns in source.takes[column].items())
        raise StudyError(
            f"{where}: the extract has no {column} of it: the permit must ask for {' or '.join(choices)}"
        )
    return found


def lacking(db: Database, register: str, columns: Iterable[str]) -> list[str]:
    """The columns, of those that a source names, that the extract's register lacks."""
    held = db.columns(register)
    return [column for column in columns if not any(name in held for name in column.split(" or "))]


def refuse_lacking(db: Database, register: str, columns: Iterable[str], where: str) -> None:
    """Refuse a register of the extract that lacks columns.

    Args:
        db: the extract.
        register: one that it has.
        columns: those that are needed.
        where: what the message begins with: who needs them.

    Raises:
        StudyError: names the register and the columns.
    """
    missing = lacking(db, register, columns)
    if missing:
        raise StudyError(
            f"{where}: the extract's register {register} lacks {', '.join(missing)}: "
            "the permit must ask for that"
        )
