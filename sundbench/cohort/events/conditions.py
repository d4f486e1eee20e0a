"""What an event asks of a view's rows: their codes, and conditions on their other columns.

A row whose column is null fulfils no condition on that column.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, Literal

import polars as pl

from sundbench.cohort.codes import ends, holds
from sundbench.cohort.events import care
from sundbench.cohort.events.diagnoses import Diagnosis
from sundbench.cohort.events.event import Event
from sundbench.cohort.events.hospital_care import Contact, Stay
from sundbench.cohort.events.laboratory import Laboratory
from sundbench.cohort.events.medicines import Dispensing, HospitalMedicine
from sundbench.cohort.events.tumours import Tumour
from sundbench.cohort.events.vital import Death
from sundbench.cohort.views.tables import rows as rows_of

FEW = 8
"""Up to so many prefixes are tried one by one; more are tried as one regular expression."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """What an event asks of rows besides their codes and types.

    Attributes:
        columns: the view's columns that it looks at, besides those that every row has.
        fulfilled: whether a row is as asked; None where nothing is asked.
    """

    columns: tuple[str, ...]
    fulfilled: pl.Expr | None


@lru_cache(maxsize=512)
def conditions(event: Event) -> Conditions:
    """What an event asks of rows besides their codes and types."""
    asked: list[tuple[tuple[str, ...], pl.Expr]] = []
    for kind, of_kind in _ASKED.items():
        if isinstance(event, kind):
            asked += of_kind(event)
    out: tuple[str, ...] = getattr(event, "exclude", ())
    if out and not isinstance(event, Death):
        out = _todays(out) if isinstance(event, HospitalMedicine) else out
        known = pl.col("code").is_not_null()
        asked.append(((), known & ~coded(pl.col("code"), out, prefix=True)))
    if not asked:
        return Conditions((), None)
    columns = dict.fromkeys(name for names, _ in asked for name in names)
    fulfilled = reduce(operator.and_, (one for _, one in asked))
    return Conditions(tuple(columns), fulfilled.fill_null(value=False))


def codes(event: Event) -> tuple[str, ...]:
    """An event's codes as its view spells them; none for events of any code and of views without.

    The view of hospital medicines gives each substance today's code: an old one stands for it. Causes of
    death aren't a row's one code: ``conditions`` look at them.
    """
    listed: tuple[str, ...] = getattr(event, "codes", ())
    return _todays(listed) if isinstance(event, HospitalMedicine) else listed


def _todays(listed: tuple[str, ...]) -> tuple[str, ...]:
    recoded = [row["new"] for row in rows_of("atc_recoded") if holds(listed, row["old"])]
    return tuple(dict.fromkeys((*listed, *recoded)))


def begins(column: str, listed: Iterable[str]) -> pl.Expr:
    """Whether a column's code is one of the listed or lies below one of them; a missing code doesn't."""
    return coded(pl.col(column), tuple(listed), prefix=True).fill_null(value=False)


def coded(column: pl.Expr, listed: tuple[str, ...], prefix: bool) -> pl.Expr:
    """Whether a column's code is one of the listed or, where ``prefix`` says so, lies below one of them."""
    if not prefix:
        return column.is_in(list(listed))
    single = [code for code in listed if ends(code) is None]
    found = []
    if len(single) <= FEW:
        found += [column.str.starts_with(code) for code in single]
    else:
        found.append(column.str.contains("^(?:" + "|".join(re.escape(code) for code in single) + ")"))
    for code in listed:
        both = ends(code)
        if both is not None:
            # The first code that no longer begins like the range's end: signs sort as they are coded.
            after = both[1][:-1] + chr(ord(both[1][-1]) + 1)
            found.append((column >= both[0]) & (column < after))
    return found[0] if len(found) == 1 else pl.any_horizontal(found)


def of_products(numbers: Iterable[str]) -> pl.Expr:
    """Whether a row is of one of these products, whether or not the register keeps leading zeros."""
    spelled = {one for number in numbers for one in (number, number.lstrip("0"))}
    return pl.col("vnr").is_in(sorted(spelled))


