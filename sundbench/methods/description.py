"""Who the arms are: persons by characteristic, in levels wide enough to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.inputs import Frame, frame


@dataclass(frozen=True)
class Baseline:
    """A baseline table.

    Attributes:
        table: group, characteristic, level, persons. The characteristic ``persons`` with the level ``total``
            counts everybody in the group.
        merged: characteristic and level of every level that was made by merging.
    """

    table: pd.DataFrame
    merged: pd.DataFrame


def baseline(
    data: Frame, *, group: str, characteristics: Sequence[str], min_persons: int = 5, joined: str = " / "
) -> Baseline:
    """Count persons by group and characteristic, merging levels that hold too few.

    A level with fewer than ``min_persons`` persons in any group (but not nobody in all) is merged with the
    smaller of its neighbours, and so on until every group has enough in every level. Neighbours are next in
    order: categories in their own order, numbers by size, other levels by how many persons they have.
    A characteristic that ends with one level says nothing and is left out.

    Args:
        data: one row a person.
        group: the column of groups.
        characteristics: categorical columns.
        min_persons: the threshold.
        joined: put between the names of merged levels.

    Raises:
        MethodError: missing values, or a group with fewer than ``min_persons`` persons.
    """
    table = frame(data, [group, *characteristics])
    sizes = table[group].astype(str).value_counts().sort_index()
    small = [str(name) for name in sizes.index if sizes[name] < min_persons]
    if small:
        raise MethodError(
            f"group {small[0]} has fewer than {min_persons} persons: there is nothing to describe"
        )
    rows = [(str(name), "persons", "total", int(size)) for name, size in sizes.items()]
    merged = []
    for name in characteristics:
        crossed = pd.crosstab(table[name], table[group].astype(str))
        if not isinstance(table[name].dtype, pd.CategoricalDtype) and table[name].dtype.kind not in "iuf":
            crossed = crossed.loc[crossed.sum(axis=1).sort_values(kind="stable").index]
        levels = [
            (str(level), list(counts))
            for level, counts in zip(crossed.index, crossed.to_numpy(), strict=True)
        ]
        before = {level for level, _ in levels}
        levels = _wide_enough([one for one in levels if sum(one[1])], min_persons, joined)
        if len(levels) < 2:
            continue
        merged += [(name, level) for level, _ in levels if level not in before]
        rows += [
            (str(one), name, level, int(count))
            for level, counts in levels
            for one, count in zip(crossed.columns, counts, strict=True)
        ]
    return Baseline(
        pd.DataFrame(rows, columns=["group", "characteristic", "level", "persons"]),
        pd.DataFrame(merged, columns=["characteristic", "level"]),
    )


def _wide_enough(
    levels: list[tuple[str, list[int]]], min_persons: int, joined: str
) -> list[tuple[str, list[int]]]:
    while len(levels) > 1:
        thin = next((i for i, (_, counts) in enumerate(levels) if min(counts) < min_persons), None)
        if thin is None:
            break
        beside = [i for i in (thin - 1, thin + 1) if 0 <= i < len(levels)]
        other = min(beside, key=lambda i: sum(levels[i][1]))
        first, second = sorted((thin, other))
        name = joined.join((levels[first][0], levels[second][0]))
        counts = [a + b for a, b in zip(levels[first][1], levels[second][1], strict=True)]
        levels = [*levels[:first], (name, counts), *levels[second + 1 :]]
    return levels
