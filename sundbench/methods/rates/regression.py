"""Poisson and negative binomial regression of counts over person-time.

statsmodels fits both. By hand is what it does in silence: a level without events has an infinite coefficient,
of which statsmodels gives where its iterations stopped (see ``recession``).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.special import gammaln

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, frame, numbers, sums
from sundbench.methods.propensity.design import design
from sundbench.methods.propensity.newton import standardise
from sundbench.methods.rates.counts import whole
from sundbench.methods.rates.recession import limit
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.survival.follow_up import check_level

_REACH = 12.0
"""Linear predictors that spread farther may belong to infinite coefficients; those are then looked for."""


@dataclass(frozen=True)
class RateModel:
    """A fitted model of rates.

    Attributes:
        table: indexed by term: coef, se, z, p_value, rr, lower, upper (rr and limits on the ratio scale;
            the intercept's is the rate at covariates of 0).
        infinite: a reason by term, for coefficients that are infinite or that the data don't determine.
            Their standard errors and limits are NaN.
        variance: the coefficients' covariance, in the table's order; NaN where they are infinite.
        robust: whether it is the sandwich.
        dispersion: the negative binomial's alpha (variance = mean + alpha mean squared) with its standard
            error; 0 and NaN in a Poisson model.
        loglik: the log likelihood.
        pearson: Pearson's chi-squared by its degrees of freedom: far above 1 where counts are overdispersed.
        rows, events, person_time: what was fitted.
        conf_level: of the limits.
    """

    table: pd.DataFrame
    infinite: dict[str, str]
    variance: Floats
    robust: bool
    dispersion: tuple[float, float]
    loglik: float
    pearson: float
    rows: int
    events: int
    person_time: float
    conf_level: float


@dataclass(frozen=True)
class _Counts:
    """What is fitted.

    Attributes:
        events, time: of the rows.
        offset: with the logarithm of the time in it.
        matrix: the intercept, and centred columns of like size.
        back: takes the matrix's coefficients to the terms' own.
        terms: their names.
        cluster: codes, if the variance is clustered.
    """

    events: Floats
    time: Floats
    offset: Floats
    matrix: Floats
    back: Floats
    terms: tuple[str, ...]
    cluster: NDArray[np.int64] | None


@dataclass(frozen=True)
class _Fit:
    """Coefficients of the chosen columns, in the chosen rows.

    ``variance`` and ``beta`` end with alpha in a negative binomial model.
    """

    beta: Floats
    variance: Floats
    loglik: float
    pearson: float


@kinds_checked
def poisson(
    data: Frame,
    *,
    events: str,
    covariates: Sequence[str],
    person_time: str | None = None,
    offset: str | None = None,
    robust: bool | None = None,
    cluster: str | None = None,
    conf_level: float = 0.95,
) -> RateModel:
    """Poisson regression: log rates as a sum of covariates.

    Args:
        data: a frame, a row a person, an interval or a cell.
        events: the column with the number of events.
        covariates: numbers and booleans as they are; text and categories get a term a level but the first.
        person_time: the column with the time under observation; None for 1 each.
        offset: enters the linear predictor with coefficient 1, beside the logarithm of the time.
        robust: the sandwich variance without small-sample correction (White's HC0), which holds where
            counts are overdispersed; None: with a cluster.
        cluster: whose rows belong together in the robust variance, e.g. the person.
        conf_level: coverage of the limits.

    Raises:
        MethodError: bad counts or times, no events, or covariates that are constant or follow from others.
    """
    check_level(conf_level)
    counts = _counts(
        data,
        events=events,
        covariates=covariates,
        person_time=person_time,
        offset=offset,
        cluster=cluster,
    )
    if robust is None:
        robust = cluster is not None
    return _model(counts, robust, conf_level, negative=False)


@kinds_checked
def negative_binomial(
    data: Frame,
    *,
    events: str,
    covariates: Sequence[str],
    person_time: str | None = None,
    offset: str | None = None,
    robust: bool | None = None,
    cluster: str | None = None,
    conf_level: float = 0.95,
) -> RateModel:
    """Negative binomial regression (NB2), for counts that vary more than Poisson's.

    Standard errors come from the expected information, as in R's ``glm.nb``; statsmodels' come from
    the observed one and are slightly other.

    Args:
        data: a frame, a row a person, an interval or a cell.
        events: the column with the number of events.
        covariates: numbers and booleans as they are; text and categories get a term a level but the first.
        person_time: the column with the time under observation; None for 1 each.
        offset: enters the linear predictor with coefficient 1, beside the logarithm of the time.
        robust: the sandwich variance without small-sample correction (White's HC0), which holds where
            counts are overdispersed; None: with a cluster.
        cluster: whose rows belong together in the robust variance, e.g. the person.
        conf_level: coverage of the limits.

    Raises:
        MethodError: as ``poisson``; or counts that vary no more than Poisson's, so that alpha is 0.
    """
    check_level(conf_level)
    counts = _counts(
        data,
        events=events,
        covariates=covariates,
        person_time=person_time,
        offset=offset,
        cluster=cluster,
    )
    if robust is None:
        robust = cluster is not None
    return _model(counts, robust, conf_level, negative=True)


def _counts(
    data: Frame,
    *,
    events: str,
    covariates: Sequence[str],
    person_time: str | None,
    offset: str | None,
    cluster: str | None,
) -> _Counts:
    names = list(covariates)
    if isinstance(covariates, str) or not names:
        raise MethodError("covariates: give a list of at least one column")
    chosen = frame(data, [events, *names, *(c for c in (person_time, offset) if c is not None)])
    seen = whole(chosen[events], events)
    if not seen.any():
        raise MethodError(f"{events}: no events: rates can't be modelled without any")
    time = np.ones(seen.size) if person_time is None else numbers(chosen[person_time], person_time)
    if (time <= 0).any():
        raise MethodError(
            f"{person_time}: {int((time <= 0).sum())} of {time.size} rows have no time or a negative one: "
            "leave them out"
        )
    shift = np.zeros(seen.size) if offset is None else numbers(chosen[offset], offset)
    made = design(chosen, names)
    centre, spread = made.matrix[:, 1:].mean(axis=0), made.matrix[:, 1:].std(axis=0)
    back = np.diag(np.concatenate(([1.0], 1 / spread)))
    back[0, 1:] = -centre / spread
    group = None
    if cluster is not None:
        group = frame(data, [cluster]).groupby(cluster).ngroup().to_numpy().astype(np.int64)
    return _Counts(seen, time, np.log(time) + shift, standardise(made.matrix), back, made.terms, group)


def _model(counts: _Counts, robust: bool, conf_level: float, *, negative: bool) -> RateModel:
    rows = np.ones(counts.events.size, dtype=np.bool_)
    infinite = np.zeros(len(counts.terms))
    columns = np.arange(infinite.size)
    beta = _poisson(counts, rows, columns)
    if beta is None or np.ptp(counts.matrix @ beta) > _REACH:
        found = limit(counts.matrix @ np.linalg.inv(counts.back), counts.events)
        if found is not None:
            rows, infinite = found.rows, found.infinite
            columns = _independent(counts.matrix[rows])
            beta = _poisson(counts, rows, columns)
    if beta is None:
        raise MethodError("covariates: the model did not converge: rescale or leave out covariates")
    if negative:
        fit = _negative_fit(counts, rows, columns, beta, robust)
    else:
        fit = _poisson_fit(counts, rows, columns, beta, robust)
    used, finite = columns.size, infinite == 0
    back = counts.back[:, columns]
    coef = np.where(finite, back @ fit.beta[:used], infinite)
    variance = back @ fit.variance[:used, :used] @ back.T
    variance[~finite], variance[:, ~finite] = np.nan, np.nan
    alpha = (float(fit.beta[-1]), float(np.sqrt(fit.variance[-1, -1]))) if negative else (0.0, np.nan)
    return RateModel(
        table=ratio_table(counts.terms, coef, variance, ratio="rr", conf_level=conf_level),
        infinite=_reasons(counts.terms, infinite),
        variance=variance,
        robust=robust,
        dispersion=alpha,
        loglik=fit.loglik,
        pearson=fit.pearson,
        rows=counts.events.size,
        events=int(counts.events.sum()),
        person_time=float(counts.time.sum()),
        conf_level=conf_level,
    )


def _independent(matrix: Floats) -> NDArray[np.int64]:
    """Columns from which the others follow."""
    triangle, order = qr(matrix, mode="r", pivoting=True)
    size = np.abs(np.diag(triangle))
    return np.sort(order[: size.size][size > 1e-9 * size[0]])


def _poisson(counts: _Counts, rows: Bools, columns: NDArray[np.int64]) -> Floats | None:
    """The coefficients by statsmodels, or None where it does not converge."""
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = GLM(
                counts.events[rows],
                counts.matrix[np.ix_(rows, columns)],
                family=Poisson(),
                offset=counts.offset[rows],
            ).fit(maxiter=60, tol=1e-13)
        except (ValueError, np.linalg.LinAlgError):
            return None
    beta = np.asarray(result.params)
    return beta if result.converged and np.isfinite(beta).all() else None


def _poisson_fit(
    counts: _Counts, rows: Bools, columns: NDArray[np.int64], beta: Floats, robust: bool
) -> _Fit:
    matrix, y = counts.matrix[np.ix_(rows, columns)], counts.events[rows]
    mean = np.exp(matrix @ beta + counts.offset[rows])
    variance = np.asarray(np.linalg.inv((matrix * mean[:, None]).T @ matrix), dtype=np.float64)
    if robust:
        variance = _sandwich(variance, matrix * (y - mean)[:, None], counts, rows)
    loglik = float((y * np.log(mean) - mean - gammaln(y + 1)).sum())
    return _Fit(beta, variance, loglik, _pearson(y, mean, mean, beta.size))


def _negative_fit(
    counts: _Counts, rows: Bools, columns: NDArray[np.int64], beta: Floats, robust: bool
) -> _Fit:
    from statsmodels.discrete.discrete_model import NegativeBinomial

    matrix, y, shift = counts.matrix[np.ix_(rows, columns)], counts.events[rows], counts.offset[rows]
    mean = np.exp(matrix @ beta + shift)
    # Half of this is the slope of the likelihood in alpha at 0.
    if not ((y - mean) ** 2 - y).sum() > 0:
        raise MethodError(
            "events: the counts vary no more than Poisson's, so that the dispersion is 0: use rates.poisson"
        )
    model = NegativeBinomial(y, matrix, offset=shift)
    start = np.append(beta, ((y - mean) ** 2 - y).sum() / (mean**2).sum())
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        at = np.asarray(model.fit(start, method="bfgs", maxiter=500, gtol=1e-7, disp=0).params)
        for _ in range(20):
            step = np.linalg.solve(model.hessian(at), model.score(at))
            at = at - step
            if np.abs(step).max() < 1e-10:
                break
        mean = np.exp(matrix @ at[:-1] + shift)
        # The expected information, in which coefficients and dispersion are apart; the dispersion's observed.
        variance = np.zeros((at.size, at.size))
        weight = mean / (1 + at[-1] * mean)
        variance[:-1, :-1] = np.linalg.inv((matrix * weight[:, None]).T @ matrix)
        variance[-1, -1] = -1 / model.hessian(at)[-1, -1]
    if not (np.abs(step).max() < 1e-6 and at[-1] > 0 and (np.diag(variance) > 0).all()):
        raise MethodError(
            "covariates: the negative binomial model did not converge: use rates.poisson, robust"
        )
    if robust:
        variance = _sandwich(variance, np.asarray(model.score_obs(at)), counts, rows)
    pearson = _pearson(y, mean, mean + at[-1] * mean**2, beta.size)
    return _Fit(at, variance, float(model.loglike(at)), pearson)


def _pearson(y: Floats, mean: Floats, variance: Floats, terms: int) -> float:
    left = y.size - terms
    return float(((y - mean) ** 2 / variance).sum() / left) if left > 0 else np.nan


def _sandwich(bread: Floats, scores: Floats, counts: _Counts, rows: Bools) -> Floats:
    if counts.cluster is not None:
        place = counts.cluster[rows]
        size = int(place.max()) + 1
        scores = np.column_stack([sums(place, column, size) for column in scores.T])
    variance = np.asarray(bread @ (scores.T @ scores) @ bread)
    if (np.diag(variance) <= 1e-12 * np.diag(bread)).any():
        raise MethodError(
            "robust: the model fits some term's rows (or clusters) exactly: its robust variance would be 0: "
            "they are too few; use robust=False, or leave terms out"
        )
    return variance


def _reasons(terms: tuple[str, ...], infinite: Floats) -> dict[str, str]:
    reasons = {}
    for term, sign in zip(terms, infinite, strict=True):
        if np.isnan(sign):
            reasons[term] = "not determined: it compares values without events"
        elif sign:
            reasons[term] = "infinite: no events at some of its values"
    return reasons
