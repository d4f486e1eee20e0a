"""The empirical Bayes geometric mean (DuMouchel 1999; DuMouchel and Pregibon 2001).

Ratios of observed to expected counts are drawn from a mixture of two gamma distributions, which is fitted to
all pairs by maximum likelihood. Pairs without reports are usually not listed; then each component's
distribution of counts is that of counts above 0, as in R's openEBGM.

Written by hand: no Python library has it. The likelihood is maximised with its gradient over all pairs; R
needs them squashed into bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammainc, gammaincinv, gammaln

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, numbers, same_length

_STARTS = (
    (0.2, 0.1, 2.0, 4.0, 1 / 3),  # DuMouchel's
    (2.0, 0.5, 2.0, 2.0, 0.1),
    (0.5, 0.3, 1.0, 1.0, 0.3),
    (5.0, 1.0, 1.0, 3.0, 0.05),
)
_LARGE = 1e5


@dataclass(frozen=True)
class Prior:
    """The mixture of gamma distributions (shape alpha, rate beta) from which ratios are drawn.

    Attributes:
        alpha1, beta1: of the first component, which has the higher mean where the mixture was fitted.
        alpha2, beta2: of the second.
        share: of the first.
        loglik: at the maximum; NaN for a prior that was not fitted.
        conditional: whether the likelihood was that of counts above 0.
    """

    alpha1: float
    beta1: float
    alpha2: float
    beta2: float
    share: float
    loglik: float = float("nan")
    conditional: bool = True

    def posterior_share(self, count: ArrayLike, expected: ArrayLike) -> Floats:
        """The probability that a pair's ratio comes from the first component, given its count."""
        n, e = np.asarray(count, dtype=np.float64), np.asarray(expected, dtype=np.float64)
        logs = [
            np.log(weight) + _log_count(n, e, a, b)
            for weight, a, b in (
                (self.share, self.alpha1, self.beta1),
                (1 - self.share, self.alpha2, self.beta2),
            )
        ]
        return np.asarray(expit(logs[0] - logs[1]))

    def geometric_mean(self, count: ArrayLike, expected: ArrayLike) -> Floats:
        """The geometric mean of a pair's posterior ratio: the EBGM."""
        n, e = np.asarray(count, dtype=np.float64), np.asarray(expected, dtype=np.float64)
        q = self.posterior_share(n, e)
        first = digamma(self.alpha1 + n) - np.log(self.beta1 + e)
        second = digamma(self.alpha2 + n) - np.log(self.beta2 + e)
        return np.asarray(np.exp(q * first + (1 - q) * second))

    def quantile(self, probability: float, count: ArrayLike, expected: ArrayLike) -> Floats:
        """A quantile of a pair's posterior ratio: 0.05 gives the EB05."""
        n, e = np.asarray(count, dtype=np.float64), np.asarray(expected, dtype=np.float64)
        q = self.posterior_share(n, e)
        shapes, scales = (self.alpha1 + n, self.alpha2 + n), (self.beta1 + e, self.beta2 + e)
        ends = [np.log(gammaincinv(a, probability) / b) for a, b in zip(shapes, scales, strict=True)]
        # The mixture's quantile lies between the components'.
        low, high = np.minimum(*ends), np.maximum(*ends)
        at = np.where(q > 0.5, ends[0], ends[1])
        for _ in range(80):
            ratio = np.exp(at)
            below = q * gammainc(shapes[0], ratio * scales[0]) + (1 - q) * gammainc(
                shapes[1], ratio * scales[1]
            )
            low, high = np.where(below < probability, at, low), np.where(below > probability, at, high)
            density = sum(
                weight * np.exp(a * (np.log(b) + at) - ratio * b - gammaln(a))
                for weight, a, b in zip((q, 1 - q), shapes, scales, strict=True)
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = at - (below - probability) / density
            inside = (newton >= low) & (newton <= high)
            after = np.where(inside, newton, (low + high) / 2)
            if np.abs(after - at).max() < 1e-13:
                break
            at = after
        return np.asarray(np.exp(at))


@kinds_checked
def fit_prior(count: ArrayLike, expected: ArrayLike, *, conditional: bool | None = None) -> Prior:
    """Fit the mixture to all pairs.

    Args:
        count: reports with both drug and event, of each pair.
        expected: how many were expected.
        conditional: whether pairs without reports are left out, so that counts are known to be above 0;
            None: if there are none among the counts.

    Raises:
        MethodError: bad numbers, too few pairs, or pairs that don't determine a mixture.
    """
    n, e = numbers(count, "count"), numbers(expected, "expected")
    same_length(count=n, expected=e)
    if (n < 0).any() or not (e > 0).all():
        raise MethodError("count, expected: counts must be 0 or more and expected counts above 0")
    if conditional is None:
        conditional = bool((n > 0).all())
    if conditional and not (n > 0).all():
        raise MethodError("count: counts of 0 in a likelihood that is conditional on counts above 0")
    if n.size < 10 or np.ptp(n) == 0:
        raise MethodError(
            f"count: {n.size} pairs with {np.unique(n).size} different counts don't determine a prior: give "
            "the whole database's pairs, or a prior"
        )
    loss = _Loss(n, e, conditional)
    best = None
    for start in _STARTS:
        theta = np.log([*start[:4], start[4] / (1 - start[4])])
        found = minimize(
            loss, theta, jac=True, method="BFGS", options={"gtol": 1e-7 * n.size, "maxiter": 500}
        )
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        raise MethodError("count: no prior was found: check that expected counts fit the counts")
    best = minimize(loss, best.x, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 500})
    values = np.exp(best.x[:4])
    share = float(expit(best.x[4]))
    if values.max() > _LARGE or not 1e-9 < share < 1 - 1e-9:
        raise MethodError(
            "count: the pairs don't determine a mixture of two distributions (a component vanishes, or is a "
            "point): give more pairs, or a prior"
        )
    a1, b1, a2, b2 = map(float, values)
    if a1 / b1 < a2 / b2:
        a1, b1, a2, b2, share = a2, b2, a1, b1, 1 - share
    return Prior(a1, b1, a2, b2, share, -float(best.fun), conditional)


