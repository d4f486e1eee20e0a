"""Descent to the minimum that lies below a starting point, as R's ``nlm`` goes.

The likelihoods of mixtures have several maxima. Published fits are those that ``nlm`` reaches from a stated
start, which another search may miss. Source: Dennis and Schnabel, Numerical Methods for Unconstrained
Optimization (1983): the secant method (BFGS, A9.4.2) with backtracking line search (A6.3.1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sundbench.methods.inputs import Floats

_ITERATIONS = 500
_SLOPE = 1e-6
_STEP = 1e-6
_NOISE = 1e-12


def descend(loss: Callable[[Floats], float], start: Floats) -> Floats:
    """The point at which the descent ends.

    Args:
        loss: what is minimised; infinite or NaN where it isn't defined.
        start: where to begin.
    """
    at, value = start.copy(), loss(start)
    central = False
    slope = _slope(loss, at, value, central=central)
    curvature, updated = np.eye(at.size), False
    longest = 1000 * max(1.0, float(np.linalg.norm(at)))
    for _ in range(_ITERATIONS):
        if not np.isfinite(slope).all():
            break
        step = np.asarray(-np.linalg.solve(curvature, slope), dtype=np.float64)
        length = float(np.linalg.norm(step))
        if length > longest:
            step *= longest / length
        found = _backtrack(loss, at, value, slope, step)
        if found is None:
            if central:
                break
            central = True
            slope = _slope(loss, at, value, central=central)
            continue
        after, lower = found
        new = _slope(loss, after, lower, central=central)
        moved, turned = after - at, new - slope
        at, value, slope = after, lower, new
        if (np.abs(new) * np.maximum(np.abs(at), 1) / max(abs(value), 1)).max() <= _SLOPE:
            break
        if (np.abs(moved) / np.maximum(np.abs(at), 1)).max() <= _STEP:
            break
        gain = float(moved @ turned)
        if gain < np.sqrt(_NOISE) * np.linalg.norm(moved) * np.linalg.norm(turned):
            continue
        if not updated:
            curvature, updated = curvature * gain / float(moved @ curvature @ moved), True
        pushed = curvature @ moved
        curvature = curvature + np.outer(turned, turned) / gain - np.outer(pushed, pushed) / (moved @ pushed)
    return at


def _slope(loss: Callable[[Floats], float], at: Floats, value: float, *, central: bool) -> Floats:
    width = np.cbrt(_NOISE) if central else np.sqrt(_NOISE)
    found = np.empty(at.size)
    for i in range(at.size):
        step = width * max(abs(at[i]), 1.0)
        up = at.copy()
        up[i] += step
        if central:
            down = at.copy()
            down[i] -= step
            found[i] = (loss(up) - loss(down)) / (2 * step)
        else:
            found[i] = (loss(up) - value) / step
    return found


def _backtrack(
    loss: Callable[[Floats], float], at: Floats, value: float, slope: Floats, step: Floats
) -> tuple[Floats, float] | None:
    """The first point along the step that lowers the loss enough; None if there is none."""
    fall = float(slope @ step)
    least = _STEP / (np.abs(step) / np.maximum(np.abs(at), 1)).max()
    share = 1.0
    before: tuple[float, float] | None = None
    while True:
        point = at + share * step
        found = loss(point)
        if np.isfinite(found) and found <= value + 1e-4 * fall * share:
            return point, found
        if not share >= least:
            return None
        if not np.isfinite(found):
            share, before = share * 0.1, None
            continue
        shorter = _interpolated(share, found - value - share * fall, before, fall)
        before = (share, found - value - share * fall)
        share = max(0.1 * share, shorter)


def _interpolated(share: float, excess: float, before: tuple[float, float] | None, fall: float) -> float:
    """Where the parabola or cubic through the points tried has its minimum; at most half as far."""
    if before is None:
        return min(-fall * share**2 / (2 * excess), 0.5 * share)
    last, other = before
    one, two = excess / share**2, other / last**2
    cubic = (one - two) / (share - last)
    square = (two * share - one * last) / (share - last)
    if cubic == 0:
        return min(-fall / (2 * square), 0.5 * share)
    root = square**2 - 3 * cubic * fall
    if root < 0:
        return 0.5 * share
    return min(float(-square + np.sqrt(root)) / (3 * cubic), 0.5 * share)
