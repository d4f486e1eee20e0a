"""What the extract must hold of the dimensions' registers, and from when."""

from __future__ import annotations

from datetime import date, timedelta

from sundbench.cohort.database import Database
from sundbench.cohort.held import refuse_lacking
from sundbench.cohort.high_dimensional.dimensions import Dimension
from sundbench.cohort.high_dimensional.screening import Screening
from sundbench.cohort.sources import SOURCES
from sundbench.errors import StudyError


def held(db: Database, rules: Screening, where: str) -> tuple[str, ...]:
    """The registers that are read.

    Raises:
        StudyError: the extract has none of a dimension's registers, or one without a column that it needs.
    """
    found: dict[str, None] = {}
    for dimension in rules.dimensions:
        needed = SOURCES[dimension.view].registers
        there = _there(db, dimension)
        if not there:
            names = " or ".join(needed)
            raise StudyError(
                f"{where}, dimension {dimension.name}: the extract has none of its registers: "
                f"the permit must ask for {names}"
            )
        for name in there:
            refuse_lacking(db, name, needed[name], f"{where}, dimension {dimension.name}")
            found[name] = None
    return tuple(found)


def refuse_truncation(db: Database, rules: Screening, first: date, where: str) -> None:
    """Refuse a look-back that starts before a dimension's registers do.

    Args:
        db: the extract.
        rules: the rules.
        first: the earliest index day of the cohort.
        where: the call, to begin a message with.

    Raises:
        StudyError: names the dimension.
    """
    begins = first - timedelta(days=rules.days)
    for dimension in rules.dimensions:
        covered = _covered(db, dimension)
        if covered is not None and begins < covered[0]:
            raise StudyError(
                f"{where}, dimension {dimension.name}: the look-back of who enters on {first} starts on "
                f"{begins}, but {dimension.view} begin on {covered[0]}: let entry begin on "
                f"{covered[0] + timedelta(days=rules.days)} or later, look back less, or say "
                "allow_truncated_lookback=True"
            )


def notes_of_coverage(db: Database, rules: Screening, begins: date, last: date) -> list[str]:
    """What a reader must know of dimensions that don't cover all windows.

    Args:
        db: the extract.
        rules: the rules.
        begins: the first day that is looked at.
        last: the latest index day of the cohort.
    """
    notes = []
    for dimension in rules.dimensions:
        covered = _covered(db, dimension)
        if covered is None:
            continue
        if begins < covered[0]:
            notes.append(
                f"{dimension.name}: begins on {covered[0]}: persons whose look-back starts before it, from "
                f"{begins} on, have fewer codes for that"
            )
        if last - timedelta(days=1) > covered[1]:
            notes.append(
                f"{dimension.name}: ends on {covered[1]}: persons who enter after it, until {last}, have "
                "fewer codes for that"
            )
    return notes


def _there(db: Database, dimension: Dimension) -> list[str]:
    return [name for name in SOURCES[dimension.view].registers if name in db.registers]


def _covered(db: Database, dimension: Dimension) -> tuple[date, date] | None:
    """The first and last day that any of a dimension's registers holds."""
    spans = [span for span in (db.coverage(name) for name in _there(db, dimension)) if span is not None]
    if not spans:
        return None
    return min(span[0] for span in spans), max(span[1] for span in spans)
