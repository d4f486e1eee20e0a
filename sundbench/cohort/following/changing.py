"""Exposure during follow-up: intervals that cover it exactly, one state each."""

from __future__ import annotations

import numpy as np
import polars as pl

from sundbench.cohort.exposure.grouped import Ints
from sundbench.cohort.following.exposures import CURRENT, NEVER, PAST, RECENT

FAR = 1 << 30

INTERVAL = {"row": pl.Int64, "start_day": pl.Int32, "stop_day": pl.Int32, "state": pl.UInt8}


def intervals(
    frame: pl.DataFrame, episodes: pl.DataFrame, *, lag_days: int, recent_days: int
) -> pl.DataFrame:
    """What persons are exposed to, from the start of their follow-up to its end.

    Args:
        frame: ``row`` (ascending), ``person``, ``index``, ``start``, ``end`` of who is followed.
        episodes: ``person``, ``start``, ``end``, sorted, none overlapping.
        lag_days: for how long after an episode a person is a current user.
        recent_days: for how long after that a recent one.

    Returns:
        ``row``, ``start_day`` (the day before its first), ``stop_day`` (its last), ``state``; by row and
        time. Neighbours differ in state.
    """
    spans = frame.select(
        pl.col("row").cast(pl.Int64),
        pl.col("person").cast(pl.Int64),
        pl.col("index").to_physical().cast(pl.Int64),
        (pl.col("start") - pl.col("index")).dt.total_days().alias("from"),
        (pl.col("end") - pl.col("index")).dt.total_days().alias("to"),
    )
    found = spans.join(episodes, on="person", how="inner", maintain_order="left_right")
    row: Ints = found["row"].to_numpy()
    index: Ints = found["index"].to_numpy()
    first: Ints = found["start"].to_physical().cast(pl.Int64).to_numpy() - index
    last: Ints = found["end"].to_physical().cast(pl.Int64).to_numpy() - index
    same = np.append(row[1:] == row[:-1], False)[: row.size]
    following = np.where(same, np.append(first[1:], 0)[: row.size], FAR)
    current = np.minimum(last + lag_days, following)
    recent = np.minimum(current + recent_days, following)
    begins = np.ones(row.size, bool)
    begins[1:] = ~same[:-1]
    of_all: Ints = spans["row"].to_numpy()
    earliest = np.full(of_all.size, FAR)
    earliest[np.searchsorted(of_all, row[begins])] = first[begins]
    pieces = [
        (of_all, np.full(of_all.size, -FAR), earliest, NEVER),
        (row, first, current, CURRENT),
        (row, current, recent, RECENT),
        (row, recent, following, PAST),
    ]
    rows, starts, stops, states = (
        np.concatenate([np.broadcast_to(piece[n], piece[0].shape) for piece in pieces]) for n in range(4)
    )
    place = np.searchsorted(of_all, rows)
    starts = np.maximum(starts, spans["from"].to_numpy()[place])
    stops = np.minimum(stops, spans["to"].to_numpy()[place])
    kept = stops > starts
    rows, starts, stops, states = rows[kept], starts[kept], stops[kept], states[kept]
    order = np.lexsort((starts, rows))
    rows, starts, stops, states = rows[order], starts[order], stops[order], states[order]
    new = np.ones(rows.size, bool)
    new[1:] = (rows[1:] != rows[:-1]) | (states[1:] != states[:-1])
    at = np.flatnonzero(new)
    last_of = np.append(at[1:], rows.size)[: at.size] - 1
    return pl.DataFrame(
        {"row": rows[at], "start_day": starts[at], "stop_day": stops[last_of], "state": states[at]}
    ).cast(INTERVAL)  # type: ignore[arg-type]
