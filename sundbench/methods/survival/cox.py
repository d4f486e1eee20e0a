"""Cox's proportional hazards model.

Sources: Cox (1972); ties as Efron (1977) or Breslow (1974); robust variance as Lin and Wei (1989), clustered
as R's coxph. See ``partial_likelihood`` for why it is written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2, norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame, frame, numbers
from sundbench.methods.survival.baseline import ConfidenceType, baseline, predicted_survival
from sundbench.methods.survival.concordance import Concordance, concordance
from sundbench.methods.survival.follow_up import check_level, not_negative
from sundbench.methods.survival.newton import Maximum, inverted, maximise
from sundbench.methods.survival.observations import Observations, observations
from sundbench.methods.survival.partial_likelihood import PartialLikelihood
from sundbench.methods.survival.proportional_hazards import TimeScale, proportional_hazards_test
from sundbench.methods.survival.residuals import cluster_variance, martingale, schoenfeld, score_residuals
from sundbench.methods.survival.risk_sets import risk_sets
from sundbench.methods.survival.terms import Terms, terms

Ties = Literal["efron", "breslow"]
_THIN = 100_000
"""From this many rows on, the fit of some of them gives the start for all."""


@dataclass(frozen=True)
class Cox:
    """A fitted proportional hazards model.

    Attributes:
        coef: coefficients (log hazard ratios) by term.
        variance: their covariance matrix; robust where ``robust``.
        model_variance: the inverse of the information.
        robust: whether the variance is robust (with a cluster, or with weights that are not whole numbers).
        loglik, loglik_null: the log partial likelihood, and that without covariates.
        rows, events: how many there are (unweighted).
        ties: how ties were handled.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats
    model_variance: Floats
    robust: bool
    loglik: float
    loglik_null: float
    rows: int
    events: int
    ties: Ties
    conf_level: float
    _terms: Terms
    _model: PartialLikelihood
    _observations: Observations

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, hr, lower, upper (the limits are the hazard ratio's)."""
        return ratio_table(self.coef, self.variance, self.conf_level)

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Of all coefficients at once, indexed by likelihood ratio, wald and score: statistic, df, p_value.

        The Wald test is robust where the variance is; the other two never are.
        """
        beta = self.coef.to_numpy()
        gradient, information = self._model.derivatives(self._model.hazard(np.zeros(beta.size)))
        statistic = [
            2 * (self.loglik - self.loglik_null),
            float(beta @ np.linalg.solve(self.variance, beta)),
            float(gradient @ np.linalg.solve(information, gradient)),
        ]
        index = pd.Index(["likelihood ratio", "wald", "score"], name="test")
        return pd.DataFrame(
            {"statistic": statistic, "df": beta.size, "p_value": chi2.sf(statistic, beta.size)}, index=index
        )

    @cached_property
    def linear_predictor(self) -> Floats:
        """Each row's linear predictor, at covariates less their means."""
        return self._model.linear(self.coef.to_numpy())

    @property
    def concordance(self) -> float:
        """Of pairs that can be ordered, the share in which who has the event first has the higher hazard."""
        return self._concordance.estimate

    @property
    def concordance_se(self) -> float:
        """Standard error of the concordance: infinitesimal jackknife, by cluster where there are some."""
        return self._concordance.se

    @cached_property
    def _concordance(self) -> Concordance:
        return concordance(self._observations, self.linear_predictor, self._model.weight)

    def baseline(self) -> pd.DataFrame:
        """stratum, time, cumulative_hazard, survival where all covariates (and the offset) are 0.

        One row an event time. Follows the handling of ties.
        """
        return baseline(self._model, self.coef.to_numpy(), self._terms.means, self._observations.strata)

    @kinds_checked
    def predict(
        self,
        data: Frame,
        times: ArrayLike,
        *,
        stratum: str | None = None,
        conf_type: ConfidenceType = "log-log",
    ) -> pd.DataFrame:
        """Survival of new persons, without offset.

        Args:
            data: a frame with the covariates, one row a person.
            times: when.
            stratum: whose baseline hazard, where the model has strata.
            conf_type: ``log-log``, ``log`` or ``plain`` limits.

        Returns:
            row (from 0), time, survival, se, lower, upper. NaN beyond the stratum's last follow-up.

        Raises:
            MethodError: a covariate is missing or has an unknown level, or the stratum is unknown.
        """
        names = self._observations.strata
        if stratum is None and len(names) > 1:
            raise MethodError("stratum is needed: the model has strata, each with a baseline of its own")
        label = names[0] if stratum is None else str(stratum)
        if label not in names:
            raise MethodError(f"stratum {label} is unknown: the model has {', '.join(names[:20])}")
        code = names.index(label)
        o = self._observations
        own = o.end if o.stratum is None else o.end[o.stratum == code]
        return predicted_survival(
            self._model,
            self.coef.to_numpy(),
            self.variance,
            self._terms.matrix(data) - self._terms.means,
            times=numbers(np.atleast_1d(np.asarray(times)), "times"),
            stratum=code,
            last=float(own.max()),
            conf_type=conf_type,
            conf_level=self.conf_level,
        )

    @kinds_checked
    def proportional_hazards_test(self, transform: TimeScale = "km") -> pd.DataFrame:
        """Does an effect change with time? Indexed by covariate and GLOBAL: statistic, df, p_value.

        The score test of survival 3's ``cox.zph``, which replaced the approximate test on scaled Schoenfeld
        residuals (Grambsch and Therneau 1994).

        Args:
            transform: of time: ``km`` (1 - survival just before), ``identity``, ``rank`` or ``log``.

        Raises:
            MethodError: an unknown transform, or the logarithm of time 0.
        """
        return proportional_hazards_test(
            self._model, self.coef.to_numpy(), self._terms.covariates, self._observations, transform
        )

    @kinds_checked
    def residuals(
        self, kind: Literal["martingale", "score", "dfbeta", "schoenfeld", "scaled schoenfeld"]
    ) -> pd.DataFrame:
        """Residuals: a row an observation, or for Schoenfeld's a row an event with its time.

        ``dfbeta`` is the change in the coefficients when the row is left out (to first order, weighted).

        Raises:
            MethodError: an unknown kind.
        """
        beta, names = self.coef.to_numpy(), list(self._terms.names)
        if kind == "martingale":
            return pd.DataFrame({"martingale": martingale(self._model, beta)})
        if kind in ("score", "dfbeta"):
            values = score_residuals(self._model, beta)
            if kind == "dfbeta":
                values = (self._model.weight[:, None] * values) @ self.model_variance
            return pd.DataFrame(values, columns=names)
        if kind in ("schoenfeld", "scaled schoenfeld"):
            values = schoenfeld(self._model, beta)
            if kind == "scaled schoenfeld":
                values = beta + self.events * values @ self.model_variance
            part = pd.DataFrame(values, columns=names)
            part.insert(0, "time", self._model.sets.time[self._model.sets.event_places])
            return part.sort_values("time", kind="stable", ignore_index=True)
        raise MethodError(f"residuals {kind}: use martingale, score, dfbeta, schoenfeld or scaled schoenfeld")


@kinds_checked
def cox(
    data: Frame,
    *,
    time: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None = None,
    strata: str | Sequence[str] | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    offset: str | None = None,
    ties: Ties = "efron",
    conf_level: float = 0.95,
    robust: bool | None = None,
) -> Cox:
    """Fit a Cox model.

    Args:
        data: a frame; one row a person, or several of a person in start-stop form.
        time: the column with the end of follow-up. Times count as tied when they are equal to the last bit:
            give whole days, not days divided by 365.25.
        event: 1 (event) or 0 (censored) at that time.
        covariates: numbers and booleans as they are; text and categories get a term a level but the first.
        entry: start of the row; at risk after it.
        strata: columns whose combinations have baseline hazards of their own.
        weights: not negative; rows of weight 0 are left out.
        cluster: whose rows belong together in the robust variance. Rows of one person without events in
            common need none for the coefficients and the model's variance.
        offset: enters the linear predictor with coefficient 1.
        ties: ``efron`` or ``breslow``.
        conf_level: coverage of the limits.
        robust: whether the variance is robust; None: with a cluster, or with weights that are not whole
            numbers, as in R. Weights count as known.

    Raises:
        MethodError: missing, negative or wrong values; entry at or after the end; no events; a covariate that
            is constant or follows from the others; infinite coefficients.
    """
    check_level(conf_level)
    if ties not in ("efron", "breslow"):
        raise MethodError(f"ties {ties} is unknown: use efron or breslow")
    names = list(covariates)
    if isinstance(covariates, str) or not names:
        raise MethodError("covariates: give a list of at least one column")
    by = [strata] if isinstance(strata, str) else [] if strata is None else list(strata)
    chosen = frame(data, [time, event, *names, *by, *(c for c in (entry, weights, offset) if c is not None)])
    groups = None if cluster is None else frame(data, [cluster])[cluster]
    weight = np.ones(len(chosen)) if weights is None else numbers(chosen[weights], weights)
    not_negative(weight, f"weights {weights}")
    if not weight.all():
        kept = weight > 0
        chosen, weight = chosen[kept].reset_index(drop=True), weight[kept]
        groups = None if groups is None else groups[kept]
        if not weight.size:
            raise MethodError(f"weights {weights}: all are 0: nobody is left to analyse")
    rows = observations(chosen, time=time, event=event, entry=entry, strata=by, cluster=groups)
    shift = np.zeros(weight.size) if offset is None else numbers(chosen[offset], offset)
    matrix, made = terms(chosen, names)
    model = PartialLikelihood(
        matrix,
        weight,
        shift,
        risk_sets(rows.end, rows.event, rows.entry, rows.stratum),
        ties == "efron",
    )
    best = maximise(model, made, _start(model, rows, made))
    inverse = inverted(best.information)
    if robust is None:
        robust = cluster is not None or bool((weight != np.floor(weight)).any())
    variance = cluster_variance(model, best.beta, inverse, rows.cluster) if robust else inverse
    return Cox(
        coef=pd.Series(best.beta, index=pd.Index(made.names, name="term"), name="coef"),
        variance=variance,
        model_variance=inverse,
        robust=robust,
        loglik=best.loglik,
        loglik_null=best.loglik_null,
        rows=weight.size,
        events=int(rows.event.sum()),
        ties=ties,
        conf_level=conf_level,
        _terms=made,
        _model=model,
        _observations=rows,
    )


def ratio_table(coef: pd.Series, variance: Floats, conf_level: float) -> pd.DataFrame:
    """By term: coef, se, z, p_value, the hazard ratio and its limits."""
    beta, se = coef.to_numpy(), np.sqrt(np.diag(variance))
    wide = norm.ppf((1 + conf_level) / 2) * se
    columns = {
        "coef": beta,
        "se": se,
        "z": beta / se,
        "p_value": 2 * norm.sf(np.abs(beta / se)),
        "hr": np.exp(beta),
        "lower": np.exp(beta - wide),
        "upper": np.exp(beta + wide),
    }
    return pd.DataFrame(columns, index=coef.index)


def _start(model: PartialLikelihood, rows: Observations, made: Terms) -> Maximum | None:
    """The fit of every k-th row, where there are so many rows that this saves time."""
    size = rows.end.size
    if size < _THIN or len(rows.strata) > size // 10_000:
        return None
    some = slice(None, None, -(-size // (_THIN // 3)))
    event = rows.event[some]
    if event.sum() < 20 * len(made.names):
        return None
    sets = risk_sets(
        rows.end[some],
        event,
        None if rows.entry is None else rows.entry[some],
        None if rows.stratum is None else rows.stratum[some],
    )
    thin = PartialLikelihood(
        np.ascontiguousarray(model.matrix[some]), model.weight[some], model.offset[some], sets, model.efron
    )
    try:
        return maximise(thin, made)
    except MethodError:  # too few of a rare level: all rows may hold enough
        return None
