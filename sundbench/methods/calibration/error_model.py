"""Systematic error, estimated from controls whose true effect is known.

A control's estimate is normal about the true effect plus a systematic error, which is itself normal. From
negative controls alone: its mean and standard deviation, the empirical null (Schuemie et al., Stat Med 2014).
With positive controls too: how both change with the true effect (Schuemie et al., PNAS 2018; the standard
deviation is linear in the true effect's size, as in EmpiricalCalibration 2 and later).

Written by hand: no Python library has it. The maximum is that of the likelihood itself; R's package ends
where its simplex search ends, some 1e-4 away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.stats import chi2, norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, floats, same_length
from sundbench.methods.survival.follow_up import check_level

_FEWEST = 3
_LARGEST = 100.0
"""Log ratios and standard errors beyond it come from models that failed."""


@dataclass(frozen=True)
class Null:
    """The distribution of systematic error where there is no effect.

    Attributes:
        mean, sd: of the systematic error, on the scale of the log ratio.
        controls: how many negative controls it rests on.
        loglik: the log likelihood.
    """

    mean: float
    sd: float
    controls: int
    loglik: float
    _log_rr: Floats
    _se: Floats

    @property
    def expected_absolute_error(self) -> float:
        """The mean size of the systematic error, whichever its sign, on the log scale (EASE)."""
        if self.sd == 0:
            return abs(self.mean)
        ratio = self.mean / self.sd
        return float(2 * self.sd * norm.pdf(ratio) + self.mean * (1 - 2 * norm.cdf(-ratio)))

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term (mean, sd): estimate, lower, upper: 95 % limits of the profile likelihood."""
        return self.limits()

    @kinds_checked
    def limits(self, conf_level: float = 0.95) -> pd.DataFrame:
        """As ``table``, at another coverage.

        Raises:
            MethodError: a coverage that is none.
        """
        check_level(conf_level)
        drop = self.loglik - chi2.ppf(conf_level, 1) / 2
        reach = 10 * (float(np.ptp(self._log_rr)) + float(self._se.max()) + self.sd)

        def at_sd(sd: float) -> float:
            return _at(self._log_rr, self._se**2 + sd**2, np.ones((self.controls, 1)))[1] - drop

        def at_mean(mean: float) -> float:
            def loss(sd: float) -> float:
                return -_loglik(self._log_rr - mean, self._se**2 + sd**2)

            far = abs(mean) + reach
            return -float(minimize_scalar(loss, bounds=(0, far), options={"xatol": 1e-10}).fun) - drop

        low = 0.0 if at_sd(0.0) >= 0 else float(brentq(at_sd, 0.0, self.sd))
        rows = [
            (
                self.mean,
                float(brentq(at_mean, _beyond(at_mean, self.mean, -reach), self.mean)),
                float(brentq(at_mean, self.mean, _beyond(at_mean, self.mean, reach))),
            ),
            (self.sd, low, float(brentq(at_sd, self.sd, _beyond(at_sd, self.sd, reach)))),
        ]
        index = pd.Index(["mean", "sd"], name="term")
        return pd.DataFrame(rows, columns=["estimate", "lower", "upper"], index=index)


@dataclass(frozen=True)
class ErrorModel:
    """Systematic error by the true effect x (a log ratio).

    An estimate is normal with mean ``mean_intercept + mean_slope * x`` and, beside its standard error, a
    standard deviation of ``sd_intercept + sd_slope * |x|``.

    Attributes:
        mean_intercept, mean_slope, sd_intercept, sd_slope: as said.
        controls: how many controls it rests on.
        loglik: the log likelihood.
    """

    mean_intercept: float
    mean_slope: float
    sd_intercept: float
    sd_slope: float
    controls: int
    loglik: float

    @property
    def table(self) -> pd.DataFrame:
        """Indexed by term: estimate."""
        names = ["mean_intercept", "mean_slope", "sd_intercept", "sd_slope"]
        index = pd.Index(names, name="term")
        return pd.DataFrame({"estimate": [getattr(self, name) for name in names]}, index=index)


def fit_null(log_rr: ArrayLike, se_log_rr: ArrayLike) -> Null:
    """Fit the empirical null to negative controls.

    Args:
        log_rr: their estimated log ratios.
        se_log_rr: the standard errors.

    Raises:
        MethodError: fewer than three controls; estimates that are missing or infinite, or whose standard
            error is 0, missing or infinite.
    """
    estimates, se = checked(log_rr, se_log_rr)
    _enough(estimates)
    ones = np.ones((estimates.size, 1))
    mean, sd, loglik = _fit(estimates, se, ones, ones)
    return Null(float(mean[0]), float(sd[0]), estimates.size, loglik, estimates, se)


