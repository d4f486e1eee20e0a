"""Events and person-time from the columns of a frame, summed by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, Frame, frame, numbers
from sundbench.methods.survival.follow_up import not_negative

_MOST = 1e12


def column_list(by: str | Sequence[str] | None) -> list[str]:
    """Column names, given as one, several or none."""
    return [by] if isinstance(by, str) else [] if by is None else list(by)


def whole(values: pd.Series, name: str) -> Floats:
    """Counts: whole numbers from 0.

    Raises:
        MethodError: missing, negative, broken or absurdly large numbers.
    """
    array = numbers(values, name)
    not_negative(array, name)
    if (array > _MOST).any():
        raise MethodError(f"{name}: some counts are above {_MOST:g}: these are no counts of events")
    broken = int((array != np.floor(array)).sum())
    if broken:
        raise MethodError(f"{name}: {broken} of {array.size} values are not whole numbers: give counts")
    return array


def summed(data: Frame, *, events: str, person_time: str, by: Sequence[str]) -> pd.DataFrame:
    """The by columns, ``events`` and ``person_time``, a row a group in the groups' order.

    Raises:
        MethodError: missing, negative or broken numbers, or a group without person-time.
    """
    chosen = frame(data, [events, person_time, *by])
    table = chosen[list(by)].copy()
    table["events"] = whole(chosen[events], events)
    table["person_time"] = numbers(chosen[person_time], person_time)
    not_negative(table["person_time"].to_numpy(), person_time)
    if not by:
        table = table.sum().to_frame().T
    else:
        table = table.groupby(list(by), sort=True, observed=True).sum().reset_index()
    empty = table.loc[table["person_time"] <= 0]
    if len(empty):
        where = ", ".join(f"{name} {empty.iloc[0][name]}" for name in by) or "the data"
        raise MethodError(f"{person_time}: {where}: no person-time, so that no rate exists: leave it out")
    table["events"] = table["events"].astype(np.int64)
    return table