def earliest(event: Event) -> pl.Expr | None:
    """A column that must be computed from all of a person's rows before any is left out; None for most.

    Of tumours: whether no other stands on an earlier day, but for those that are excluded.
    """
    if not isinstance(event, Tumour) or not event.first:
        return None
    counts = pl.col("date").is_not_null()
    if event.exclude:
        counts &= ~coded(pl.col("icd10"), event.exclude, prefix=True).fill_null(value=False)
    first = pl.when(counts).then(pl.col("date")).min().over("person")
    return (counts & (pl.col("date") == first)).alias(_first(event))


def _first(event: Tumour) -> str:
    return "_".join(("first", *event.exclude))


def _of_diagnosis(event: Diagnosis) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    yield from _of_contact(event.contact, event.acute, event.specialty)


def _of_hospital_contact(event: Contact) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    yield from _of_contact(event.kind, event.acute, event.specialty)


def _of_stay(event: Stay) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    yield from _of_contact((), event.acute, ())


def _of_contact(
    kind: tuple[str, ...], acute: bool | None, specialty: tuple[str, ...]
) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    if kind:
        yield ("class",), pl.col("class").is_in(list(kind))
    if acute is not None:
        yield ("acute",), pl.col("acute") if acute else ~pl.col("acute")
    if specialty:
        numbers, names = care.spelled(specialty)
        of_code = pl.col("specialty").is_in(list(numbers)).fill_null(value=False)
        of_name = pl.col("specialty_name").is_in(list(names)).fill_null(value=False)
        yield ("specialty", "specialty_name"), of_code | of_name


def _of_dispensing(event: Dispensing) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    if event.product:
        yield ("vnr",), of_products(event.product)
    if event.strength is not None:
        low, high, unit = event.strength
        of_unit = pl.col("strength_unit").str.strip_chars().str.to_lowercase() == unit.lower()
        yield ("strength", "strength_unit"), pl.col("strength").is_between(low, high) & of_unit


def _of_laboratory(event: Laboratory) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    looked_at = ("value", "operator")
    if event.above is not None:
        yield looked_at, _surely(">", event.above)
    if event.at_least is not None:
        yield looked_at, _surely(">", event.at_least) | _is(event.at_least, ("", ">="))
    if event.below is not None:
        yield looked_at, _surely("<", event.below)
    if event.at_most is not None:
        yield looked_at, _surely("<", event.at_most) | _is(event.at_most, ("", "<="))
    if event.units:
        yield ("unit",), pl.col("unit").str.strip_chars().is_in(list(event.units))


def _surely(side: Literal["<", ">"], limit: float) -> pl.Expr:
    """Whether a result surely lies beyond a limit: ">5" is over 5, ">=5" over 4.9, "<5" over nothing."""
    value = pl.col("value")
    beyond = value > limit if side == ">" else value < limit
    told = pl.col("operator").is_in(["", side, f"{side}="])
    return (told & beyond) | _is(limit, (side,))


def _is(limit: float, signs: tuple[str, ...]) -> pl.Expr:
    """Whether a result's number is the limit, under one of these signs."""
    return (pl.col("value") == limit) & pl.col("operator").is_in(list(signs))


def _of_death(event: Death) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    if event.of_a_cause:
        cause = _of_cause(event, pl.col("cause")).fill_null(value=False)
        if not event.contributing:
            yield ("cause",), cause
            return
        other = pl.col("contributing").list.eval(_of_cause(event, pl.element())).list.any()
        yield ("cause", "contributing"), cause | other.fill_null(value=False)


def _of_cause(event: Death, cause: pl.Expr) -> pl.Expr:
    counts = cause.is_not_null()
    if event.causes:
        counts &= coded(cause, event.causes, prefix=True)
    if event.exclude:
        counts &= ~coded(cause, event.exclude, prefix=True)
    return counts


def _of_tumour(event: Tumour) -> Iterable[tuple[tuple[str, ...], pl.Expr]]:
    if event.morphology:
        yield ("morphology",), coded(pl.col("morphology"), event.morphology, prefix=True)
    if event.first:
        yield (), pl.col(_first(event))


_ASKED: Mapping[type[Event], Callable[[Any], Iterable[tuple[tuple[str, ...], pl.Expr]]]] = {
    Diagnosis: _of_diagnosis,
    Contact: _of_hospital_contact,
    Stay: _of_stay,
    Dispensing: _of_dispensing,
    Laboratory: _of_laboratory,
    Death: _of_death,
    Tumour: _of_tumour,
}
"""By the kind of event: the columns that each thing asked looks at, and whether a row is so."""