def fit_error_model(log_rr: ArrayLike, se_log_rr: ArrayLike, true_log_rr: ArrayLike) -> ErrorModel:
    """Fit the systematic error of negative and positive controls.

    Args:
        log_rr: their estimated log ratios.
        se_log_rr: the standard errors.
        true_log_rr: the true log ratios, 0 for negative controls.

    Raises:
        MethodError: as ``fit_null``; true effects of one size; or estimates that don't rise with the true
            effect.
    """
    estimates, se = checked(log_rr, se_log_rr)
    true = log_ratios(true_log_rr, "true_log_rr")
    same_length(log_rr=estimates, true_log_rr=true)
    _enough(estimates)
    size = np.abs(true)
    if np.ptp(size) == 0:
        raise MethodError(
            "true_log_rr: all true effects are of one size: use fit_null for negative controls alone"
        )
    # Columns so that the coefficients are the standard deviation at the smallest and largest true effect.
    share = (size - size.min()) / np.ptp(size)
    mean, ends, loglik = _fit(
        estimates, se, np.column_stack([np.ones_like(true), true]), np.column_stack([1 - share, share])
    )
    if mean[1] <= 0:
        raise MethodError("log_rr: the controls' estimates don't rise with their true effects: check both")
    slope = float((ends[1] - ends[0]) / np.ptp(size))
    intercept = float(ends[0] - slope * size.min())
    return ErrorModel(float(mean[0]), float(mean[1]), intercept, slope, estimates.size, loglik)


def log_ratios(values: ArrayLike, name: str, *, errors: bool = False) -> Floats:
    """Logarithms of ratios, or their standard errors, one or more.

    Raises:
        MethodError: missing, infinite or too large; or errors that are not above 0.
    """
    array = floats(np.atleast_1d(np.asarray(values)), name)
    good = np.abs(array) <= _LARGEST
    bad = int((~(good & (array > 0) if errors else good)).sum())
    if bad:
        what = "0, negative, missing" if errors else "missing"
        raise MethodError(
            f"{name}: {bad} of {array.size} are {what}, infinite or beyond {_LARGEST:g}: "
            "leave out estimates that failed"
        )
    return array


def checked(log_rr: ArrayLike, se_log_rr: ArrayLike) -> tuple[Floats, Floats]:
    """Estimates and standard errors that can be used.

    Raises:
        MethodError: some can't.
    """
    estimates, se = log_ratios(log_rr, "log_rr"), log_ratios(se_log_rr, "se_log_rr", errors=True)
    same_length(log_rr=estimates, se_log_rr=se)
    return estimates, se


def _enough(estimates: Floats) -> None:
    if estimates.size < _FEWEST:
        raise MethodError(
            f"log_rr: {estimates.size} controls: systematic error can't be told from fewer than {_FEWEST}, "
            "and hardly from fewer than 30"
        )


def _fit(estimates: Floats, se: Floats, location: Floats, spread: Floats) -> tuple[Floats, Floats, float]:
    """Coefficients of the mean (any) and of the standard deviation (0 or more), and the log likelihood."""

    def loss(ends: Floats) -> tuple[float, Floats]:
        sd = spread @ ends
        variance = se**2 + sd**2
        beta, loglik = _at(estimates, variance, location)
        residual = estimates - location @ beta
        return -loglik, spread.T @ (sd * (1 / variance - residual**2 / variance**2))

    # An sd of 0 is stationary wherever it lies, and there can be several maxima: start from all over a grid.
    scale = float(np.std(estimates)) + float(np.median(se))
    steps = [scale * step for step in (1e-3, 0.03, 0.1, 0.25, 0.5, 1.0, 2.0)]
    grid = np.array(np.meshgrid(*[steps] * spread.shape[1])).reshape(spread.shape[1], -1).T
    best = None
    for start in grid:
        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0, None)] * spread.shape[1],
            options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 500},
        )
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None  # noqa: S101 - the grid has points
    ends = np.asarray(best.x, dtype=np.float64)
    for place in np.flatnonzero(ends < 1e-3 * scale):
        zero = ends.copy()
        zero[place] = 0.0
        if loss(zero)[0] <= loss(ends)[0] + 1e-12:
            ends = zero
    beta, loglik = _at(estimates, se**2 + (spread @ ends) ** 2, location)
    return beta, ends, loglik


def _at(estimates: Floats, variance: Floats, location: Floats) -> tuple[Floats, float]:
    """The best mean at given variances, and the log likelihood there."""
    weighted = location / variance[:, None]
    beta = np.linalg.solve(weighted.T @ location, weighted.T @ estimates)
    return np.asarray(beta), _loglik(estimates - location @ beta, variance)


def _loglik(residual: Floats, variance: Floats) -> float:
    return float(-0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance).sum())


def _beyond(function: Callable[[float], float], start: float, step: float) -> float:
    """A point on the step's side of start where the function is negative."""
    at = start + step
    while function(at) > 0:
        step *= 2
        at = start + step
    return at
