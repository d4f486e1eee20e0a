"""Cutting follow-up into pieces: one scale after the other, all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sundbench.cohort.lexis.scales import Ints, Scale

ROWS_AT_ONCE = 1 << 17
"""So that what is worked on stays near the processor."""


@dataclass(frozen=True)
class Spans:
    """Follow-up to be cut.

    Attributes:
        start: the day before each row's first day of follow-up, counted from its index day: 0 where follow-up
            begins on day 1.
        stop: its last day.
    """

    start: Ints
    stop: Ints


@dataclass(frozen=True)
class Cut:
    """Pieces of follow-up, by row and time.

    Attributes:
        row: whose piece it is (int32).
        start: the day before its first (int32).
        stop: its last (int32); the pieces of a row add up to its follow-up, and none is empty.
        codes: for each scale, the place of the label of the band that it lies in (int16; -1 for unknown).
    """

    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    codes: tuple[np.ndarray, ...]


def split(spans: Spans, scales: Sequence[Scale]) -> Cut:
    """Cut follow-up by several scales; a row that isn't followed for a day has no piece.

    Args:
        spans: one a row.
        scales: made for the same rows.
    """
    parts = [
        _rows(spans, np.arange(first, min(first + ROWS_AT_ONCE, spans.start.size)), scales)
        for first in range(0, max(spans.start.size, 1), ROWS_AT_ONCE)
    ]
    return Cut(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.stop for part in parts]),
        tuple(np.concatenate([part.codes[n] for part in parts]) for n in range(len(scales))),
    )


def _rows(spans: Spans, row: Ints, scales: Sequence[Scale]) -> Cut:
    row = row[spans.stop[row] > spans.start[row]]
    start, stop = spans.start[row], spans.stop[row]
    codes: list[np.ndarray] = []
    for scale in scales:
        first, last = scale.band(row, start + 1), scale.band(row, stop)
        number = last - first + 1
        if (number == 1).all():
            codes.append(scale.code(row, first).astype(np.int16))
            continue
        whole = np.repeat(np.arange(row.size), number)
        nth = np.arange(whole.size) - np.repeat(np.cumsum(number) - number, number)
        band = first[whole] + nth
        later = np.flatnonzero(nth)
        row, start = row[whole], start[whole]
        start[later] = scale.begins(row[later], band[later]) - 1
        ends = stop[whole]
        ends[later - 1] = start[later]
        stop = ends
        codes = [code[whole] for code in codes]
        codes.append(scale.code(row, band).astype(np.int16))
    return Cut(row.astype(np.int32), start.astype(np.int32), stop.astype(np.int32), tuple(codes))
