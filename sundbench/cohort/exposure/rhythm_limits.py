"""The limits within which a purchase rhythm is believed."""

from __future__ import annotations

from dataclasses import dataclass

from sundbench.errors import StudyError


@dataclass(frozen=True)
class RhythmLimits:
    """What PRE2DUP asks for, with its defaults (Tanskanen et al. 2015; R package PRE2DUP 0.2.0).

    Attributes:
        longest_gap: days between two purchases beyond which they can't be of one period.
        shortest: days that a purchase lasts at least.
        longest: days that a purchase lasts at most.
        longest_single: days that the only purchase of a period lasts at most.
        highest_ddd: defined daily doses taken a day, at most.
        longest_stay: days in hospital, at most, by which a purchase lasts longer.
        extra_days: days without supply that are bridged between purchases.
        weight_past: of the purchase before, in the sliding average of doses.
        weight_current: of the purchase itself.
        weight_next: of the purchase after.
        weight_edge: of the purchase itself, where it is the first or the last.
        bridged_percent: a gap between two periods of at most so many percent of the first is closed; in each
            further round the number is 0.1 lower.

    Raises:
        StudyError: a number below zero, or limits in the wrong order.
    """

    longest_gap: float = 300
    shortest: float = 5
    longest: float = 300
    longest_single: float = 150
    highest_ddd: float = 10
    longest_stay: float = 30
    extra_days: float = 5
    weight_past: float = 1
    weight_current: float = 4
    weight_next: float = 1
    weight_edge: float = 5
    bridged_percent: float = 1

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if number < 0:
                raise StudyError(f"RhythmLimits({name}={number!r}): can't be below zero")
        if not self.shortest < self.longest <= self.longest_gap or self.longest_single > self.longest:
            raise StudyError(
                "RhythmLimits(): the order is shortest < longest <= longest_gap, longest_single <= longest"
            )
