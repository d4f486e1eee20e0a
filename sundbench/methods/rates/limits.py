"""Confidence limits of a Poisson count.

Exact: Garwood (1936), by the gamma distribution. Byar: Breslow and Day (1987), volume II.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv
from scipy.stats import norm

from sundbench.methods.inputs import Floats

CountMethod = Literal["exact", "byar"]


def poisson_limits(events: ArrayLike, conf_level: float, method: CountMethod) -> tuple[Floats, Floats]:
    """Limits of the expected number, given the numbers that were seen."""
    x = np.asarray(events, dtype=np.float64)
    if method == "byar":
        z = norm.ppf((1 + conf_level) / 2)
        # 0.5 is added to the count at both ends, as in R's epitools; Breslow and Day add 1 at the upper.
        half = x + 0.5
        reach = z / 3 / np.sqrt(half)
        below, above = (1 - 1 / (9 * half) - reach) ** 3, (1 - 1 / (9 * half) + reach) ** 3
        return np.maximum(half * below, 0.0), half * above
    tail = (1 - conf_level) / 2
    lower = np.where(x > 0, gammaincinv(np.maximum(x, 1.0), tail), 0.0)
    return np.asarray(lower), np.asarray(gammaincinv(x + 1.0, 1 - tail))
