"""Rules against row-level tables: rows that are persons, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import polars as pl

from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted
from sundbench.disclosure.profile import Profile
from sundbench.registers.catalogue import catalogue

_KEY = re.compile(
    r"^(v_)?(pnr|cpr)(_?nr)?$|^person(_?(id|nr|key|number))?$|^pseudonym|^(patient|borger|subject)(_?(id|nr))$"
    r"|^(id|uuid|rec_?num|record|row_?(id|nr|number)|index)$",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"^(\d{6}-?\d{4}|[0-9a-f]{16,64}|[0-9a-f]{8}-[0-9a-f-]{27})$", re.IGNORECASE)
_DAY = re.compile(r"^\d{4}-?(0\d|1[0-2])-?([0-2]\d|3[01])([ T].*)?$")
_RAW = re.compile(r"(^|_)(n_?)?(at_?risk|censored|n_?censor)$|^n_?risk$", re.IGNORECASE)

_MANY = 10
"""Rows from which a pattern says something."""

_OBSERVED = 40
"""Whole numbers in one column of estimates from which they look observed."""

_LONG = 100
"""Rows from which a table is shown to the reviewers, whatever it says of itself."""


def row_level(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Tables with as many rows as persons, and columns that tell persons apart."""
    card = output.card
    for name in card.columns:
        if _KEY.match(name) or name in _linking():
            rule = "is named as a person's or a record's key"
            yield Finding(card.name, name, rule, "aggregate over it, or rename it if it is none")
        elif (found := _tells_apart(output.table[name])) is not None:
            yield Finding(card.name, name, found, "aggregate over it")
        elif _RAW.search(name) and card.kind != "counts":
            rule = "raw numbers at risk or censored give away when single persons left"
            yield Finding(card.name, name, rule, "leave the column out")
    yield from _one_a_person(output, profile)


def _one_a_person(output: Emitted, profile: Profile) -> Iterator[Finding]:
    card = output.card
    if card.rows < 2:
        return
    stated = [count for name in card.having("persons") for count in output.behind(name) if count]
    most = max([card.persons or 0, *stated])
    drawn = card.having("replicate")
    if drawn:
        numbers = sorted(value for value in output.behind(drawn[0]) if value is not None)
        if numbers not in ([float(i) for i in range(card.rows)], [float(i + 1) for i in range(card.rows)]):
            rule = "simulation draws must be numbered 0, 1, 2, ... or 1, 2, 3, ..., each once"
            yield Finding(card.name, drawn[0], rule, "number them, or leave replicate= out")
        if most and card.rows % most == 0:
            rule = f"{card.rows} draws for {most:.0f} persons look like one row a person"
            yield Finding(card.name, "", rule, "draw another number of times")
        rule = f"{card.rows} rows are stated to be simulation draws, which can't be told from persons here"
        yield Finding(card.name, "", rule, "see in the notebook that they are", blocks=False)
        return
    remedy = "aggregate: a table that leaves has far fewer rows"
    if card.persons is not None and card.rows >= card.persons:
        rule = f"{card.rows} rows rest on {card.persons} persons: as many rows as persons"
        yield Finding(card.name, "", rule, remedy)
    elif (
        card.persons is not None and card.rows * profile.min_persons > card.persons and not _on_a_grid(output)
    ):
        rule = f"{card.rows} rows rest on {card.persons} persons: fewer than {profile.min_persons} a row"
        yield Finding(card.name, "", rule, remedy)
    elif card.rows >= _LONG:
        rule = f"has {card.rows} rows, and what they say of the persons behind them can't be checked here"
        yield Finding(card.name, "", rule, "see in the notebook that they are aggregates", blocks=False)
    if card.kind == "estimates":
        for name in card.having("value"):
            values = [value for value in output.behind(name) if value is not None]
            if len(values) >= _OBSERVED and all(value.is_integer() for value in values) and not _even(values):
                rule = f"holds {len(values)} whole numbers, as observations are and estimates are not"
                yield Finding(card.name, name, rule, remedy)


def _on_a_grid(output: Emitted) -> bool:
    """Whether a column runs evenly from row to row, as what a function is shown over does."""
    return any(
        _even([value for value in output.behind(name) if value is not None])
        for name in output.card.having("value")
    )


def _even(values: list[float]) -> bool:
    """Whether numbers rise in equal steps (within a rounding error)."""
    steps = [later - earlier for earlier, later in pairwise(values)]
    return bool(steps) and min(steps) > 0 and max(steps) - min(steps) <= 1e-6 * max(steps)


def _tells_apart(column: pl.Series) -> str | None:
    """Why a column's values look like keys, or like the days of single persons; None if they don't."""
    if column.len() < _MANY:
        if column.dtype == pl.String and any(_IDENTIFIER.match(text) for text in column.drop_nulls()):
            return "holds texts that look like person numbers or keys"
        return None
    present = column.drop_nulls()
    distinct = present.n_unique()
    if column.dtype == pl.String:
        if any(_IDENTIFIER.match(text) for text in present):
            return "holds texts that look like person numbers or keys"
        days = sum(bool(_DAY.match(text)) for text in present)
        if days > present.len() / 2 and distinct > present.len() / 2:
            return "holds a day of its own in most rows"
    elif column.dtype == pl.Int64 or (
        column.dtype == pl.Float64 and bool((present == present.floor()).all())
    ):
        # Pseudonyms are spread evenly over 1 to 2**31: whole numbers, none twice, most of them very large.
        median = present.median()
        if distinct == present.len() and isinstance(median, int | float) and 1e8 < median < 2**32:
            return "holds large whole numbers, none of them twice, as pseudonyms are"
    return None


@cache
def _linking() -> frozenset[str]:
    """Columns of persons and of record numbers, in any register."""
    return frozenset(
        name
        for register in catalogue().values()
        for name, column in register.columns.items()
        if column.sensitivity in {"person", "linking"}
    )
