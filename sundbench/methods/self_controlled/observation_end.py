"""How long observation goes on after an event: four mixtures, and what they make of each day's weight.

Some observation ends early because of the event (soon, an exponential time after it), some for other reasons
(a Weibull or gamma time, of age or of the time since the event). Farrington et al. (JASA 2011;106:417) fit
the mixture to the cases and choose by AIC. Times are in years of 365.25 days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.integrate import tanhsinh
from scipy.optimize import minimize
from scipy.special import expit, gammaincc, gammaln

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats
from sundbench.methods.self_controlled.descent import descend

YEAR = 365.25
_LEAST = 1e-15
"""The least weight, which R's SCCS gives to pieces of a single day too."""

Later: TypeAlias = Callable[[Floats, Floats, float, float], tuple[Floats, Floats]]
"""Density of the end and chance to be observed beyond it, at event, end, 1 / mean and shape."""


@dataclass(frozen=True)
class Observed:
    """Cases with the ends of their observation, in years of age.

    Attributes:
        event, end: ages; observation ends after the event.
        censored: whether it ended early.
    """

    event: Floats
    end: Floats
    censored: Bools


@dataclass(frozen=True)
class EndModel:
    """A fitted mixture.

    Attributes:
        name: EWA, EWI, EGA or EGI: exponential and Weibull or gamma, of age or of the interval from the
            event.
        parameters: the log mean of the exponential, that of the other component (of the gamma; of the Weibull
            its scale), the logit of the exponential's share, and the log shape of the other.
        loglik: the log likelihood of the ends.
    """

    name: str
    parameters: Floats
    loglik: float

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2 * self.parameters.size - 2 * self.loglik

    def weights(self, cases: Observed, row: np.ndarray, low: Floats, high: Floats) -> Floats:
        """The integral, over event ages from low to high, of the density of the end that was seen.

        Args:
            cases: whose pieces of observation these are.
            row: of each piece, the place of its case.
            low: its first day in years of age.
            high: its last day.

        Raises:
            MethodError: a weight isn't finite.
        """
        wide = high > low
        own = row[wide]

        def density(event: Floats, end: Floats, censored: Floats) -> Floats:
            return _density(self.name, self.parameters, Observed(event, end, censored > 0))

        known = (cases.end[own], cases.censored[own].astype(np.float64))
        with np.errstate(all="ignore"):
            found = tanhsinh(density, low[wide], high[wide], args=known, rtol=1e-10)
        if not np.isfinite(found.integral).all():
            raise MethodError(
                f"initial: the model {self.name} reached from there gives no weights: begin elsewhere"
            )
        weights = np.full(low.size, _LEAST)
        weights[wide] = np.maximum(found.integral, _LEAST)
        return weights


def _weibull_of_age(event: Floats, end: Floats, rate: float, shape: float) -> tuple[Floats, Floats]:
    survival = np.exp((event * rate) ** shape - (end * rate) ** shape)
    return shape * rate * (end * rate) ** (shape - 1) * survival, survival


def _weibull_of_interval(event: Floats, end: Floats, rate: float, shape: float) -> tuple[Floats, Floats]:
    return _weibull_of_age(np.zeros_like(event), end - event, rate, shape)


def _gamma_of_age(event: Floats, end: Floats, rate: float, shape: float) -> tuple[Floats, Floats]:
    scale = shape * rate
    alive = gammaincc(shape, event * scale)
    alive = np.where(alive == 0, 1e-9, alive)  # as R's SCCS
    density, survival = _gamma_of_interval(np.zeros_like(event), end, rate, shape)
    return density / alive, survival / alive


def _gamma_of_interval(event: Floats, end: Floats, rate: float, shape: float) -> tuple[Floats, Floats]:
    scale, after = shape * rate, end - event
    density = np.exp(shape * np.log(scale) + (shape - 1) * np.log(after) - after * scale - gammaln(shape))
    return density, np.asarray(gammaincc(shape, after * scale), dtype=np.float64)


_MODELS: dict[str, Later] = {
    "EWA": _weibull_of_age,
    "EWI": _weibull_of_interval,
    "EGA": _gamma_of_age,
    "EGI": _gamma_of_interval,
}


def _density(name: str, parameters: Floats, cases: Observed) -> Floats:
    """The density of the end where observation ended early, else the chance to be observed to the end."""
    log_mean, log_other, share, log_shape = parameters
    soon = np.exp(-log_mean)
    early = np.exp(-soon * (cases.end - cases.event))
    density, survival = _MODELS[name](cases.event, cases.end, np.exp(-log_other), np.exp(log_shape))
    part = expit(share)
    return np.asarray(
        part * np.where(cases.censored, soon, 1.0) * early
        + (1 - part) * np.where(cases.censored, density, survival)
    )


def fit_end(name: str, cases: Observed, initial: Floats) -> EndModel | None:
    """Fit one mixture; None if the search finds no maximum.

    Args:
        name: as in ``EndModel``.
        cases: the cases.
        initial: where the search begins; the likelihood of a mixture can have several maxima.
    """

    def loss(parameters: Floats) -> float:
        with np.errstate(all="ignore"):
            return -2 * float(np.log(_density(name, parameters, cases)).sum())

    at = descend(loss, initial)
    if not np.isfinite(loss(at)):
        return None
    # To the last digit; the descent ends where R's does.
    with np.errstate(all="ignore"):
        found = minimize(loss, at, method="BFGS", options={"gtol": 1e-7, "eps": 1e-7})
    if loss(at) - found.fun > 1e-3 or not np.isfinite(found.fun):
        return EndModel(name, at, -loss(at) / 2)
    return EndModel(name, np.asarray(found.x, dtype=np.float64), -float(found.fun) / 2)


def best_end(cases: Observed, initial: Floats) -> tuple[EndModel, list[EndModel]]:
    """All four mixtures, and that of the lowest AIC.

    Raises:
        MethodError: nobody's observation ended early, or nobody's lasted, or none could be fitted.
    """
    early = int(cases.censored.sum())
    if early in {0, cases.censored.size}:
        which = "none" if early == 0 else "all"
        raise MethodError(
            f"cases: observation of {which} of {cases.censored.size} ended early (censored): how it "
            "depends on the event can't be told; use sccs"
        )
    fits = [found for name in _MODELS if (found := fit_end(name, cases, initial)) is not None]
    if not fits:
        raise MethodError(
            "initial: from there no model of the ends of observation could be fitted: begin elsewhere"
        )
    return min(fits, key=lambda found: found.aic), fits
