"""What counts and how much: the one place that knows the hierarchy and the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from sundbench.cohort.comorbidity.code_lists import Condition


def counted(
    conditions: Iterable[Condition], has: Mapping[str, pl.Expr], hierarchy: bool
) -> dict[str, pl.Expr]:
    """Which conditions count.

    Args:
        conditions: the conditions wanted.
        has: whether a person has a code of each condition, by its name; the graver ones too.
        hierarchy: whether a condition doesn't count where its graver one is there: mild liver disease beside
            severe, diabetes without complications beside diabetes with, a solid tumour beside metastases
            and, in Elixhauser's index, hypertension without complications beside hypertension with.
    """
    found = {}
    for one in conditions:
        graver = one.graver if hierarchy else None
        found[one.name] = has[one.name] if graver is None else has[one.name] & ~has[graver]
    return found


def total(conditions: Iterable[Condition], counts: Mapping[str, pl.Expr], weighting: str) -> pl.Expr:
    """The score, int32: the weights of the conditions that count."""
    weighted = [counts[one.name].cast(pl.Int32) * one.weight(weighting) for one in conditions]
    return pl.sum_horizontal(weighted).cast(pl.Int32)
