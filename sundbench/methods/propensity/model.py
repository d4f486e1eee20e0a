"""The propensity model: the probability of treatment, given the covariates.

statsmodels fits the plain logistic model (imported when used); L1-penalised ones are in ``lasso``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csc_array, sparray, spmatrix
from scipy.special import expit
from scipy.stats import norm, rankdata

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, arms, frame, indicator
from sundbench.methods.propensity.cross_validation import cross_validated
from sundbench.methods.propensity.descent import Columns
from sundbench.methods.propensity.design import Design, design
from sundbench.methods.propensity.lasso import Lasso
from sundbench.methods.propensity.newton import standardise as standardised
from sundbench.methods.propensity.sparse import NamedMatrix, Sparse, compressed, sparse_covariates


@dataclass(frozen=True)
class PropensityModel:
    """A fitted propensity model.

    Attributes:
        score: each person's estimated probability of treatment, in the data's order.
        table: indexed by term: coef, se, z, p_value, or, lower, upper (or and limits on the odds-ratio
            scale). A penalised model has no standard errors: NaN.
        treatment: the treatment's column.
        c_statistic: the probability that a treated person has a higher score than an untreated one.
        penalty: the L1 penalty, given or chosen; None for none.
        validation: where it was chosen, those that were tried: penalty, deviance, se, terms (see
            ``cross_validated``).
        note: what a reader must know, or nothing.
    """

    score: Floats
    table: pd.DataFrame
    treatment: str
    c_statistic: float
    penalty: float | None = None
    validation: pd.DataFrame | None = None
    note: str = ""


@kinds_checked
def fit(
    data: Frame | Sparse,
    *,
    treatment: str | ArrayLike,
    covariates: Sequence[str] | None = None,
    penalty: float | Literal["cv"] | None = None,
    standardise: bool = True,
) -> PropensityModel:
    """Fit a logistic propensity model.

    An L1 penalty λ is taken from the log-likelihood as λ Σ s |coefficient|: the sum over all persons is not
    divided by their number (λ is 1/C in scikit-learn, and their number times lambda in R's glmnet), s is the
    term's standard deviation (or 1, see ``standardise``), and the intercept bears none. Coefficients are told
    on the covariates' own scale. Terms may then follow from one another: equal columns share a coefficient.

    Example:
        >>> found = sb.high_dimensional(cohort, db, ["diagnoses", "dispensings"])
        >>> model = propensity.fit(found, treatment=cohort.frame["drug"] == "new")

    Args:
        data: a pandas, Polars or Arrow frame, one row a person; or their covariates as a SciPy sparse matrix,
            or as ``sb.high_dimensional`` and ``sb.prioritise`` give them.
        treatment: of a frame its column of 1 (treated) and 0; of a matrix these values, one a row.
        covariates: of a frame its columns: numbers enter as they are, text and categories as one term a level
            but the first. Of a matrix without names the names of all its columns, or None to number them; of
            one with names those to take, or None for all.
        penalty: λ; or ``cv`` to choose by ten-fold cross-validation the one with the least deviance in
            persons held out (the folds are the same at every call). None is no penalty in a frame, and ``cv``
            of a matrix, where hardly any model exists without.
        standardise: let the penalty be the same for all terms on the scale of their standard deviations;
            False penalises the coefficients of 0/1 covariates alike whatever their frequency, as in
            large-scale propensity models (Tian, Schuemie and Suchard, Int J Epidemiol 47 (2018)).

    Raises:
        MethodError: an empty arm, missing values, a constant or (without penalty) redundant covariate of a
            frame, or covariates that separate the arms (without penalty).
    """
    if penalty is not None and penalty != "cv" and not (np.isreal(penalty) and 0 < penalty < np.inf):
        raise MethodError(f"penalty {penalty} is no number above 0: give one, 'cv' to choose it, or None")
    if isinstance(data, sparray | spmatrix | NamedMatrix):
        arm = treated_rows(treatment)
        given = sparse_covariates(data, covariates, arm.size)
        return _penalised(
            given.columns,
            ("(intercept)", *given.names),
            arm,
            treatment="treatment",
            penalty=penalty or "cv",
            standardise=standardise,
        )
    if not isinstance(treatment, str) or covariates is None:
        raise MethodError("of a frame, name treatment= and covariates= as its columns")
    arm = treated(data, treatment)
    if treatment in covariates:
        raise MethodError(f"covariates: {treatment} is the treatment itself: leave it out")
    model = design(data, covariates, independent=penalty is None)
    if penalty is not None:
        columns = compressed(csc_array(model.matrix[:, 1:]))
        return _penalised(
            columns, model.terms, arm, treatment=treatment, penalty=penalty, standardise=standardise
        )
    score, coef, se = _plain(model, arm)
    return PropensityModel(score, _table(model.terms, coef, se), treatment, _c_statistic(score, arm))


def treated(data: Frame, treatment: str) -> Bools:
    """Who is treated, by a frame's column of 0 and 1.

    Raises:
        MethodError: other values, or an empty arm.
    """
    arm = indicator(frame(data, [treatment])[treatment], treatment, "the treated as 1 and the others as 0")
    arms(arm)
    return arm


def treated_rows(treatment: str | ArrayLike) -> Bools:
    """Who is treated, by a value for each row of a matrix.

    Raises:
        MethodError: a name, other values than 0 and 1, or an empty arm.
    """
    if isinstance(treatment, str):
        raise MethodError("treatment: a matrix holds covariates alone: give 1 and 0, one a row")
    arm = indicator(treatment, "treatment", "the treated as 1 and the others as 0")
    arms(arm)
    return arm


def _plain(model: Design, arm: Bools) -> tuple[Floats, Floats, Floats]:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    scaled = standardised(model.matrix)
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


def _penalised(
    columns: Columns,
    terms: tuple[str, ...],
    arm: Bools,
    *,
    treatment: str,
    penalty: float | Literal["cv"],
    standardise: bool,
) -> PropensityModel:
    validation = None
    if penalty == "cv":
        penalty, validation = cross_validated(columns, arm, standardise=standardise)
    model = Lasso(columns, arm, counted=np.ones_like(arm), standardise=standardise)
    solution = model.at(float(penalty))
    score = expit(model.linear(solution))
    coef = np.concatenate(([solution.intercept], solution.coef))
    notes = []
    constant = int((model.scale == 0).sum())
    if constant:
        notes.append(f"{constant} of {model.scale.size} covariates are the same for everybody: coefficient 0")
    if score[arm].min() > score[~arm].max():
        notes.append("the covariates separate the arms: the penalty alone keeps the coefficients finite")
    table = _table(terms, coef, np.full_like(coef, np.nan))
    note = "; ".join(notes)
    return PropensityModel(
        score, table, treatment, _c_statistic(score, arm), float(penalty), validation, note
    )


def _table(terms: tuple[str, ...], coef: Floats, se: Floats) -> pd.DataFrame:
    z = np.divide(coef, se)
    reach = norm.ppf(0.975) * se
    return pd.DataFrame(
        {
            "coef": coef,
            "se": se,
            "z": z,
            "p_value": 2 * norm.sf(np.abs(z)),
            "or": np.exp(coef),
            "lower": np.exp(coef - reach),
            "upper": np.exp(coef + reach),
        },
        index=pd.Index(terms, name="term"),
    )


def _c_statistic(score: Floats, arm: Bools) -> float:
    ranks = rankdata(score)[arm].sum()
    n1, n0 = int(arm.sum()), int((~arm).sum())
    return float((ranks - n1 * (n1 + 1) / 2) / (n1 * n0))
