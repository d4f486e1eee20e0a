"""Sums over the rows of a proportional hazards model, as machine code.

A row is at risk in a range of slots (see ``risk_sets``): what it brings is added where it leaves and taken
away where it enters, so that the sums over all risk sets cost one pass over the rows.

Many rows are summed in parts, by several threads. How they are parted depends on the data alone, and parts
are added in their order, so that the same data give the same bits, however many threads there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from sundbench.methods.compiled import compiled
from sundbench.methods.inputs import Bools, Floats
from sundbench.methods.survival.follow_up import Ints

_Part = TypeVar("_Part")

_PART = 2**17
"""Rows of a part."""

_BLOCK = 1024
"""Rows of which the expected events are kept at once: they stay in the processor's cache."""


class Spans(NamedTuple):
    """When each row is at risk; a tuple, because that is what compiled loops take.

    Attributes:
        event: whether it ends with an event.
        leave, enter: the slots between which it is at risk; no ``enter`` where all are from the start.
        staying: the factor with which it is at risk after it left; empty where none is.
        slots: how many there are.
    """

    event: Bools
    leave: Ints
    enter: Ints
    staying: Floats
    slots: int

    def part(self, rows: slice) -> Spans:
        """The spans of some rows."""
        return Spans(self.event[rows], self.leave[rows], self.enter[rows], self.staying[rows], self.slots)


