"""Whether the arms are alike: standardised mean differences and variance ratios.

Source: Austin, Statistics in Medicine 28 (2009); weighted variances as in R's cobalt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, frame, numbers, same_length
from sundbench.methods.propensity.descent import moments as columns_moments
from sundbench.methods.propensity.design import columns_of
from sundbench.methods.propensity.matching import Pairs, pair_weights
from sundbench.methods.propensity.model import treated, treated_rows
from sundbench.methods.propensity.sparse import NamedMatrix, Sparse, SparseCovariates, sparse_covariates
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


@kinds_checked
def balance(
    data: Frame | Sparse,
    *,
    treatment: str | ArrayLike,
    covariates: Sequence[str] | None = None,
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
        data: a frame, one row a person; or covariates as a sparse matrix, with or without names (see
            ``fit``).
        treatment: of a frame its column of 1 (treated) and 0; of a matrix these values, one a row.
        covariates: of a frame its columns: text and categories are compared level by level; of a matrix as
            in ``fit``.
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
    arm, terms = _read(data, treatment, covariates)
    if weights is not None and pairs is not None:
        raise MethodError("weights and pairs: give one of them, or neither")
    after = None if weights is None else numbers(weights, "weights")
    if pairs is not None:
        after = _of_pairs(pairs, arm)
    same_length(data=arm, weights=after)
    if after is not None and ((after < 0).any() or after[arm].sum() == 0 or after[~arm].sum() == 0):
        raise MethodError("weights: negative, or all 0 in one arm: give weights that leave both arms persons")
    equal = np.ones(arm.size)
    v1, v0 = (terms.moments(equal * own)[1] for own in (arm, ~arm))
    spread = v1 if estimand == "att" else (v1 + v0) / 2
    denominator = np.sqrt(np.where(spread > 0, spread, terms.moments(equal)[1]))
    table: dict[str, Floats | list[str]] = {"covariate": terms.names}
    for when, w in (("before", equal), ("after", after)):
        m1, v1, m0, v0 = np.full((4, len(terms.names)), np.nan)
        if w is not None:
            (m1, v1), (m0, v0) = terms.moments(w * arm), terms.moments(w * ~arm)
        table[f"mean_treated_{when}"] = m1
        table[f"mean_untreated_{when}"] = m0
        with np.errstate(divide="ignore", invalid="ignore"):
            table[f"smd_{when}"] = np.where(denominator > 0, (m1 - m0) / denominator, m1 - m0)
            table[f"variance_ratio_{when}"] = np.where(terms.binary, np.nan, v1 / v0)
    return Balance(pd.DataFrame(table))


@dataclass(frozen=True)
class _Terms:
    """Covariates, and how to get their weighted means and variances."""

    names: list[str]
    binary: Bools
    moments: Callable[[Floats], tuple[Floats, Floats]]


def _read(
    data: Frame | Sparse, treatment: str | ArrayLike, covariates: Sequence[str] | None
) -> tuple[Bools, _Terms]:
    """Who is treated, and the covariates."""
    if isinstance(data, sparray | spmatrix | NamedMatrix):
        arm = treated_rows(treatment)
        given = sparse_covariates(data, covariates, arm.size)
        return arm, _of_columns(given)
    if not isinstance(treatment, str) or covariates is None or len(covariates) == 0:
        raise MethodError("of a frame, name treatment= and covariates= as its columns")
    arm = treated(data, treatment)
    chosen = frame(data, list(covariates))
    values: dict[str, Floats] = {}
    for name in covariates:
        own = columns_of(chosen[name], every_level=True)
        if not all(np.isfinite(one).all() for one in own.values()):
            raise MethodError(f"covariate {name}: some values are infinite: mend or leave them out")
        values |= own
    return arm, _of_frame(values)


def _of_frame(values: dict[str, Floats]) -> _Terms:
    binary = np.array([bool(np.isin(one, (0.0, 1.0)).all()) for one in values.values()])

    def moments(weights: Floats) -> tuple[Floats, Floats]:
        total = weights.sum()
        means = np.array([(weights * one).sum() / total for one in values.values()])
        squares = [
            (weights * (one - mean) ** 2).sum() for one, mean in zip(values.values(), means, strict=True)
        ]
        return means, _variance(means, np.array(squares), weights, binary)

    return _Terms(list(values), binary, moments)


def _of_columns(given: SparseCovariates) -> _Terms:
    columns, every = given.columns, np.arange(len(given.names))
    other = ~np.isin(columns.value, (0, 1))
    binary = np.array(
        [not other[columns.start[j] : columns.start[j + 1]].any() for j in every], dtype=np.bool_
    )

    def moments(weights: Floats) -> tuple[Floats, Floats]:
        first, _, second = columns_moments(columns, every, weights, weights)
        means = first / weights.sum()
        return means, _variance(means, second - first * means, weights, binary)

    return _Terms(list(given.names), binary, moments)


def _variance(means: Floats, squares: Floats, weights: Floats, binary: Bools) -> Floats:
    """Variances, of centred sums of squares."""
    total = weights.sum()
    free = total - (weights**2).sum() / total
    variance = squares / free if free > 0 else np.zeros_like(squares)
    # Of values that are all alike only rounding errors are left.
    variance = np.where(variance > 1e-14 * means**2, variance, 0.0)
    return np.where(binary, means * (1 - means), variance)


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
