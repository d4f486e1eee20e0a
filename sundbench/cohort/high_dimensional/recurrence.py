"""How often is sporadic, how often frequent: the grades of a code, from how many have it how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

Grade = Literal["once", "sporadic", "frequent"]

SHARES: Mapping[Grade, tuple[int, int]] = {"sporadic": (1, 2), "frequent": (3, 4)}
"""Each grade's quantile, as a fraction: the median and the 75th percentile (Schneeweiss 2009, step 3)."""


@dataclass(frozen=True)
class Graded:
    """One grade of a code.

    Attributes:
        grade: its name.
        cut_off: who has the code at least so often has the grade.
        at_least: the same as the smallest number that anybody has.
        rows: how many have the grade.
    """

    grade: Grade
    cut_off: float
    at_least: int
    rows: int


def grades(times: Mapping[int, int]) -> tuple[Graded, ...]:
    """The distinct grades of a code; of grades that the same rows have, the first stays.

    Args:
        times: how many rows have the code so often, by how often, from once on.
    """
    often = sorted(times)
    rows = [times[one] for one in often]
    below = [0, *accumulate(rows)]
    total = below[-1]
    cut_offs: list[tuple[Grade, float]] = [("once", 1.0)]
    cut_offs += [(grade, quantile(often, below[1:], *share)) for grade, share in SHARES.items()]
    found: dict[int, Graded] = {}
    for grade, cut_off in cut_offs:
        place = next(n for n, one in enumerate(often) if one >= cut_off)
        found.setdefault(place, Graded(grade, cut_off, often[place], total - below[place]))
    return tuple(found.values())


def quantile(values: list[int], up_to: list[int], numerator: int, denominator: int) -> float:
    """A quantile of values that occur several times, with averaging where the share falls between two.

    That is definition 2 of Hyndman and Fan (Am Stat 1996;50:361-365), SAS's default (PCTLDEF=5), in which the
    method was published, and that of the R package hdps.

    Args:
        values: the distinct values, ascending.
        up_to: how many lie at or below each.
        numerator: of the share.
        denominator: of the share.
    """
    place, between = divmod(up_to[-1] * numerator, denominator)
    # The value of rank `place` (from 1), or the mean of it and the next where the share falls on it exactly.
    upper = next(value for value, reached in zip(values, up_to, strict=True) if reached > place)
    if between:
        return float(upper)
    lower = next(value for value, reached in zip(values, up_to, strict=True) if reached >= place)
    return (lower + upper) / 2
