"""Restricted mean survival time, compared between two groups.

Source: Uno et al., Statistics in Medicine 33 (2014), the contrasts of R's survRM2: difference, ratio, and
ratio of the restricted mean time lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.survival.kaplan_meier import kaplan_meier


@dataclass(frozen=True)
class RestrictedMean:
    """Restricted mean survival time of two groups and their contrasts.

    Attributes:
        groups: group, tau, rmst, se, lower, upper.
        table: indexed by contrast (difference, ratio, ratio of time lost): estimate, se, z, p_value, lower,
            upper. Ratios: se and z are of the logarithm.
        comparison: the contrast in words: ``a - b`` or ``a / b``.
    """

    groups: pd.DataFrame
    table: pd.DataFrame
    comparison: str


@kinds_checked
def rmst(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    tau: float,
    reference: str | None = None,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> RestrictedMean:
    """Compare two groups' mean survival up to a horizon.

    Args:
        time: each person's end of follow-up.
        event: 1 (event) or 0 (censored).
        group: two labels.
        tau: the horizon, in the unit of ``time``.
        reference: the label that is subtracted, or divided by; the first in order when not given.
        entry: time from which a person is under observation.
        weights: as for ``kaplan_meier``.
        conf_level: coverage of the limits.

    Raises:
        MethodError: not two groups, no events before ``tau``, or ``tau`` beyond a group's last follow-up.
    """
    fitted = kaplan_meier(time, event, entry=entry, weights=weights, group=group, conf_level=conf_level)
    names = list(fitted.curves)
    if len(names) != 2:
        raise MethodError(f"group has {len(names)} label(s): a comparison needs two")
    base = names[0] if reference is None else str(reference)
    if base not in names:
        raise MethodError(f"reference {base} is no group: the groups are {' and '.join(names)}")
    other = next(name for name in names if name != base)
    groups = fitted.rmst(tau)
    means = dict(zip(groups["group"], zip(groups["rmst"], groups["se"], strict=True), strict=True))
    (r1, s1), (r0, s0) = means[other], means[base]
    if not s1 + s0 > 0:
        raise MethodError(
            f"event: survival up to tau {tau:g} doesn't vary in either group: nothing to compare"
        )
    z = float(norm.ppf((1 + conf_level) / 2))
    rows = [_row(r1 - r0, float(np.hypot(s1, s0)), z)]
    for a, b in ((r1, r0), (tau - r1, tau - r0)):
        if a <= 0 or b <= 0:
            rows.append((np.nan,) * 6)
            continue
        log = _row(float(np.log(a / b)), float(np.hypot(s1 / a, s0 / b)), z)
        rows.append((a / b, *log[1:4], float(np.exp(log[4])), float(np.exp(log[5]))))
    table = pd.DataFrame(
        rows,
        index=pd.Index(["difference", "ratio", "ratio of time lost"], name="contrast"),
        columns=["estimate", "se", "z", "p_value", "lower", "upper"],
    )
    return RestrictedMean(groups, table, f"{other} against {base}")


def _row(estimate: float, se: float, z: float) -> tuple[float, float, float, float, float, float]:
    ratio = estimate / se if se > 0 else float("nan")
    return (estimate, se, ratio, float(2 * norm.sf(abs(ratio))), estimate - z * se, estimate + z * se)