def _log_count(n: Floats, e: Floats, alpha: float, beta: float) -> Floats:
    """The log probability of a count: negative binomial, less terms that both components have."""
    return np.asarray(
        gammaln(n + alpha) - gammaln(alpha) + alpha * np.log(beta / (beta + e)) - n * np.log(beta + e)
    )


class _Loss:
    """The negative log likelihood with its gradient in the parameters' logarithms and the share's logit."""

    def __init__(self, n: Floats, e: Floats, conditional: bool) -> None:
        self._n, self._e, self._conditional = n, e, conditional
        # Counts are few and small, and their gamma functions dear.
        self._values, self._place = np.unique(n, return_inverse=True)
        self._constant = float((n * np.log(e) - gammaln(n + 1)).sum())

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        if np.abs(theta).max() > 30:
            return np.inf, np.zeros(5)
        log_share, log_rest = -np.logaddexp(0, -theta[4]), -np.logaddexp(0, theta[4])
        one, slopes_one = self._component(*np.exp(theta[:2]))
        two, slopes_two = self._component(*np.exp(theta[2:4]))
        one, two = one + log_share, two + log_rest
        both = np.logaddexp(one, two)
        weight = np.exp(one - both)
        gradient = np.concatenate(
            (
                [(weight * slope).sum() for slope in slopes_one],
                [((1 - weight) * slope).sum() for slope in slopes_two],
                [(weight - np.exp(log_share)).sum()],
            )
        )
        return -float(both.sum()) - self._constant, -gradient

    def _component(self, alpha: float, beta: float) -> tuple[Floats, tuple[Floats, Floats]]:
        """Log probabilities of the counts, and their slopes in log alpha and log beta."""
        n, e = self._n, self._e
        rest = np.log(beta / (beta + e))
        gammas = (gammaln(self._values + alpha) - gammaln(alpha))[self._place]
        log = gammas + alpha * rest - n * np.log(beta + e)
        by_alpha = (digamma(self._values + alpha) - digamma(alpha))[self._place] + rest
        by_beta = alpha / beta - (alpha + n) / (beta + e)
        if self._conditional:
            # Less the log of one minus the probability of 0, which is exp(alpha * rest).
            zero = alpha * rest
            log = log - np.log(-np.expm1(zero))
            odds = np.exp(zero) / -np.expm1(zero)
            by_alpha = by_alpha + odds * rest
            by_beta = by_beta + odds * alpha * (1 / beta - 1 / (beta + e))
        return log, (alpha * by_alpha, beta * by_beta)
