"""The highest conditional Poisson likelihood, also where it is approached at infinity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space, qr

from sundbench.errors import MethodError
from sundbench.methods.information import undetermined
from sundbench.methods.inputs import Bools, Floats
from sundbench.methods.rates.recession import limit
from sundbench.methods.self_controlled.conditional_poisson import ConditionalPoisson, Factor
from sundbench.methods.self_controlled.days import Ints

_ITERATIONS = 60
_DONE = 1e-9
_SINGULAR = 1e-10
_FAR = 20.0
_CELLS = 20_000_000
"""Of the matrix in which infinite coefficients are looked for."""


@dataclass(frozen=True)
class Fit:
    """The maximum.

    Attributes:
        terms: in the factors' order.
        coef: in that order; infinite where the likelihood has no maximum.
        variance: NaN there.
        loglik, loglik_null: at the maximum, and at coefficients of 0.
        score: the score test's statistic at 0, of the finite terms.
        infinite: a reason by term that is.
    """

    terms: tuple[str, ...]
    coef: Floats
    variance: Floats
    loglik: float
    loglik_null: float
    score: float
    infinite: dict[str, str]


class _Diverged(Exception):  # noqa: N818 - caught here, where the limit is found
    """The likelihood grows without end along these terms."""


def fit(period: Ints, days: Ints | Floats, events: Ints, factors: Sequence[Factor]) -> Fit:
    """Find the coefficients by Newton's method.

    Terms on whose days no event falls are minus infinity. There are rarer cases, of several terms together.
    The other coefficients are what the limit that the likelihood approaches says, which has fewer days.

    Args:
        period: of each row; rows are in order of their periods.
        days: each row's length.
        events: how many fall on it.
        factors: the covariates.

    Raises:
        MethodError: nothing finite is left, or coefficients aren't determined.
    """
    whole = ConditionalPoisson(period, days.astype(np.float64), events.astype(np.float64), factors)
    null = whole.at(np.zeros(len(whole.terms)))[0]
    empty = whole.totals(whole.events) == 0
    infinite = {term: -1.0 for term, true in zip(whole.terms, empty, strict=True) if true}
    gone = set(infinite)
    model = whole
    if gone:
        model = whole.part((whole.design[:, empty].sum(axis=1) == 0)[whole.pattern], gone)
    while True:
        if not model.terms:
            raise MethodError("no events fall in any risk window: there is nothing to estimate")
        try:
            beta, loglik, covariance, score = _newton(model)
            break
        except _Diverged as far:
            model, more = _limit(model, ", ".join(str(term) for term in far.args))
            infinite |= more
    places = {term: i for i, term in enumerate(whole.terms)}
    # A term that is infinite can still stand for the difference from another one.
    finite = [i for i, term in enumerate(model.terms) if term not in infinite]
    at = [places[model.terms[i]] for i in finite]
    coef, variance = np.full(len(places), np.nan), np.full((len(places), len(places)), np.nan)
    coef[at] = beta[finite]
    variance[np.ix_(at, at)] = covariance[np.ix_(finite, finite)]
    for term, sign in infinite.items():
        coef[places[term]] = sign * np.inf
    reasons = {
        term: (
            "minus infinity: no event falls on its days"
            if term in gone
            else f"{'plus' if sign > 0 else 'minus'} infinity: events are lacking to tell it from other terms"
        )
        for term, sign in infinite.items()
    }
    return Fit(whole.terms, coef, variance, loglik, null, score, reasons)


def _limit(model: ConditionalPoisson, far: str) -> tuple[ConditionalPoisson, dict[str, float]]:
    """The model that the likelihood approaches, and the signs of the terms that are infinite.

    Days on which an event was infinitely less likely than on that on which it came drop out.

    Raises:
        MethodError: there is none, or a sign isn't determined.
    """
    first = np.flatnonzero(model.events)
    first = first[np.unique(model.period[first], return_index=True)[1]]
    happened = model.events > 0
    size = model.design.shape[0]
    pair = (model.pattern * size + model.pattern[first][model.period]) * 2 + happened
    pairs, place = np.unique(pair, return_inverse=True)
    refusal = MethodError(
        f"the coefficients of {far} are infinite: no event falls on the days that they are compared with; "
        "merge windows, or begin age groups or seasons elsewhere"
    )
    if pairs.size * len(model.terms) > _CELLS:
        raise refusal
    apart = model.design[pairs // 2 // size] - model.design[pairs // 2 % size]
    found = limit(apart, (pairs % 2).astype(np.float64))
    if found is None or np.isnan(found.infinite).any():
        raise refusal
    # As many of the infinite terms go as the remaining days don't tell apart from the others.
    affected = np.flatnonzero(found.infinite)
    kept = apart[found.rows]
    free = null_space(kept.T @ kept, rcond=1e-10)[affected]
    order = qr(free.T, mode="economic", pivoting=True)[2]
    gone = {model.terms[i] for i in affected[order[: free.shape[1]]]}
    signs = {model.terms[i]: float(np.sign(found.infinite[i])) for i in affected}
    if len(signs) == len(model.terms):
        raise refusal
    return model.part(found.rows[place], gone), signs


def _newton(model: ConditionalPoisson) -> tuple[Floats, float, Floats, float]:
    beta = np.zeros(len(model.terms))
    observed = model.totals(model.events)
    loglik, share, expected = model.at(beta)
    score = None
    for _ in range(_ITERATIONS):
        information = model.information(share, expected)
        _determined(information, model, moved=bool(beta.any()))
        gradient = observed - model.totals(expected)
        step = np.linalg.solve(information, gradient)
        if score is None:
            score = float(gradient @ step)
        if np.abs(step).max() < _DONE:
            inverse = np.linalg.inv(information)
            return beta + step, loglik, np.asarray((inverse + inverse.T) / 2), score
        step *= min(1.0, _FAR / np.abs(step).max())
        found = model.at(beta + step)
        for _ in range(40):
            if found[0] >= loglik - 1e-10 * abs(loglik):
                break
            step = step / 2
            found = model.at(beta + step)
        beta, (loglik, share, expected) = beta + step, found
        if np.abs(beta).max() > _FAR:
            break
    raise _diverged(model, np.abs(beta) > 0.5 * np.abs(beta).max())


def _determined(information: Floats, model: ConditionalPoisson, *, moved: bool) -> None:
    lacking = undetermined(information, float(model.events.sum()), _SINGULAR)
    if lacking is None:
        return
    if moved:
        raise _diverged(model, lacking)
    names = ", ".join(term for term, true in zip(model.terms, lacking, strict=True) if true)
    raise MethodError(
        f"the events don't determine the coefficients of {names}: within persons with an event they don't "
        "vary, or follow from the others; merge windows or groups"
    )


def _diverged(model: ConditionalPoisson, which: Bools) -> _Diverged:
    return _Diverged(*(term for term, true in zip(model.terms, which, strict=True) if true))
