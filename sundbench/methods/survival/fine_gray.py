"""Fine and Gray's model of the subdistribution hazard.

Written by hand: no Python library has it, R's crr takes time with the square of the persons, and R's finegray
writes a row for each person and censoring interval. Neither is needed: who had a competing event at T stays
at risk with the weight G(t-) / G(T-), G being the censoring's Kaplan-Meier curve. That is a factor of the
row times a factor of the event time, so that sums over these risk sets are running sums too.

Sources: Fine and Gray, JASA 94 (1999), with their variance, which counts the estimation of G; Zhou et al.,
Biostatistics 13 (2012), for clusters. Under ties it follows R's cmprsk::crr: Breslow, and persons with events
are still at risk of censoring at that time. On request survival::finegray with coxph: Efron, events before
censoring, and a robust variance that takes G as known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame, frame, numbers, sums
from sundbench.methods.survival.baseline import relative_hazard
from sundbench.methods.survival.cox import ratio_table
from sundbench.methods.survival.curve import curve
from sundbench.methods.survival.follow_up import causes, check_cause, check_level
from sundbench.methods.survival.newton import inverted, maximise
from sundbench.methods.survival.partial_likelihood import PartialLikelihood
from sundbench.methods.survival.residuals import score_residuals
from sundbench.methods.survival.risk_sets import RiskSets, by_place, risk_sets
from sundbench.methods.survival.terms import Terms, terms

Convention = Literal["crr", "finegray"]


@dataclass(frozen=True)
class FineGray:
    """A fitted model of the subdistribution hazard.

    Attributes:
        coef: coefficients (log subdistribution hazard ratios) by term.
        variance: their covariance matrix.
        loglik, loglik_null: the log partial likelihood, and that without covariates.
        persons, events, competing: how many there are.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats
    loglik: float
    loglik_null: float
    persons: int
    events: int
    competing: int
    conf_level: float
    _terms: Terms
    _model: PartialLikelihood
    _last: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, hr (of the subdistribution), lower, upper."""
        return ratio_table(self.coef, self.variance, self.conf_level)

    def baseline(self) -> pd.DataFrame:
        """time, cumulative_hazard, incidence where all covariates are 0. One row an event time."""
        hazard = np.cumsum(self._increments()) * np.exp(-(self._terms.means @ self.coef.to_numpy()))
        columns = {
            "time": self._model.sets.time,
            "cumulative_hazard": hazard,
            "incidence": -np.expm1(-hazard),
        }
        return pd.DataFrame(columns)

    def predict(self, data: Frame, times: ArrayLike) -> pd.DataFrame:
        """Cumulative incidence of new persons: row (from 0), time, incidence; NaN beyond the follow-up.

        Raises:
            MethodError: a covariate is missing or has an unknown level, or negative times.
        """
        wanted = numbers(np.atleast_1d(np.asarray(times)), "times")
        if (wanted < 0).any():
            raise MethodError("times: some are negative: incidence starts at time 0")
        relative = relative_hazard(self._terms.matrix(data) - self._terms.means, self.coef.to_numpy())
        hazard = np.concatenate(([0.0], np.cumsum(self._increments())))
        at = hazard[np.searchsorted(self._model.sets.time, wanted, side="right")]
        incidence = np.where(wanted <= self._last, -np.expm1(-relative[:, None] * at), np.nan)
        rows = np.repeat(np.arange(relative.size), wanted.size)
        columns = {"row": rows, "time": np.tile(wanted, relative.size), "incidence": incidence.ravel()}
        return pd.DataFrame(columns)

    def _increments(self) -> Floats:
        return self._model.hazard(self.coef.to_numpy()).increment


@kinds_checked
def fine_gray(
    data: Frame,
    *,
    time: str,
    cause: str,
    covariates: Sequence[str],
    of_interest: int = 1,
    cluster: str | None = None,
    conf_level: float = 0.95,
    convention: Convention = "crr",
) -> FineGray:
    """Fit the subdistribution hazard of a cause.

    Args:
        data: a frame, one row a person.
        time: the column with the end of follow-up.
        cause: 0 (censored), 1, 2, ...
        covariates: numbers and booleans as they are; text and categories get a term a level but the first.
        of_interest: the cause that is modelled; the others compete with it.
        cluster: whose persons belong together in the variance.
        conf_level: coverage of the limits.
        convention: ``crr`` or ``finegray``: whose handling of ties and whose variance.

    Raises:
        MethodError: missing, negative or wrong values; no events of the cause; a covariate that is
            constant or follows from the others; infinite coefficients.
    """
    check_level(conf_level)
    if convention not in ("crr", "finegray"):
        raise MethodError(f"convention {convention} is unknown: use crr or finegray")
    names = list(covariates)
    if isinstance(covariates, str) or not names:
        raise MethodError("covariates: give a list of at least one column")
    chosen = frame(data, [time, cause, *names])
    end, codes, _, weight = causes(chosen[time], chosen[cause], None, None)
    event = codes == of_interest
    check_cause(codes, of_interest)
    competing = (codes > 0) & ~event
    groups = None if cluster is None else frame(data, [cluster])[cluster]
    matrix, made = terms(chosen, names)
    sets = _sets(end, event, competing, events_first=convention == "finegray")
    model = PartialLikelihood(matrix, weight, np.zeros(end.size), sets, convention == "finegray")
    best = maximise(model, made)
    influence = score_residuals(model, best.beta)
    if convention == "crr":
        influence = influence + _of_censoring(model, best.beta, end, codes == 0, competing)
    if groups is not None:
        code = pd.factorize(groups)[0].astype(np.int64)
        influence = by_place(code, weight, influence, int(code.max()) + 1)
    inverse = inverted(best.information)
    return FineGray(
        coef=pd.Series(best.beta, index=pd.Index(made.names, name="term"), name="coef"),
        variance=inverse @ (influence.T @ influence) @ inverse,
        loglik=best.loglik,
        loglik_null=best.loglik_null,
        persons=end.size,
        events=int(event.sum()),
        competing=int(competing.sum()),
        conf_level=conf_level,
        _terms=made,
        _model=model,
        _last=float(end.max()),
    )


def _sets(end: Floats, event: Bools, competing: Bools, *, events_first: bool) -> RiskSets:
    plain = risk_sets(end, event, None, None)
    none = np.zeros_like(end)
    if events_first:
        # An event comes before a censoring at the same time, which then finds it gone.
        distinct, at = np.unique(end, return_inverse=True)
        free = curve(
            np.asarray(2.0 * at + ~(event | competing), dtype=np.float64),
            ~(event | competing),
            none,
            np.ones_like(end),
        )
        clock = 2.0 * np.arange(distinct.size) + 0.5
        ends, times = clock[at], clock[np.searchsorted(distinct, plain.time)]
    else:
        free = curve(end, ~(event | competing), none, np.ones_like(end))
        ends, times = end, plain.time
    before = np.concatenate(([1.0], free.survival))
    own = before[np.searchsorted(free.time, ends)]
    staying = np.zeros_like(end)
    staying[competing] = 1.0 / own[competing]
    return replace(plain, censoring=before[np.searchsorted(free.time, times)], staying=staying)


def _of_censoring(
    model: PartialLikelihood, beta: Floats, end: Floats, censored: Bools, competing: Bools
) -> Floats:
    """What each person adds to the score's influence through the estimate of the censoring curve.

    q(u) is the derivative of the score with respect to the censoring hazard at u: it comes from those who had
    a competing event before u, at event times from u on.
    """
    sets = model.sets
    if sets.censoring is None or sets.staying is None or not censored.any():
        return np.zeros_like(model.matrix)
    hazard = model.hazard(beta)
    mean = model.mean_steps(hazard)[0]
    scaled = hazard.increment * sets.censoring
    times, at = np.unique(end, return_inverse=True)
    at_risk = np.cumsum(np.bincount(at)[::-1])[::-1]
    leaving = sums(at, censored.astype(np.float64), times.size)

    def earlier(values: Floats) -> Floats:
        return np.asarray(np.cumsum(values, axis=0) - values)

    stayed = hazard.risk * sets.staying
    ones = earlier(sums(at, stayed, times.size))
    products = earlier(by_place(at, stayed, model.matrix, times.size))
    zero = np.zeros((1, beta.size))
    from_here = np.searchsorted(sets.time, times)
    rest = np.concatenate((np.cumsum(scaled[::-1])[::-1], [0.0]))[from_here]
    rest_mean = np.concatenate((np.cumsum((scaled[:, None] * mean)[::-1], axis=0)[::-1], zero))[from_here]
    q = products * rest[:, None] - ones[:, None] * rest_mean
    jumps = q / at_risk[:, None]
    gathered = np.cumsum(jumps * (leaving / at_risk)[:, None], axis=0)
    return np.asarray(censored[:, None] * jumps[at] - gathered[at])
