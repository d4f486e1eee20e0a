"""Follow-up as arrays: end, event or cause, entry, weights; and what is refused about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, indicator, numbers, same_length

Ints = NDArray[np.int64]
_MOST_CAUSES = 1_000_000


def follow_up(
    time: ArrayLike, event: ArrayLike, entry: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Floats, Bools, Floats, Floats]:
    """End, event, entry (0 where none is given) and weight (1 where none is given) of each person.

    Raises:
        MethodError: empty, missing, negative or unequal data, or entry at or after the end.
    """
    end, late, weight = _spans(time, entry, weights)
    occurred = indicator(event, "event", "an event as 1 and censoring as 0")
    same_length(time=end, event=occurred)
    return end, occurred, late, weight


def causes(
    time: ArrayLike, cause: ArrayLike, entry: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Floats, Ints, Floats, Floats]:
    """End, cause (0 censored), entry and weight of each person.

    Raises:
        MethodError: as ``follow_up``; or causes that are not 0, 1, 2, ...
    """
    end, late, weight = _spans(time, entry, weights)
    codes = numbers(cause, "cause")
    if (codes < 0).any() or (codes > _MOST_CAUSES).any() or (codes != np.round(codes)).any():
        raise MethodError("cause: values other than 0, 1, 2, ...: code censoring as 0 and each cause as 1, 2")
    same_length(time=end, cause=codes)
    return end, codes.astype(np.int64), late, weight


def check_cause(codes: Ints, of_interest: int) -> None:
    """Refuse a cause of interest that is none.

    Raises:
        MethodError: 0, which is censoring, or a cause that nobody has.
    """
    if of_interest == 0:
        raise MethodError("of_interest 0 is censoring: name a cause, 1, 2, ...")
    if not (codes == of_interest).any():
        raise MethodError(f"cause {of_interest} never happens: there are no events to analyse")


def check_level(conf_level: float) -> None:
    """Refuse a coverage that is none.

    Raises:
        MethodError: not between 0 and 1.
    """
    if not isinstance(conf_level, int | float) or not 0 < conf_level < 1:
        raise MethodError(f"conf_level {conf_level} lies outside 0 to 1: use e.g. 0.95")


def check_limits(conf_type: str, conf_level: float) -> None:
    """Refuse kinds of limits that are unknown.

    Raises:
        MethodError: neither log-log, log nor plain; or a coverage that is none.
    """
    if conf_type not in ("log-log", "log", "plain"):
        raise MethodError(f"conf_type {conf_type} is unknown: use log-log, log or plain")
    check_level(conf_level)


def _spans(
    time: ArrayLike, entry: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    end = numbers(time, "time")
    late = np.zeros_like(end) if entry is None else numbers(entry, "entry")
    weight = np.ones_like(end) if weights is None else numbers(weights, "weights")
    same_length(time=end, entry=late, weights=weight)
    for name, values in (("time", end), ("entry", late), ("weights", weight)):
        not_negative(values, name)
    wrong = int(((late > 0) & (late >= end)).sum())
    if wrong:
        raise MethodError(
            f"{wrong} of {end.size} persons enter at or after their end of follow-up: leave them out"
        )
    return end, late, weight


def not_negative(values: Floats, name: str) -> None:
    """Refuse negative values.

    Raises:
        MethodError: some are negative.
    """
    negative = int((values < 0).sum())
    if negative:
        raise MethodError(f"{name}: {negative} of {values.size} values are negative: they must be 0 or more")
