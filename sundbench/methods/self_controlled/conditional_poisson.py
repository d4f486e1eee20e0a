"""The conditional Poisson likelihood of events within observation periods, over factors.

Given how many events a period holds, where they fall is multinomial, with chances that are days times rate
ratio. A stratum for each event (as R's clogit on split rows has) gives the same estimates. All covariates are
factors, so that the information needs sums by period and level alone, and no matrix of rows by terms.

Written by hand: statsmodels' conditional models add stratum by stratum in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats
from sundbench.methods.self_controlled.days import Ints

_ITERATIONS = 60
_DONE = 1e-9
_SINGULAR = 1e-10
_FAR = 20.0
_CELLS = 4_000_000
"""Cells of a block of the matrix of periods by terms."""


@dataclass(frozen=True)
class Factor:
    """A covariate with levels.

    Attributes:
        terms: the name of each level's term; None for the reference, whose coefficient is 0.
        level: of each row.
    """

    terms: tuple[str | None, ...]
    level: Ints


@dataclass(frozen=True)
class Fit:
    """The maximum.

    Attributes:
        terms: in the factors' order.
        coef: negative infinity for terms without events.
        variance: NaN there.
        loglik, loglik_null: at the maximum, and at coefficients of 0.
        score: the score test's statistic at 0, of the finite terms.
        infinite: terms without events.
    """

    terms: tuple[str, ...]
    coef: Floats
    variance: Floats
    loglik: float
    loglik_null: float
    score: float
    infinite: tuple[str, ...]


class ConditionalPoisson:
    """The likelihood on given rows."""

    def __init__(self, period: Ints, days: Floats, events: Floats, factors: Sequence[Factor]) -> None:
        """Rows must come in order of their periods.

        Args:
            period: of each row, counted from 0.
            days: its length, which is its weight.
            events: how many fall on it.
            factors: the covariates.
        """
        self.heads = np.flatnonzero(np.append(True, period[1:] != period[:-1]))
        self.period = np.cumsum(np.append(0, period[1:] != period[:-1]))
        self.days, self.events = days, events
        self._at_events = np.flatnonzero(events)
        self.count = np.add.reduceat(events, self.heads)
        self.factors = [_places(factor) for factor in factors]
        self.terms = tuple(term for factor in factors for term in factor.terms if term is not None)
        pattern, size = np.zeros(days.size, dtype=np.int64), 1
        for factor in factors:
            pattern, size = pattern * len(factor.terms) + factor.level, size * len(factor.terms)
            if size > 1_000_000:  # combinations that occur are few
                seen, pattern = np.unique(pattern, return_inverse=True)
                size = seen.size
        _, first, self.pattern = np.unique(pattern, return_index=True, return_inverse=True)
        self.design = np.zeros((first.size, len(self.terms)))
        head = 0
        for factor, (column, size) in zip(factors, self.factors, strict=True):
            at = column[factor.level[first]]
            rows = np.flatnonzero(at >= 0)
            self.design[rows, head + at[rows]] = 1.0
            head += size
        self._level = [factor.level for factor in factors]

    def totals(self, weight: Floats) -> Floats:
        """Sums of rows' weights by term."""
        return self.by_pattern(weight) @ self.design

    def by_pattern(self, weight: Floats) -> Floats:
        """Sums of rows' weights by combination of levels."""
        return np.bincount(self.pattern, weight, self.design.shape[0]).astype(np.float64)

    def at(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Log likelihood, and each row's share of its period and expected events.

        The likelihood is that of the events' days, which doesn't depend on how periods are cut.
        """
        linear = self.design @ beta
        weight = self.days * np.exp(linear)[self.pattern]
        total = np.add.reduceat(weight, self.heads)
        share = weight / total[self.period]
        at = self._at_events
        with np.errstate(divide="ignore"):
            logs = np.log(share[at] / self.days[at])
        return float(self.events[at] @ logs), share, share * self.count[self.period]

    def information(self, share: Floats, expected: Floats) -> Floats:
        """The observed (and expected) information."""
        total = self.design.T @ (self.by_pattern(expected)[:, None] * self.design)
        size = len(self.terms)
        step = max(1, _CELLS // max(size, 1))
        for low in range(0, self.heads.size, step):
            high = min(low + step, self.heads.size)
            rows = slice(self.heads[low], self.heads[high] if high < self.heads.size else self.period.size)
            own = self.period[rows] - low
            means = np.empty((high - low, size))
            head = 0
            for (column, width), level in zip(self.factors, self._level, strict=True):
                at = column[level[rows]] + 1
                cells = np.bincount(own * (width + 1) + at, share[rows], (high - low) * (width + 1))
                means[:, head : head + width] = cells.reshape(high - low, width + 1)[:, 1:]
                head += width
            total -= means.T @ (self.count[low:high, None] * means)
        return np.asarray((total + total.T) / 2)


def _places(factor: Factor) -> tuple[Ints, int]:
    """By level, the term's place within the factor (-1 for the reference), and how many terms it has."""
    named = np.array([term is not None for term in factor.terms])
    return np.where(named, np.cumsum(named) - 1, -1), int(named.sum())


def fit(period: Ints, days: Ints, events: Ints, factors: Sequence[Factor]) -> Fit:
    """Find the coefficients by Newton's method.

    A term on whose days no event falls has a coefficient of minus infinity; the others are then what the
    remaining days say, which is the limit that its likelihood approaches.

    Raises:
        MethodError: infinite or undetermined coefficients.
    """
    whole = ConditionalPoisson(period, days.astype(np.float64), events.astype(np.float64), factors)
    null = whole.at(np.zeros(len(whole.terms)))[0]
    empty = whole.totals(whole.events) == 0
    model = whole
    if empty.any():
        kept = (whole.design[:, empty].sum(axis=1) == 0)[whole.pattern]
        gone = {term for term, true in zip(whole.terms, empty, strict=True) if true}
        rest = [_without(factor, gone, kept) for factor in factors]
        model = ConditionalPoisson(period[kept], whole.days[kept], whole.events[kept], rest)
    size = len(whole.terms)
    coef, variance = np.full(size, -np.inf), np.full((size, size), np.nan)
    beta, loglik, covariance, score = _newton(model)
    finite = np.flatnonzero(~empty)
    coef[finite] = beta
    variance[np.ix_(finite, finite)] = covariance
    gone_terms = tuple(term for term, true in zip(whole.terms, empty, strict=True) if true)
    return Fit(whole.terms, coef, variance, loglik, null, score, gone_terms)


def _without(factor: Factor, gone: set[str], kept: np.ndarray) -> Factor:
    return Factor(tuple(None if term in gone else term for term in factor.terms), factor.level[kept])


def _newton(model: ConditionalPoisson) -> tuple[Floats, float, Floats, float]:
    beta = np.zeros(len(model.terms))
    if not beta.size:
        raise MethodError("no events fall in any risk window: there is nothing to estimate")
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
        found = model.at(beta + step)
        for _ in range(40):
            if found[0] >= loglik - 1e-10 * abs(loglik):
                break
            step = step / 2
            found = model.at(beta + step)
        beta, (loglik, share, expected) = beta + step, found
        if np.abs(beta).max() > _FAR:
            break
    raise MethodError(_infinite(model, np.abs(beta) > 0.5 * np.abs(beta).max()))


def _determined(information: Floats, model: ConditionalPoisson, *, moved: bool) -> None:
    diagonal = np.diag(information)
    lacking = diagonal <= _SINGULAR * model.events.sum()
    if not lacking.any():
        root = np.sqrt(diagonal)
        values, vectors = np.linalg.eigh(information / np.outer(root, root))
        if values[0] > _SINGULAR:
            return
        lacking = np.abs(vectors[:, 0]) > 0.1
    if moved:
        raise MethodError(_infinite(model, lacking))
    names = ", ".join(term for term, true in zip(model.terms, lacking, strict=True) if true)
    raise MethodError(
        f"the events don't determine the coefficients of {names}: within persons with an event they don't "
        "vary, or follow from the others; merge windows or groups"
    )


def _infinite(model: ConditionalPoisson, which: np.ndarray) -> str:
    names = ", ".join(term for term, true in zip(model.terms, which, strict=True) if true)
    return (
        f"the coefficients of {names} are infinite: no event falls on the days that they are compared with; "
        "merge windows, or begin age groups or seasons elsewhere"
    )
