"""Concordance of a hazard model, as R's survival counts it.

A pair can be ordered when one has the event while the other is at risk and outlives it (a censoring at the
same time outlives an event). It is concordant when the one with the event has the higher linear predictor;
one with equal predictors counts half; pairs of two events at the same time don't count. The standard error is
the infinitesimal jackknife. Harrell et al. (1982); Therneau and Atkinson, the "concordance" vignette of R's
survival.

Pairs are counted by sorting on the bits of the predictors' ranks: n log n, without a loop over rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, sums
from sundbench.methods.survival.follow_up import Ints
from sundbench.methods.survival.observations import Observations


@dataclass(frozen=True)
class Concordance:
    """The concordance and its standard error.

    Attributes:
        estimate: between 0 and 1.
        se: its standard error.
    """

    estimate: float
    se: float


def concordance(rows: Observations, linear: Floats, weight: Floats) -> Concordance:
    """Count pairs.

    Args:
        rows: when each row is at risk and whether it ends with an event.
        linear: its linear predictor; higher means earlier.
        weight: its weight.

    Raises:
        MethodError: no two rows can be ordered.
    """
    end, event, entry = rows.end, rows.event, rows.entry
    size = end.size
    own = np.zeros(size, dtype=np.int64) if rows.stratum is None else rows.stratum
    rank = np.unique(linear, return_inverse=True)[1].astype(np.int64)
    events = np.flatnonzero(event)
    late = np.arange(0 if entry is None else size)
    start = end if entry is None else entry

    # Of each event: those at risk with a lower, less those with a higher predictor. Backwards in time come at
    # each time rows that are censored, then events as askers, then events as rows at risk; who enters at that
    # time or later is taken away again.
    signs, pairs = _balance(
        own=np.concatenate((own, own[late], own[events])),
        time=-np.concatenate((end, start[late], end[events])),
        turn=np.concatenate((np.where(event, 2, 0), np.zeros(late.size, int), np.ones(events.size, int))),
        rank=np.concatenate((rank, rank[late], rank[events])),
        weight=np.concatenate((weight, -weight[late], np.zeros(events.size))),
    )
    as_event, event_pairs = signs[size + late.size :], pairs[size + late.size :]

    # Of each row: the events it outlived with a higher predictor, less those with a lower one.
    signs, pairs = _balance(
        own=np.concatenate((own, own[late], own[events])),
        time=np.concatenate((end, start[late], end[events])),
        turn=np.concatenate((np.where(event, 0, 2), np.full(late.size, 2), np.ones(events.size, int))),
        rank=np.concatenate((rank, rank[late], rank[events])),
        weight=np.concatenate((np.zeros(size + late.size), weight[events])),
    )
    net, count = -signs[:size], pairs[:size].copy()
    if late.size:
        net += signs[size : size + late.size]
        count -= pairs[size : size + late.size]
    total = float(np.sum(weight[events] * event_pairs))
    if not total > 0:
        raise MethodError("concordance: no two rows can be ordered: nobody outlives an event")
    somer = float(np.sum(weight[events] * as_event)) / total
    net[events] += as_event
    count[events] += event_pairs
    influence = weight * (net - somer * count) / total
    if rows.cluster is not None:
        influence = sums(rows.cluster, influence, int(rows.cluster.max()) + 1)
    return Concordance((somer + 1) / 2, float(np.sqrt(np.sum(influence**2)) / 2))


def _balance(own: Ints, time: Floats, turn: Ints, rank: Ints, weight: Floats) -> tuple[Floats, Floats]:
    """Over the items before each in its stratum: weight of lower less higher rank, and whole weight."""
    order = np.lexsort((turn, time, own))
    group = own[order]
    lower, equal, before = _before(rank[order], weight[order], group)
    signs, pairs = np.empty(order.size), np.empty(order.size)
    signs[order] = 2 * lower + equal - before
    pairs[order] = before
    return signs, pairs


def _before(rank: Ints, weight: Floats, group: Ints) -> tuple[Floats, Floats, Floats]:
    """Weights of earlier items of the same group with lower rank, with equal rank, and in all.

    Items are split by one bit of the rank after the other, the highest first, and keep their order: those
    with the bit set have all earlier items of their part without it below them.
    """
    size = rank.size
    at = np.arange(size)
    begins = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    lengths = np.diff(np.append(begins, size))
    start = np.repeat(begins, lengths)
    stop = start + np.repeat(lengths, lengths)
    place, lower = np.arange(size), np.zeros(size)
    before = _since(weight, start, at)
    for bit in range(int(rank.max(initial=0)).bit_length() - 1, -1, -1):
        high = (rank >> bit) & 1
        below = _since(np.where(high == 1, 0.0, weight), start, at)
        ones = high == 1
        lower[place[ones]] += below[ones]
        zeros = np.concatenate(([0], np.cumsum(1 - high)))
        ahead = zeros[at] - zeros[start]
        middle = start + zeros[stop] - zeros[start]
        target = np.where(ones, middle + (at - start - ahead), start + ahead)
        order = np.empty_like(target)
        order[target] = at
        start, stop = np.where(ones, middle, start)[order], np.where(ones, stop, middle)[order]
        rank, weight, place = rank[order], weight[order], place[order]
    equal = np.empty(size)
    equal[place] = _since(weight, start, at)
    return lower, equal, before


def _since(values: Floats, start: Ints, at: Ints) -> Floats:
    """Sums of the values from each item's start up to the item itself, which is not counted."""
    running = np.concatenate(([0.0], np.cumsum(values)))
    return np.asarray(running[at] - running[start])
