"""The rows of a Cox model: times, events, strata and clusters from the columns of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, indicator, numbers
from sundbench.methods.survival.follow_up import Ints, not_negative


@dataclass(frozen=True)
class Observations:
    """The rows of a Cox model.

    Attributes:
        end, event: end of each row's follow-up, and whether it is an event.
        entry: at risk after it; None where all are from the start.
        stratum: codes from 0; None without strata.
        strata: the labels of the codes; ``all`` without strata.
        cluster: codes from 0; None where each row stands for itself.
    """

    end: Floats
    event: Bools
    entry: Floats | None
    stratum: Ints | None
    strata: tuple[str, ...]
    cluster: Ints | None


def observations(
    chosen: pd.DataFrame,
    *,
    time: str,
    event: str,
    entry: str | None,
    strata: Sequence[str],
    cluster: pd.Series | None,
) -> Observations:
    """Read and check the rows.

    Args:
        chosen: the columns.
        time: the name of the end of follow-up.
        event: of the event.
        entry: of the entry; None where all enter at the start.
        strata: of the strata.
        cluster: labels of clusters.

    Raises:
        MethodError: negative times, rows that enter at or after their end, or no events.
    """
    end = numbers(chosen[time], time)
    not_negative(end, time)
    occurred = indicator(chosen[event], event, "an event as 1 and censoring as 0")
    if not occurred.any():
        raise MethodError(f"{event}: no events: hazards can't be compared without any")
    late = None if entry is None else numbers(chosen[entry], entry)
    if late is not None:
        not_negative(late, entry or "entry")
        wrong = int((late >= end).sum())
        if wrong:
            raise MethodError(
                f"{wrong} of {end.size} rows enter ({entry}) at or after their end ({time}): leave them out"
            )
        if not late.any():
            late = None
    stratum: Ints | None = None
    labels: tuple[str, ...] = ("all",)
    if strata:
        grouped = chosen.groupby(list(strata), sort=True, observed=True)
        stratum = np.asarray(grouped.ngroup(), dtype=np.int64)
        labels = tuple(
            ", ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in grouped.indices
        )
    codes = None if cluster is None else pd.factorize(cluster)[0].astype(np.int64)
    return Observations(end, occurred, late, stratum, labels, codes)
