"""Which steps of a flow chart may be shown, so that none singles out one to four persons.

The rule. A number is safe if it is 0, or at least ``least``. The first and the last step are shown, and of
those between as many as can be with every number shown safe and every difference between a step shown and the
next one shown: of persons in all, and by arm. A step that isn't shown is told of with the next one that is.
Numbers by arm are shown from the first step on from which on each person is in one arm alone (before, the
overlap of arms would be a number of persons too); where that leaves no way from the first step to the last,
they aren't shown, and where there is none without them either, the last step is shown alone. Of several such
choices the one with the earliest steps is taken. Nothing is rounded.

Why that is enough. From the step on from which each person is in one arm, every number shown, and every
difference of numbers shown between steps, between arms and the total, is a sum of disjoint cells: persons who
left one arm between two steps shown, or were left in one arm at the end. Each cell is safe, and so are their
sums. The steps that were merged appear in no number alone. Who knows the rule too learns that some step among
those merged took away 1 to 4 persons, but not which number, nor as a rule which step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST = 5
"""The smallest number of persons that may be shown, besides 0."""

Counts = Sequence[int]
"""Persons in all, then in each arm."""


@dataclass(frozen=True)
class Shown:
    """What of a flow chart may be shown.

    Attributes:
        steps: the places of the steps.
        by_arm_from: the place of the first step whose numbers by arm may be shown; None if none's may.
    """

    steps: tuple[int, ...]
    by_arm_from: int | None


def shown(counts: Sequence[Counts], least: int = LEAST) -> Shown | None:
    """Choose the steps to show.

    Args:
        counts: for each step the persons left: in all, then by arm.
        least: the smallest number that is safe, besides 0.

    Returns:
        The choice; None if the persons left at the end are too few to be shown.
    """
    apart, everywhere = _apart_from(counts), len(counts)
    choices: list[tuple[int | None, int]] = [(None, everywhere)]
    if len(counts[0]) > 2 and apart is not None:  # one arm's numbers are the total's
        choices.insert(0, (apart, apart))
    for by_arm_from, split in choices:
        steps = _chosen(counts, split, least)
        if steps:
            return Shown(steps, by_arm_from)
    last = counts[-1]
    for by_arm_from, split in choices:
        if _safe(last if split < everywhere else last[:1], least):
            return Shown((everywhere - 1,), by_arm_from)
    return None


def _safe(numbers: Sequence[int], least: int) -> bool:
    return all(number == 0 or number >= least for number in numbers)


def _apart_from(counts: Sequence[Counts]) -> int | None:
    """The first step from which on each person is in one arm alone."""
    first = None
    for place in reversed(range(len(counts))):
        if sum(counts[place][1:]) != counts[place][0]:
            break
        first = place
    return first


def _chosen(counts: Sequence[Counts], apart: int, least: int) -> tuple[int, ...]:
    """The longest way from the first step to the last, the earliest of several; empty if there is none."""

    def visible(place: int) -> Counts:
        return counts[place] if place >= apart else counts[place][:1]

    def follows(place: int, later: int) -> bool:
        before, after = visible(place), visible(later)
        return _safe([one - other for one, other in zip(before, after, strict=False)], least)

    last = len(counts) - 1
    if not _safe(visible(last), least):
        return ()
    length, following = {last: 1}, {last: last}
    for place in reversed(range(last)):
        if not _safe(visible(place), least):
            continue
        ways = [later for later in range(place + 1, last + 1) if later in length and follows(place, later)]
        if ways:
            best = max(ways, key=lambda later: (length[later], -later))
            length[place], following[place] = length[best] + 1, best
    if 0 not in length:
        return ()
    chosen = [0]
    while chosen[-1] != last:
        chosen.append(following[chosen[-1]])
    return tuple(chosen)
