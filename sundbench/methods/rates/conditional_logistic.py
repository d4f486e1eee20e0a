"""Conditional logistic regression of matched sets (1:1, 1:m, m:n), by the exact conditional likelihood.

Written by hand: statsmodels' ConditionalLogit adds set by set in Python, overflows in large sets, and ends
where its search ends; see docs/methods.md for how much slower it is. Source: Breslow and Day (1980); R's
clogit with ``method="exact"`` gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.linalg import eigvalsh

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.information import undetermined
from sundbench.methods.inputs import Floats, Frame, frame, indicator, numbers
from sundbench.methods.rates.conditional_likelihood import Likelihood, MatchedSets
from sundbench.methods.rates.counts import column_list
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.survival.follow_up import check_level
from sundbench.methods.survival.terms import terms

_ITERATIONS = 50
_DONE = 1e-9
_SINGULAR = 1e-10
_GONE = 1e-8


@dataclass(frozen=True)
class ConditionalLogistic:
    """A fitted conditional logistic model.

    Attributes:
        coef: coefficients (log odds ratios) by term.
        variance: their covariance matrix, the inverse of the information.
        loglik, loglik_null: the conditional log likelihood, and that without covariates.
        rows, cases: in sets that inform.
        sets: how many have cases and controls both; the others say nothing and are left out.
        left_out: sets without a case or without a control.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats
    loglik: float
    loglik_null: float
    rows: int
    cases: int
    sets: int
    left_out: int
    conf_level: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, or, lower, upper (the limits are the odds ratio's)."""
        terms = self.coef.index.to_list()
        return ratio_table(terms, self.coef.to_numpy(), self.variance, ratio="or", conf_level=self.conf_level)


@kinds_checked
def conditional_logistic(
    data: Frame,
    *,
    outcome: str,
    covariates: Sequence[str],
    strata: str | Sequence[str],
    offset: str | None = None,
    conf_level: float = 0.95,
) -> ConditionalLogistic:
    """Fit a conditional logistic model.

    Args:
        data: a frame, a row a member of a set.
        outcome: 1 (case) or 0 (control).
        covariates: numbers and booleans as they are; text and categories get a term a level but the first.
        strata: the columns whose combinations are the sets. The work grows with a set's size times its
            cases (or controls, if fewer).
        offset: enters the linear predictor with coefficient 1.
        conf_level: coverage of the limits.

    Raises:
        MethodError: missing values; no set with both cases and controls; a covariate that is constant,
            doesn't vary within sets or follows from others; infinite coefficients (separation).
    """
    check_level(conf_level)
    names, by = list(covariates), column_list(strata)
    if isinstance(covariates, str) or not names:
        raise MethodError("covariates: give a list of at least one column")
    if not by:
        raise MethodError("strata: no columns are named: conditional regression needs sets")
    chosen = frame(data, [outcome, *names, *by, *([offset] if offset else [])])
    case = indicator(chosen[outcome], outcome, "a case as 1 and a control as 0")
    place = chosen.groupby(by, sort=True, observed=True).ngroup().to_numpy(dtype=np.int64)
    counts = np.bincount(place)
    with_cases = np.bincount(place, case)
    informs = (with_cases > 0) & (with_cases < counts)
    if not informs.any():
        raise MethodError(f"{outcome}: no set has both cases and controls: nothing can be compared")
    kept = np.flatnonzero(informs[place])
    kept = kept[np.argsort(place[kept], kind="stable")]
    part = chosen.iloc[kept].reset_index(drop=True)
    matrix, made = terms(part, names)
    shift = np.zeros(kept.size) if offset is None else numbers(part[offset], offset)
    heads = np.concatenate(([0], np.cumsum(counts[informs])))
    spread = matrix.std(axis=0)
    fit, null, beta = _maximise(MatchedSets(matrix / spread, case[kept], shift, heads), made.names)
    return ConditionalLogistic(
        coef=pd.Series(beta / spread, index=pd.Index(made.names, name="term"), name="coef"),
        variance=np.linalg.inv(fit.information) / np.outer(spread, spread),
        loglik=fit.loglik,
        loglik_null=null,
        rows=kept.size,
        cases=int(case[kept].sum()),
        sets=int(informs.sum()),
        left_out=int((~informs).sum()),
        conf_level=conf_level,
    )


def _maximise(sets: MatchedSets, names: tuple[str, ...]) -> tuple[Likelihood, float, Floats]:
    beta = np.zeros(len(names))
    at = sets.at(beta)
    null = at.loglik
    if not np.isfinite(null):
        raise MethodError("offset: values are too large to compute with: give logarithms of ratios")
    _determined(at.information, names, sets)
    start = at.information
    step: Floats = beta
    for _ in range(_ITERATIONS):
        try:
            step = np.asarray(np.linalg.solve(at.information, at.gradient), dtype=np.float64)
        except np.linalg.LinAlgError:
            break
        after = sets.at(beta + step)
        for _ in range(30):
            if after.loglik >= at.loglik - 1e-12 * abs(at.loglik):
                break
            step = step / 2
            after = sets.at(beta + step)
        beta, at = beta + step, after
        # Along an infinite coefficient the information that there was to begin with goes away.
        if not np.isfinite(at.information).all() or eigvalsh(at.information, start)[0] < _GONE:
            break
        if np.abs(step).max() < _DONE:
            return at, null, beta
    far = ", ".join(
        name for name, move in zip(names, np.abs(step), strict=True) if not move <= 0.1 * np.abs(step).max()
    )
    raise MethodError(
        f"covariates: the coefficients of {far} are infinite (separation): in every set all cases lie at one "
        "end of the values; merge levels or leave the covariate out"
    )


def _determined(information: Floats, names: tuple[str, ...], sets: MatchedSets) -> None:
    lacking = undetermined(information, sets.size.size, _SINGULAR)
    if lacking is None:
        return
    which = ", ".join(name for name, true in zip(names, lacking, strict=True) if true)
    raise MethodError(
        f"covariates: the sets don't determine the coefficients of {which}: within sets they don't vary, or "
        "follow from the others; leave one out"
    )
