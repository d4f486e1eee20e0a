"""Making flow charts and curves safe: merging steps until enough persons or events stand behind each.

For a study's author. The check looks at what comes out, not at whether these were used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import polars as pl

from sundbench.disclosure.suppression import MIN_PERSONS
from sundbench.errors import DisclosureError


def flow_chart(
    steps: pd.DataFrame | pl.DataFrame,
    *,
    step: str = "step",
    persons: str | Sequence[str] = "persons",
    min_persons: int = MIN_PERSONS,
    joined: str = "; ",
) -> pd.DataFrame:
    """Merge the steps of a flow chart that would differ by fewer than ``min_persons`` persons.

    A step that takes away 1 to 4 persons is shown together with the next one; at the end, together with the
    one before. Steps that take away nobody stay.

    Args:
        steps: one row a step, each a part of the one before.
        step: the column that says what the step is.
        persons: the column, or columns, of persons who are left after it.
        min_persons: the threshold.
        joined: put between the texts of merged steps.

    Returns:
        The steps that may be shown, with the same columns.

    Raises:
        DisclosureError: a step has more persons than the one before.
    """
    if isinstance(steps, pl.DataFrame):
        steps = steps.to_pandas()
    counts = [persons] if isinstance(persons, str) else list(persons)
    rows = [{str(column): value for column, value in row.items()} for row in steps.to_dict("records")]
    kept: list[dict[str, object]] = []
    waiting: list[str] = []
    for row in rows:
        lost = [_whole(kept[-1][column]) - _whole(row[column]) for column in counts] if kept else []
        if any(number < 0 for number in lost):
            raise DisclosureError(f"flow chart: step {row[step]!r} has more persons than the one before")
        if any(0 < number < min_persons for number in lost):
            waiting.append(str(row[step]))
            last = row
            continue
        kept.append({**row, step: joined.join([*waiting, str(row[step])])})
        waiting = []
    while waiting:
        # The last steps took too few away: they join the step before, which then tells of fewer persons, and
        # may itself come too near the one before that.
        kept[-1] = {**last, step: joined.join([str(kept[-1][step]), *waiting])}
        waiting = []
        if len(kept) > 1 and any(
            0 < _whole(kept[-2][column]) - _whole(kept[-1][column]) < min_persons for column in counts
        ):
            last = kept.pop()
            waiting = [str(last[step])]
    return pd.DataFrame(kept, columns=steps.columns).astype(steps.dtypes.to_dict())


def curve(
    table: pd.DataFrame,
    *,
    grid: Sequence[float],
    by: str | Sequence[str] = (),
    time: str = "time",
    values: Sequence[str] = ("survival", "lower", "upper"),
    counts: pd.DataFrame | None = None,
    persons: str = "at_risk",
    events: str = "events",
    start: float = 1.0,
    min_persons: int = MIN_PERSONS,
    min_events: int = MIN_PERSONS,
) -> pd.DataFrame:
    """Let a curve step only on a grid of times, and only when enough events have gathered.

    Args:
        table: one row a distinct time, as the methods of ``sundbench.methods.survival`` give it.
        grid: the times at which the curve may step, such as every 30 days; increasing, above 0.
        by: the columns of groups.
        time: the column of times.
        values: the columns of the curve and its limits.
        counts: where ``table`` is weighted, the same rows with unweighted persons and events.
        persons: the column of persons at risk just before each time.
        events: the column of events at each time.
        start: the curve's value at time 0.
        min_persons: the curve ends where fewer are at risk.
        min_events: a step gathers at least so many events.

    Returns:
        Groups, time, values, ``persons`` (still at risk after the step) and ``events`` (gathered since the
        step before), ready for ``outputs().curve``. The first row of each group is time 0.
    """
    groups = [by] if isinstance(by, str) else list(by)
    behind = (table if counts is None else counts)[[*groups, time, persons, events]]
    shown = table[[*groups, time, *values]]
    merged = shown.merge(behind, on=[*groups, time], how="left", validate="one_to_one")
    if merged[[persons, events]].isna().any(axis=None):
        raise DisclosureError("curve: counts must have a row for every row of the table")
    parts = merged.groupby(groups, sort=False) if groups else [((), merged)]
    rows = [
        row
        for key, part in parts
        for row in _steps(
            part.sort_values(time),
            dict(zip(groups, key if isinstance(key, tuple) else (key,), strict=True)),
            grid=grid,
            columns=(time, list(values), persons, events),
            start=start,
            least=(min_persons, min_events),
        )
    ]
    return pd.DataFrame(rows, columns=[*groups, time, *values, persons, events])


def _steps(
    part: pd.DataFrame,
    group: dict[str, object],
    *,
    grid: Sequence[float],
    columns: tuple[str, list[str], str, str],
    start: float,
    least: tuple[int, int],
) -> list[dict[str, object]]:
    time, values, persons, events = columns
    times = part[time].to_numpy(dtype=float)
    at_risk = part[persons].to_numpy(dtype=float)
    happened = part[events].to_numpy(dtype=float)
    gathered = np.concatenate([[0.0], np.cumsum(happened)])
    first = {**group, time: 0.0, **dict.fromkeys(values, start), persons: at_risk[0], events: 0.0}
    rows: list[dict[str, object]] = [first]
    shown, last = 0.0, first
    for at in grid:
        seen = int(np.searchsorted(times, at, side="right"))
        left = at_risk[seen] if seen < len(times) else 0.0
        if left < least[0]:
            break
        new = gathered[seen] - shown
        last = {**group, time: float(at), persons: left, events: new}
        if new >= least[1]:
            rows.append({**last, **{value: float(part[value].iloc[seen - 1]) for value in values}})
            shown = gathered[seen]
    # Where nothing has happened since, the curve goes on, level, to the end of what may be seen.
    if last[time] != rows[-1][time] and last[events] == 0:
        rows.append({**last, **{value: rows[-1][value] for value in values}})
    return rows


def _whole(value: object) -> int:
    return int(str(value).removesuffix(".0"))
