"""Whether the arms are alike: standardised mean differences and variance ratios.

Source: Austin, Statistics in Medicine 28 (2009); weighted variances as in R's cobalt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, Frame, frame, numbers, same_length
from sundbench.methods.propensity.design import columns_of
from sundbench.methods.propensity.matching import Pairs, pair_weights
from sundbench.methods.propensity.model import treated
from sundbench.methods.propensity.weighting import Estimand


@dataclass(frozen=True)
class Balance:
    """Covariate balance before and after weighting or matching.

    Attributes:
        table: one row a covariate, or a level of a categorical one: covariate, mean_treated_before,
            mean_untreated_before, smd_before, variance_ratio_before, and the same ``_after`` (NaN without
            weights and pairs). Variance ratios are NaN for covariates of 0 and 1, whose means say it all, and
            where both arms have no variance.
    """

    table: pd.DataFrame

    @property
    def largest(self) -> float:
        """The largest absolute standardised mean difference after (before, without weights and pairs)."""
        after = self.table["smd_after"].abs().max()
        return float(after if np.isfinite(after) else self.table["smd_before"].abs().max())


def balance(
    data: Frame,
    *,
    treatment: str,
    covariates: Sequence[str],
    weights: ArrayLike | None = None,
    pairs: Pairs | Frame | None = None,
    estimand: Estimand = "ate",
) -> Balance:
    """Compare the arms' covariates.

    The standardised mean difference is treated less untreated. Its denominator never is weighted: the root
    of the arms' mean variance, or for ``att`` the standard deviation of the treated; where that is 0, the
    standard deviation of everybody, as in R's cobalt. Pairs that ``match`` makes stand for the treated: say
    ``att`` with them, as R's MatchIt does.

    Args:
        data: a frame, one row a person.
        treatment: its column of 1 (treated) and 0.
        covariates: its columns; text and categories are compared level by level.
        weights: one a person.
        pairs: what ``match`` gives, or a frame of row numbers ``treated`` and ``control``; each control
            counts with the weight that ``Pairs.weights`` gives it.
        estimand: decides the denominator: ``ate``, ``att`` or ``overlap`` (as ``ate``).

    Raises:
        MethodError: missing or infinite values, an empty arm, negative weights, weights and pairs together,
            pairs that are not of these data, or an unknown estimand.
    """
    if estimand not in get_args(Estimand):
        raise MethodError(f"estimand {estimand} is unknown: use ate, att or overlap")
    arm = treated(data, treatment)
    chosen = frame(data, list(covariates))
    if weights is not None and pairs is not None:
        raise MethodError("weights and pairs: give one of them, or neither")
    after = None if weights is None else numbers(weights, "weights")
    if pairs is not None:
        after = _of_pairs(pairs, arm)
    same_length(data=arm, weights=after)
    if after is not None and ((after < 0).any() or after[arm].sum() == 0 or after[~arm].sum() == 0):
        raise MethodError("weights: negative, or all 0 in one arm: give weights that leave both arms persons")
    rows = []
    for name in covariates:
        for term, values in columns_of(chosen[name], every_level=True).items():
            if not np.isfinite(values).all():
                raise MethodError(f"covariate {name}: some values are infinite: mend or leave them out")
            rows.append(_row(term, values, arm, after, estimand))
    return Balance(pd.DataFrame(rows))


def _of_pairs(pairs: Pairs | Frame, arm: Bools) -> Floats:
    table = pairs.table if isinstance(pairs, Pairs) else frame(pairs, ["treated", "control"])
    rows = [numbers(table[name], f"pairs: {name}") for name in ("treated", "control")]
    for name, row, wanted in zip(("treated", "control"), rows, (arm, ~arm), strict=True):
        whole = (row == np.floor(row)) & (row >= 0) & (row < arm.size)
        if not whole.all() or not wanted[row.astype(np.int64)].all():
            raise MethodError(
                f"pairs: {name} is not a row number of that arm in these data: match them again"
            )
    return pair_weights(rows[0].astype(np.int64), rows[1].astype(np.int64), arm.size)


def _row(
    term: str, values: Floats, arm: Bools, weights: Floats | None, estimand: Estimand
) -> dict[str, str | float]:
    binary = bool(np.isin(values, (0.0, 1.0)).all())
    equal = np.ones_like(values)
    v1, v0 = (_moments(values[own], equal[own], binary)[1] for own in (arm, ~arm))
    spread = v1 if estimand == "att" else (v1 + v0) / 2
    denominator = float(np.sqrt(spread if spread > 0 else _moments(values, equal, binary)[1]))
    row: dict[str, str | float] = {"covariate": term}
    for when, w in (("before", equal), ("after", weights)):
        m1 = m0 = v1 = v0 = float("nan")
        if w is not None:
            m1, v1 = _moments(values[arm], w[arm], binary)
            m0, v0 = _moments(values[~arm], w[~arm], binary)
        row[f"mean_treated_{when}"] = m1
        row[f"mean_untreated_{when}"] = m0
        row[f"smd_{when}"] = (m1 - m0) / denominator if denominator > 0 else m1 - m0
        row[f"variance_ratio_{when}"] = float("nan") if binary else _ratio(v1, v0)
    return row


def _ratio(over: float, under: float) -> float:
    if under > 0:
        return over / under
    return float("inf") if over > 0 else float("nan")


def _moments(values: Floats, weights: Floats, binary: bool) -> tuple[float, float]:
    total = weights.sum()
    mean = float((weights * values).sum() / total)
    if binary:
        return mean, mean * (1 - mean)
    squares = float((weights * (values - mean) ** 2).sum())
    free = float(total - (weights**2).sum() / total)
    return mean, squares / free if free > 0 else 0.0
