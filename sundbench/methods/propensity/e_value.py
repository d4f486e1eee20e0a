"""E-values: how strong an unmeasured confounder would have to be to explain an estimate away.

Source: VanderWeele and Ding, Annals of Internal Medicine 167 (2017), with their conversions of odds ratios,
hazard ratios and standardised differences to risk ratios; as R's EValue 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked

Measure = Literal["rr", "or", "hr", "difference"]


@dataclass(frozen=True)
class EValue:
    """The smallest risk ratio with both treatment and outcome that explains an estimate away.

    Attributes:
        table: indexed by ``estimate`` and, where limits were given, ``limit`` (the one nearer to the null):
            rr (approximate, where the measure is another) and e_value. A limit on the other side of the null
            has the E-value 1: nothing need be explained.
    """

    table: pd.DataFrame

    @property
    def estimate(self) -> float:
        """The E-value of the estimate."""
        return float(self.table["e_value"].to_numpy()[0])

    @property
    def limit(self) -> float:
        """The E-value of the confidence limit that is nearer to the null; NaN where no limits were given."""
        return float(self.table["e_value"].to_numpy()[1]) if len(self.table) > 1 else float("nan")


@kinds_checked
def e_value(
    estimate: float,
    *,
    lower: float | None = None,
    upper: float | None = None,
    measure: Measure = "rr",
    rare: bool | None = None,
    se: float | None = None,
    sd: float = 1.0,
    null: float | None = None,
) -> EValue:
    """The E-value of an estimate and of its confidence limit.

    Args:
        estimate: a ratio, or a difference in means.
        lower: its lower confidence limit, on the same scale.
        upper: its upper confidence limit.
        measure: ``rr`` risk ratio (or rate ratio), ``or`` odds ratio, ``hr`` hazard ratio, ``difference`` in
            means.
        rare: of an odds or hazard ratio, whether at most 15 % have the outcome by the end of follow-up; the
            ratio then counts as a risk ratio. Otherwise its square root does (odds ratio), or
            (1 - 0.5^√hr) / (1 - 0.5^√(1/hr)).
        se: standard error of a difference, in place of limits.
        sd: standard deviation of the outcome, by which a difference is divided; the risk ratio is then about
            exp(0.91 d), its limits exp(0.91 d ± 1.78 se).
        null: the true value that the estimate is moved to: 1, or 0 for a difference, if nothing is said.

    Raises:
        MethodError: ratios that are not above 0, limits that don't enclose the estimate, ``rare`` missing
            where it decides, or an unknown measure.
    """
    if measure not in get_args(Measure):
        raise MethodError(f"measure {measure} is unknown: use rr, or, hr or difference")
    if measure in ("or", "hr") and rare is None:
        raise MethodError(
            f"rare: say whether the outcome is rare (at most 15 %): it decides what the {measure} means"
        )
    limits = [lower, upper]
    given = [estimate, *(value for value in (lower, upper, se, null) if value is not None)]
    if not np.isfinite(given).all():
        raise MethodError("some of the estimate, its limits and its error are missing or infinite")
    if measure == "difference":
        if lower is not None or upper is not None:
            raise MethodError("lower and upper: of a difference give se= in place of limits")
        if not sd > 0 or (se is not None and se < 0):
            raise MethodError("sd must be above 0 and se not below 0")
        d = estimate / sd
        ratio = float(np.exp(0.91 * d))
        target = float(np.exp(0.91 * (null or 0.0) / sd))
        reach = None if se is None else 1.78 * se / sd
        limits = [None, None] if reach is None else [np.exp(0.91 * d - reach), np.exp(0.91 * d + reach)]
    else:
        if se is not None:
            raise MethodError("se belongs to a difference: of a ratio give lower and upper")
        null = 1.0 if null is None else null
        if min(estimate, null, *(value for value in limits if value is not None)) <= 0:
            raise MethodError(f"{measure}: a ratio, its limits and the null are above 0")
        ratio, target = _risk_ratio(estimate, measure, rare), _risk_ratio(null, measure, rare)
        limits = [None if value is None else _risk_ratio(value, measure, rare) for value in limits]
    low, high = limits
    if (low is not None and low > ratio) or (high is not None and high < ratio):
        raise MethodError("lower and upper: the limits don't enclose the estimate")
    rows = [(ratio, _threshold(ratio, target))]
    index = ["estimate"]
    near = low if ratio >= target else high
    if near is not None:
        crossed = near <= target if ratio >= target else near >= target
        rows.append((float(near), 1.0 if crossed else _threshold(float(near), target)))
        index.append("limit")
    return EValue(pd.DataFrame(rows, columns=["rr", "e_value"], index=pd.Index(index, name="term")))


def _risk_ratio(value: float, measure: Measure, rare: bool | None) -> float:
    """A ratio as an approximate risk ratio."""
    if measure == "rr" or rare:
        return float(value)
    if measure == "or":
        return float(np.sqrt(value))
    return float((1 - 0.5 ** np.sqrt(value)) / (1 - 0.5 ** np.sqrt(1 / value)))


def _threshold(ratio: float, target: float) -> float:
    """The E-value for moving a risk ratio to another."""
    apart = max(ratio / target, target / ratio)
    return float(apart + np.sqrt(apart * (apart - 1)))
