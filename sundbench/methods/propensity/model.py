"""The propensity model: the probability of treatment, given the covariates.

statsmodels fits the plain logistic model, scikit-learn the L1-penalised one; imported when used.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, Frame, arms, frame, indicator
from sundbench.methods.propensity.design import Design, design
from sundbench.methods.propensity.newton import standardise


@dataclass(frozen=True)
class PropensityModel:
    """A fitted propensity model.

    Attributes:
        score: each person's estimated probability of treatment, in the data's order.
        table: indexed by term: coef, se, z, p_value, or, lower, upper (or and limits on the odds-ratio
            scale). A penalised model has no standard errors: NaN.
        treatment: the treatment's column.
        c_statistic: the probability that a treated person has a higher score than an untreated one.
    """

    score: Floats
    table: pd.DataFrame
    treatment: str
    c_statistic: float


def fit(
    data: Frame, *, treatment: str, covariates: Sequence[str], penalty: float | None = None
) -> PropensityModel:
    """Fit a logistic propensity model.

    Args:
        data: a pandas, Polars or Arrow frame, one row a person.
        treatment: its column of 1 (treated) and 0.
        covariates: its columns; numbers enter as they are, text and categories as one term a level but the
            first.
        penalty: strength of an L1 penalty on the standardised terms (log-likelihood less ``penalty`` times
            the sum of absolute coefficients); None for none.

    Raises:
        MethodError: an empty arm, missing values, a constant or redundant covariate, or covariates that
            separate the arms.
    """
    arm = treated(data, treatment)
    if treatment in covariates:
        raise MethodError(f"covariates: {treatment} is the treatment itself: leave it out")
    model = design(data, covariates)
    if penalty is None:
        score, coef, se = _plain(model, arm)
    else:
        if not penalty > 0:
            raise MethodError(f"penalty {penalty} is not greater than 0: use None for no penalty")
        score, coef = _penalised(model, arm, penalty)
        se = np.full_like(coef, np.nan)
    z = np.divide(coef, se)
    reach = norm.ppf(0.975) * se
    table = pd.DataFrame(
        {
            "coef": coef,
            "se": se,
            "z": z,
            "p_value": 2 * norm.sf(np.abs(z)),
            "or": np.exp(coef),
            "lower": np.exp(coef - reach),
            "upper": np.exp(coef + reach),
        },
        index=pd.Index(model.terms, name="term"),
    )
    ranks = rankdata(score)[arm].sum()
    n1, n0 = int(arm.sum()), int((~arm).sum())
    return PropensityModel(score, table, treatment, float((ranks - n1 * (n1 + 1) / 2) / (n1 * n0)))


def treated(data: Frame, treatment: str) -> Bools:
    """Who is treated, by a frame's column of 0 and 1.

    Raises:
        MethodError: other values, or an empty arm.
    """
    arm = indicator(frame(data, [treatment])[treatment], treatment, "the treated as 1 and the others as 0")
    arms(arm)
    return arm


def _plain(model: Design, arm: Bools) -> tuple[Floats, Floats, Floats]:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    scaled = standardise(model.matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = GLM(arm.astype(float), scaled, family=Binomial()).fit(maxiter=60, tol=1e-12)
        except (PerfectSeparationError, np.linalg.LinAlgError) as error:
            raise MethodError(
                "the covariates separate the arms completely: no propensity model exists; compare persons "
                "who could have had either treatment"
            ) from error
    score = np.asarray(result.fittedvalues)
    beta = np.asarray(result.params)
    # A separating term runs off to infinity while the fit no longer changes: its reach over the data then
    # passes any plausible log odds.
    reach = np.abs(beta[1:]) * np.ptp(scaled[:, 1:], axis=0)
    extreme = score.min() < 1e-7 or score.max() > 1 - 1e-7
    if not result.converged or (extreme and reach.max() > 15):
        term = model.terms[1 + int(reach.argmax())]
        raise MethodError(
            f"covariate {term} separates the arms (some of its values occur in one arm only): leave it out, "
            "merge its levels, or restrict to persons who could have had either treatment"
        )
    centre, spread = model.matrix[:, 1:].mean(axis=0), model.matrix[:, 1:].std(axis=0)
    back = np.eye(beta.size)
    back[0, 1:] = -centre / spread
    back[1:, 1:] = np.diag(1 / spread)
    covariance = back @ np.asarray(result.cov_params()) @ back.T
    return score, back @ beta, np.sqrt(np.diag(covariance))


def _penalised(model: Design, arm: Bools, penalty: float) -> tuple[Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    scaled = standardise(model.matrix)[:, 1:]
    solver = LogisticRegression(
        l1_ratio=1.0, C=1 / penalty, solver="saga", tol=1e-8, max_iter=20_000, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            solver.fit(scaled, arm)
        except Warning as warning:
            raise MethodError(
                f"the penalised model did not converge at penalty {penalty:g}: raise the penalty"
            ) from warning
    spread = model.matrix[:, 1:].std(axis=0)
    coef = solver.coef_[0] / spread
    intercept = float(solver.intercept_[0] - (coef * model.matrix[:, 1:].mean(axis=0)).sum())
    return np.asarray(solver.predict_proba(scaled)[:, 1]), np.concatenate(([intercept], coef))
