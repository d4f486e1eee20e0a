"""A second, slow and obvious reading of high-dimensional covariates: plain Python over one row at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reference import Happening

from sundbench.cohort.high_dimensional.dimensions import Dimension
from sundbench.cohort.high_dimensional.screening import Screening

ATC_LENGTHS = {1: 1, 2: 3, 3: 4, 4: 5, 5: 7}


@dataclass(frozen=True)
class Found:
    """A column: its name, what makes the grade, and the rows that have it."""

    name: str
    cut_off: float
    rows: frozenset[int]
    persons: int


def cut(dimension: Dimension, code: str) -> str:
    """A code at a dimension's level."""
    if dimension.level is None:
        return code
    if dimension.view in ("dispensings", "hospital_medicines"):
        return code[: ATC_LENGTHS[dimension.level]]
    if dimension.view == "diagnoses" and code.startswith("D"):
        return code[: 1 + dimension.level]
    return code[: dimension.level]


def columns(
    screening: Screening, rows: Sequence[tuple[int, date]], lives: Mapping[int, Sequence[Happening]]
) -> list[Found]:
    """The columns in their order, those that equal an earlier one left out."""
    found: list[Found] = []
    for dimension in screening.dimensions:
        often: dict[str, Counter[int]] = {}
        for row, (person, index) in enumerate(rows):
            for happening in lives.get(person, ()):
                if happening.view != dimension.view:
                    continue
                if dimension.types and happening.type not in dimension.types:
                    continue
                if any(happening.code.startswith(code) for code in dimension.exclude):
                    continue
                if index - timedelta(days=screening.days) <= happening.date < index:
                    often.setdefault(cut(dimension, happening.code), Counter())[row] += 1

        def persons(having: Sequence[int]) -> int:
            return len({rows[row][0] for row in having})

        def rank(code: str, often: dict[str, Counter[int]] = often) -> tuple[int, int, str]:
            many = len(often[code])
            folded = min(many, len(rows) - many) if screening.ranking == "folded" else many
            return -folded, -many, code

        common = [code for code, by_row in often.items() if persons(list(by_row)) >= screening.minimum]
        for code in sorted(common, key=rank)[: screening.top]:
            by_row = often[code]
            seen: list[frozenset[int]] = []
            for grade, share in (("once", None), ("sporadic", 0.5), ("frequent", 0.75)):
                cut_off = 1.0 if share is None else quantile(sorted(by_row.values()), share)
                having = frozenset(row for row, times in by_row.items() if times >= cut_off)
                if having not in seen and len(having) < len(rows):
                    name = f"{dimension.name}_{code}_{grade}"
                    found.append(Found(name, cut_off, having, persons(list(having))))
                seen.append(having)
    first: dict[frozenset[int], Found] = {}
    for one in found:
        first.setdefault(one.rows, one)
    return list(first.values())


def quantile(ordered: Sequence[int], share: float) -> float:
    """The value below and above which the shares lie; the mean of two where the share falls between them."""
    place = len(ordered) * share
    if place == int(place):
        return (ordered[int(place) - 1] + ordered[int(place)]) / 2
    return ordered[int(place)]


def strength(having: set[int], exposed: set[int], happened: set[int], rows: int) -> float:
    """The absolute logarithm of the factor by which a covariate could confound, by the formula as printed."""
    p1 = len(having & exposed) / len(exposed)
    p0 = len(having - exposed) / (rows - len(exposed))
    risk = (len(having & happened) / len(having)) / (len(happened - having) / (rows - len(having)))
    return abs(math.log((p1 * (risk - 1) + 1) / (p0 * (risk - 1) + 1)))