def parts(spans: Spans) -> list[slice]:
    """Slices of rows that are summed apart; fewer where there are many slots, whose sums would cost more."""
    rows = spans.event.size
    size = -(-rows // max(1, min(rows // _PART, rows // (4 * spans.slots))))
    return [slice(start, start + size) for start in range(0, rows, size)]


def net_moments(
    spans: Spans, matrix: Floats, offset: Floats, weight: Floats, beta: Floats
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """Each row's risk, weight * exp(offset + row @ beta), and by slot the sums of rows times their risk.

    Args:
        spans: when each row is at risk.
        matrix: rows by terms.
        offset: of each row.
        weight: of each row.
        beta: the coefficients.

    Returns:
        The events' weighted linear predictors in all; the risks; and sums (slots by terms, then the risk
        itself in the last column) of those who leave less those who enter, of those who stay after they
        left, and of those with events.
    """
    risk = np.empty(matrix.shape[0])

    def part(rows: slice) -> tuple[float, Floats, Floats, Floats]:
        own = spans.part(rows)
        return _net_moments(own, matrix[rows], offset[rows], weight[rows], beta, risk[rows])

    linear, net, stayed, of_events = zip(*_each(part, parts(spans)), strict=True)
    return sum(linear), risk, _added(net), _added(stayed), _added(of_events)


def derivative_sums(
    spans: Spans, hazards: Hazards, matrix: Floats, weight: Floats, risk: Floats
) -> tuple[Floats, Floats]:
    """Sums over rows of (events less expected events) * row, and of expected events * row' row."""

    def part(rows: slice) -> tuple[Floats, Floats]:
        return _derivative_sums(spans.part(rows), hazards, matrix[rows], weight[rows], risk[rows])

    first, second = zip(*_each(part, parts(spans)), strict=True)
    return _added(first), _added(second)


def _each(part: Callable[[slice], _Part], rows: list[slice]) -> list[_Part]:
    if len(rows) == 1:
        return [part(rows[0])]
    with ThreadPoolExecutor(min(len(rows), len(os.sched_getaffinity(0)))) as pool:
        return list(pool.map(part, rows))


def _added(sums: Sequence[Floats]) -> Floats:
    total = sums[0]
    for one in sums[1:]:
        total += one
    return total


@compiled
def _net_moments(  # noqa: PLR0917
    spans: Spans, matrix: Floats, offset: Floats, weight: Floats, beta: Floats, risk: Floats
) -> tuple[float, Floats, Floats, Floats]:
    late, stay = spans.enter.size > 0, spans.staying.size > 0
    rows, terms = matrix.shape
    linear_of_events = 0.0
    net = np.zeros((spans.slots, terms + 1))
    of_events = np.zeros((spans.slots, terms + 1))
    stayed = np.zeros((spans.slots if stay else 0, terms + 1))
    for row in range(rows):
        linear = offset[row]
        for term in range(terms):
            linear += matrix[row, term] * beta[term]
        own = weight[row] * np.exp(linear)
        risk[row] = own
        slot = spans.leave[row]
        net[slot, terms] += own
        for term in range(terms):
            net[slot, term] += own * matrix[row, term]
        if spans.event[row]:
            linear_of_events += weight[row] * linear
            of_events[slot, terms] += own
            for term in range(terms):
                of_events[slot, term] += own * matrix[row, term]
        if stay and spans.staying[row] > 0.0:
            stays = own * spans.staying[row]
            stayed[slot, terms] += stays
            for term in range(terms):
                stayed[slot, term] += stays * matrix[row, term]
        if late:
            slot = spans.enter[row]
            net[slot, terms] -= own
            for term in range(terms):
                net[slot, term] -= own * matrix[row, term]
    return linear_of_events, net, stayed, of_events


class Hazards(NamedTuple):
    """What rows gather of a hazard, by slot.

    Attributes:
        gathered: the hazard up to and with the slot.
        remaining: the hazard after it for who stays; empty where nobody does.
        spared: the hazard that the slot's events are spared.
        factor: multiplies the weight of the slot's events.
    """

    gathered: Floats
    remaining: Floats
    spared: Floats
    factor: Floats


@compiled
def expected_events(spans: Spans, hazards: Hazards, risk: Floats, first: int, last: int) -> Floats:
    """The risk of some rows times the hazard of the slots at which they are at risk."""
    late, stay = spans.enter.size > 0, spans.staying.size > 0
    expected = np.empty(last - first)
    for row in range(first, last):
        slot = spans.leave[row]
        hazard = hazards.gathered[slot]
        if late:
            hazard -= hazards.gathered[spans.enter[row]]
        if stay:
            hazard += spans.staying[row] * hazards.remaining[slot]
        if spans.event[row]:
            hazard -= hazards.spared[slot]
        expected[row - first] = risk[row] * hazard
    return expected


@compiled
def _derivative_sums(
    spans: Spans, hazards: Hazards, matrix: Floats, weight: Floats, risk: Floats
) -> tuple[Floats, Floats]:
    rows, terms = matrix.shape
    first = np.zeros(terms)
    second = np.zeros((terms, terms))
    for start in range(0, rows, _BLOCK):
        stop = min(rows, start + _BLOCK)
        expected = expected_events(spans, hazards, risk, start, stop)
        residual = -expected
        for row in range(start, stop):
            if spans.event[row]:
                residual[row - start] += weight[row] * hazards.factor[spans.leave[row]]
        _add_moments(matrix[start:stop], residual, expected, first, second)
    for term in range(terms):
        for other in range(term):
            second[other, term] = second[term, other]
    return first, second


@compiled
def _add_moments(matrix: Floats, residual: Floats, expected: Floats, first: Floats, second: Floats) -> None:
    rows, terms = matrix.shape
    whole = rows - rows % 4
    for row in range(0, whole, 4):
        for term in range(terms):
            a, b = matrix[row, term], matrix[row + 1, term]
            c, d = matrix[row + 2, term], matrix[row + 3, term]
            first[term] += (residual[row] * a + residual[row + 1] * b) + (
                residual[row + 2] * c + residual[row + 3] * d
            )
            a, b = expected[row] * a, expected[row + 1] * b
            c, d = expected[row + 2] * c, expected[row + 3] * d
            for other in range(term + 1):
                second[term, other] += (a * matrix[row, other] + b * matrix[row + 1, other]) + (
                    c * matrix[row + 2, other] + d * matrix[row + 3, other]
                )
    for row in range(whole, rows):
        for term in range(terms):
            first[term] += residual[row] * matrix[row, term]
            a = expected[row] * matrix[row, term]
            for other in range(term + 1):
                second[term, other] += a * matrix[row, other]
