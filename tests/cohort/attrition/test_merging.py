"""No reader of a released flow chart can tell that one to four persons left at a step, or were left.

Two attackers try. One knows the numbers that are shown and what they mean, and bounds every hidden number by
integer programming. The other knows the rule too, and tries all flow charts that it would show like that.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from sundbench.cohort.attrition.merging import LEAST, shown


def counts_of(overlapping, drops, final):
    """The persons left after each step: of some who are in several arms first, then of arms apart.

    Args:
        overlapping: for each of the first steps, persons who leave at the next by the arms that they are in.
        drops: persons who leave at each later step, by arm.
        final: persons left at the end, by arm.
    """
    arms = range(len(final))
    left = np.array([[*final], *drops[::-1]]).cumsum(axis=0)[::-1]
    counts = [(int(row.sum()), *map(int, row)) for row in left]
    total, by_arm = counts[0][0], list(counts[0][1:])
    for step in reversed(overlapping):
        total += sum(step.values())
        for members, many in step.items():
            by_arm = [by_arm[arm] + many * (arm in members) for arm in arms]
        counts.insert(0, (total, *by_arm))
    return counts


small = st.one_of(st.just(0), st.integers(0, 8), st.integers(0, 300))


@st.composite
def flow_charts(draw):
    arms = draw(st.integers(1, 3))
    members = [who for size in range(1, arms + 1) for who in itertools.combinations(range(arms), size)]
    overlapping = draw(st.lists(st.dictionaries(st.sampled_from(members), small, max_size=4), max_size=3))
    by_arm = st.lists(small, min_size=arms, max_size=arms)
    return counts_of(overlapping, draw(st.lists(by_arm, max_size=5)), draw(by_arm))


def drops(counts, place):
    return [before - after for before, after in zip(counts[place - 1], counts[place], strict=True)]


def bounds(counts, chosen):
    """What an attacker learns of each hidden number: its least and its largest possible value.

    The unknowns are the persons who leave at each step: in all while persons may be in several arms, by arm
    afterwards (whether that is shown or not); and those left at the end, by arm. Every number that is shown
    is a sum of them.
    """
    arms, last = len(counts[0]) - 1, len(counts) - 1
    apart = chosen.by_arm_from if chosen.by_arm_from is not None else last + 1
    unknown = {}
    for place in range(1, last + 1):
        for arm in range(arms) if place > apart else (None,):
            unknown[place, arm] = len(unknown)
    for arm in range(arms) if apart <= last else (None,):
        unknown["left", arm] = len(unknown)
    rows, values = [], []
    for place in chosen.steps:
        for arm in (None, *(range(arms) if place >= apart else ())):
            of = [
                at
                for (when, who), at in unknown.items()
                if (when == "left" or when > place) and (arm is None or who == arm)
            ]
            row = np.zeros(len(unknown))
            row[of] = 1
            rows.append(row)
            values.append(counts[place][0 if arm is None else 1 + arm])
    targets = {key: [at] for key, at in unknown.items()}
    for place in range(1, last + 1):
        targets[place, "all"] = [at for (when, _), at in unknown.items() if when == place]
    known = LinearConstraint(np.array(rows), values, values)
    found = {}
    for key, places in targets.items():
        goal = np.zeros(len(unknown))
        goal[places] = 1
        ends = []
        for sign in (1, -1):
            # What can be as large as one likes is bounded far off.
            solved = milp(
                sign * goal, constraints=known, integrality=np.ones(len(unknown)), bounds=Bounds(0, 10_000)
            )
            ends.append(sign * solved.fun)
        found[key] = tuple(round(end) for end in ends)
    return found


@given(flow_charts())
@settings(max_examples=80, deadline=None)
def test_no_hidden_number_can_be_told_to_lie_from_one_to_four(counts):
    chosen = shown(counts)
    if chosen is None:
        return
    for key, (low, high) in bounds(counts, chosen).items():
        assert not (low >= 1 and high < LEAST), (key, low, high)


@given(flow_charts())
@settings(max_examples=300, deadline=None)
def test_every_number_shown_and_every_difference_of_two_is_nobody_or_enough(counts):
    chosen = shown(counts)
    if chosen is None:
        assert 0 < counts[-1][0] < LEAST
        return
    assert chosen.steps[-1] == len(counts) - 1
    for arm in range(len(counts[0])):
        places = [p for p in chosen.steps if arm == 0 or (chosen.by_arm_from or 10**9) <= p]
        if chosen.by_arm_from == 0 and arm:
            places = list(chosen.steps)
        numbers = [counts[p][arm] for p in places]
        differences = [one - other for one, other in itertools.combinations(numbers, 2)]
        assert all(n == 0 or n >= LEAST for n in (*numbers, *differences))
    for place in chosen.steps:
        if chosen.by_arm_from is not None and place >= chosen.by_arm_from:
            assert sum(counts[place][1:]) == counts[place][0]


def summing_to_at_most(most, cells):
    """All ways to spread at most so many persons over cells."""
    if not cells:
        yield ()
        return
    for first in range(most + 1):
        for rest in summing_to_at_most(most - first, cells - 1):
            yield (first, *rest)


@pytest.mark.parametrize(
    ("arms", "steps", "least", "most"),
    [(1, 1, 5, 30), (1, 2, 5, 30), (1, 3, 5, 20), (1, 4, 3, 14), (2, 1, 3, 16), (2, 2, 3, 13), (3, 1, 3, 12)],
)
def test_who_knows_the_rule_learns_no_number_from_one_to_four(arms, steps, least, most):
    """All small flow charts, by what is shown of them: those that look alike share no hidden small number."""
    alike = {}
    for cells in summing_to_at_most(most, arms * (steps + 1)):
        rows = [list(cells[arms * n : arms * (n + 1)]) for n in range(steps + 1)]
        counts = counts_of([], rows[1:], rows[0])
        chosen = shown(counts, least)
        if chosen is None or counts[chosen.steps[0]][0] + least > most:  # others may have more persons
            continue
        apart = chosen.by_arm_from
        numbers = (counts[p] if apart is not None and p >= apart else counts[p][:1] for p in chosen.steps)
        hidden = [drops(counts, place) for place in range(1, steps + 1)]
        hidden += [list(step) for step in counts]
        alike.setdefault((chosen, tuple(numbers)), []).append([number for row in hidden for number in row])
    assert alike
    for seen, possible in alike.items():
        for values in zip(*possible, strict=True):
            assert len(set(values)) > 1 or not 0 < values[0] < least, (seen, values[0])


@pytest.mark.parametrize(
    ("totals", "steps"),
    [
        ([100, 50, 20], (0, 1, 2)),
        ([100, 97, 50], (0, 2)),
        ([100, 50, 47], (0, 2)),
        ([100, 97, 94, 91], (0, 3)),
        ([100, 95, 92, 80], (0, 1, 3)),
        ([100, 97, 97, 97], (3,)),
        ([100, 100, 90], (0, 1, 2)),
        ([3, 0], (1,)),
        ([8, 0], (0, 1)),
    ],
)
def test_steps_are_merged_until_each_takes_away_nobody_or_enough(totals, steps):
    chosen = shown([(n, n) for n in totals])
    assert chosen is not None
    assert (chosen.steps, chosen.by_arm_from) == (steps, None)


def test_too_few_left_is_nothing_to_show():
    assert shown([(100, 100), (4, 4)]) is None


def test_a_drop_of_few_from_one_arm_merges_steps_too():
    chosen = shown([(100, 50, 50), (80, 46, 34), (60, 30, 30)])
    assert (chosen.steps, chosen.by_arm_from) == ((0, 2), 0)


def test_arms_are_not_shown_while_persons_are_in_several():
    chosen = shown([(100, 60, 43), (80, 40, 40)])
    assert (chosen.steps, chosen.by_arm_from) == ((0, 1), 1)


def test_an_arm_of_few_is_not_shown_and_neither_is_the_other():
    chosen = shown([(100, 60, 40), (50, 47, 3)])
    assert (chosen.steps, chosen.by_arm_from) == ((0, 1), None)


def test_more_persons_may_be_asked_for():
    assert shown([(100, 100), (92, 92), (50, 50)], least=10).steps == (0, 2)
