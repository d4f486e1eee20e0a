"""The loops of greedy matching: who takes which control.

Two union-find forests over the sorted controls give the nearest that is still free below and above a score
in nearly constant time; scanning past those that are taken grows with the square of the persons. Compiled,
because every choice depends on all before it.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sundbench.methods.compiled import compiled
from sundbench.methods.inputs import Bools, Floats

Rows = NDArray[np.int64]
Places = NDArray[np.int32]  # half the memory of Rows: the loops wait for memory more than for anything else


class Line(NamedTuple):
    """Everybody in the order of scores, of equal scores the first in the data first.

    Attributes:
        treated: scores, in the order of the data.
        treated_at: their positions in the line.
        begin: their last controls before them in the line, 0 for none.
        controls: scores in the line's order, from 1: minus infinity stands before, infinity after them.
        controls_at: their positions in the line.
    """

    treated: Floats
    treated_at: Places
    begin: Places
    controls: Floats
    controls_at: Places


@compiled
def line_up(score: Floats, arm: Bools, order: Rows) -> Line:
    """The line of everybody.

    Args:
        score: sorted scores.
        arm: whether each person of the data is treated.
        order: whose scores they are.
    """
    many = arm.sum()
    number = np.cumsum(arm)
    treated, treated_at, begin = np.empty(many), np.empty(many, np.int32), np.empty(many, np.int32)
    controls, controls_at = np.empty(arm.size - many + 2), np.empty(arm.size - many + 2, np.int32)
    controls[0], controls_at[0] = -np.inf, -1
    last = 0
    for at in range(order.size):
        if arm[order[at]]:
            person = number[order[at]] - 1
            treated[person], treated_at[person], begin[person] = score[at], at, last
        else:
            last += 1
            controls[last], controls_at[last] = score[at], at
    controls[last + 1], controls_at[last + 1] = np.inf, order.size
    return Line(treated, treated_at, begin, controls, controls_at)


@compiled
def in_turn(turn: Rows, line: Line, ratio: int, reach: float) -> tuple[Rows, Rows]:
    """Pairs without replacement: round by round, everybody in turn takes the nearest free control.

    Args:
        turn: numbers of the treated, who chooses first at the front.
        line: everybody.
        ratio: rounds.
        reach: the largest distance allowed.

    Returns:
        Numbers of the treated and of their controls (from 1), in the order in which pairs were made.
    """
    size = line.controls.size
    up, down = np.arange(size, dtype=np.int32), np.arange(size, dtype=np.int32)
    left, right = line.treated_at.copy(), line.treated_at.copy()
    most = min(turn.size * ratio, size - 2)
    own, other, made = np.empty(most, np.int64), np.empty(most, np.int64), 0
    turn, waiting = turn.copy(), turn.size
    for _ in range(ratio):
        found = 0
        for i in range(waiting):
            person = turn[i]
            control = nearest(line, person, left[person], right[person], up, down, reach)
            if control == 0:
                continue
            take(line, person, control, left, right, up, down)
            own[made], other[made] = person, control
            made += 1
            turn[found] = person  # who found nobody in this round finds nobody in a later one
            found += 1
        waiting = found
        if waiting == 0:
            break
    return own[:made], other[:made]


@compiled
def closest_first(line: Line, ratio: int, reach: float) -> tuple[Rows, Rows]:
    """Pairs without replacement: in each round the closest pair first; see ``in_turn``.

    A person whose control has gone looks again and queues again. Of equally close pairs those that queued
    again come first, the last of them foremost; then the first in the data.
    """
    size = line.controls.size
    up, down = np.arange(size, dtype=np.int32), np.arange(size, dtype=np.int32)
    left, right = line.treated_at.copy(), line.treated_at.copy()
    most = min(line.treated.size * ratio, size - 2)
    own, other, made = np.empty(most, np.int64), np.empty(most, np.int64), 0
    looking = np.ones(line.treated.size, np.bool_)
    for _ in range(ratio):
        queue: list[tuple[float, int, int, int]] = []
        for person in range(line.treated.size):
            if not looking[person]:
                continue
            control = nearest(line, person, left[person], right[person], up, down, reach)
            if control > 0:
                distance = abs(line.treated[person] - line.controls[control])
                queue.append((distance, person, person, control))
        heapq.heapify(queue)
        looking[:] = False
        before, again = made, 0
        while len(queue) > 0:
            _, _, person, control = heapq.heappop(queue)
            if up[control] == control:
                take(line, person, control, left, right, up, down)
                own[made], other[made] = person, control
                made += 1
                looking[person] = True
                continue
            gone = line.controls_at[control]
            low, high = min(left[person], gone), max(right[person], gone)
            control = nearest(line, person, low, high, up, down, reach)
            if control > 0:
                distance = abs(line.treated[person] - line.controls[control])
                again -= 1
                heapq.heappush(queue, (distance, again, person, control))
        if made == before:
            break
    return own[:made], other[:made]


@compiled
def with_replacement(line: Line, ratio: int, reach: float) -> tuple[Rows, Rows]:
    """The nearest controls of each treated person, whoever else has them; by person, the nearest first."""
    last = line.controls.size - 1
    most = min(ratio, last - 1)
    own = np.empty(line.treated.size * most, np.int64)
    other, made = np.empty_like(own), 0
    for person in range(line.treated.size):
        at, low, high = line.treated_at[person], line.begin[person], line.begin[person] + 1
        for _ in range(most):
            control = nearer(line, person, low, high, at, at, reach)
            if control == 0:
                break
            own[made], other[made] = person, control
            made += 1
            low, high = (low - 1, high) if control == low else (low, high + 1)
    return own[:made], other[:made]


@compiled
def nearest(  # noqa: PLR0917 - compiled loops take their arguments by place
    line: Line, person: int, left: int, right: int, up: Places, down: Places, reach: float
) -> int:
    """The nearest free control, or 0.

    ``up[i]`` leads from control i towards the first free one at or after it, ``down[i]`` to the last at or
    before it; the ways are halved as they are walked. The person has looked from ``left`` to ``right``.
    """
    low = line.begin[person]
    while down[low] != low:
        down[low] = low = down[down[low]]
    high = line.begin[person] + 1
    while up[high] != high:
        up[high] = high = up[up[high]]
    return nearer(line, person, low, high, left, right, reach)


@compiled
def nearer(  # noqa: PLR0917
    line: Line, person: int, low: int, high: int, left: int, right: int, reach: float
) -> int:
    """Which of two controls is nearer and within reach, or 0.

    If both are equally far away it is the one that stands fewer positions outside ``left`` to ``right``.
    """
    below, above = line.treated[person] - line.controls[low], line.controls[high] - line.treated[person]
    distance = min(below, above)
    if distance > reach or distance == np.inf:
        return 0
    if below == above:
        return low if left - line.controls_at[low] <= line.controls_at[high] - right else high
    return low if below < above else high


@compiled
def take(  # noqa: PLR0917
    line: Line, person: int, control: int, left: Places, right: Places, up: Places, down: Places
) -> None:
    """Take a control out, and note how far the person has looked."""
    up[control], down[control] = control + 1, control - 1
    at = line.controls_at[control]
    left[person], right[person] = min(left[person], at), max(right[person], at)


@compiled
def by_treated(own: Rows, other: Rows, treated: int) -> tuple[Rows, Rows]:
    """Pairs by treated; each one's controls stay in the order in which they were taken."""
    start = np.zeros(treated + 1, np.int64)
    for person in own:
        start[person + 1] += 1
    start = np.cumsum(start)
    sorted_own, sorted_other = np.empty_like(own), np.empty_like(other)
    for i in range(own.size):
        at = start[own[i]]
        start[own[i]] += 1
        sorted_own[at], sorted_other[at] = own[i], other[i]
    return sorted_own, sorted_other
