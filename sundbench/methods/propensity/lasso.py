"""L1-penalised logistic regression on sparse covariates, along a path of penalties.

Written by hand: scikit-learn's saga stops a thousandth of the penalty from the solution after several times
as long, follows no path of penalties, and can't standardise sparse terms; its liblinear penalises the
intercept (benchmarks/bench_propensity.py). Here proximal Newton steps are solved by coordinate descent over
the columns that the strong rules leave; the others are looked at once a solution is found. Nobody is copied
for cross-validation: who is held out has weight 0.

Source: Friedman, Hastie and Tibshirani, Journal of Statistical Software 33 (2010); Tibshirani et al., JRSS B
74 (2012) for the strong rules; Suchard et al., ACM Transactions on Modeling and Computer Simulation 23 (2013)
for descent over sparse columns of health records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats
from sundbench.methods.propensity.descent import Columns, Rows, descend, dot, linear, moments

_EXACT = 1e-10  # of the gradient at which the first covariate enters
_LOOSE = 1e-3  # of the penalty: for models that are only on the way, or only to be compared
_STEP = 0.8  # from one penalty to the next on the way to a given one: strong rules need small steps
_STEPS = 200
_PASSES = 1000
_HALVINGS = 30


@dataclass(frozen=True)
class Solution:
    """A penalised model.

    Attributes:
        penalty: on the sum of absolute coefficients, times each column's scale.
        intercept: it bears no penalty.
        coef: one a column.
        gradient: of the log-likelihood at the solution, by column.
    """

    penalty: float
    intercept: float
    coef: Floats
    gradient: Floats


class Lasso:
    """The penalised log-likelihood of some persons.

    Attributes:
        scale: of each column, by which its penalty is multiplied: its standard deviation (ddof 0), or 1; 0
            where the column is the same for everybody, which keeps its coefficient at 0.
        largest: the least penalty at which all coefficients are 0.
    """

    def __init__(self, columns: Columns, arm: Bools, *, counted: Bools, standardise: bool) -> None:
        self._columns = columns
        self._outcome = arm.astype(np.float64)
        self._counted = counted.astype(np.float64)
        self._all = np.arange(columns.start.size - 1)
        size = self._counted.sum()
        share = float((self._counted * self._outcome).sum() / size)
        gradient, first, second = moments(
            columns, self._all, self._counted * (self._outcome - share), self._counted
        )
        mean, mean_square = first / size, second / size
        variance = mean_square - mean**2
        varies = variance > 1e-12 * mean_square
        deviation = np.sqrt(np.where(varies, variance, 0.0))
        self.scale = deviation if standardise else varies.astype(np.float64)
        slopes = np.divide(np.abs(gradient), self.scale, out=np.zeros_like(gradient), where=varies)
        self.largest = float(slopes.max(initial=0.0))
        # No sum over persons is more exact than their number of rounding errors.
        rounding = np.finfo(np.float64).eps * size
        self._rounding = rounding * np.sqrt(mean_square), rounding
        odds = float(np.log(share / (1 - share)))
        self._null = Solution(self.largest, odds, np.zeros(self._all.size), gradient)

    def at(self, penalty: float) -> Solution:
        """The exact solution at a penalty.

        Raises:
            MethodError: it was not found.
        """
        ahead = self.largest
        way = []
        while penalty < ahead * _STEP:
            ahead *= _STEP
            way.append(ahead)
        *_, last = (self._null, *self.path(np.array(way)))
        return self._next(last, penalty, _EXACT * self.largest) if penalty < self.largest else self._null

    def path(self, penalties: Floats) -> Iterator[Solution]:
        """Loose solutions for falling penalties, each found from the one before.

        Raises:
            MethodError: a solution was not found.
        """
        last = self._null
        for penalty in penalties:
            if penalty < self.largest:
                last = self._next(last, float(penalty), _LOOSE * float(penalty))
            yield last

    def linear(self, solution: Solution) -> Floats:
        """Everybody's log odds, also of those who don't count."""
        active = np.flatnonzero(solution.coef)
        return solution.intercept + linear(self._columns, active, solution.coef[active], self._outcome.size)

    def _next(self, last: Solution, penalty: float, tolerance: float) -> Solution:
        """The solution at a lower penalty."""
        near = tolerance * self.scale + self._rounding[0]
        strong = np.abs(last.gradient) >= (2 * penalty - last.penalty) * self.scale
        strong = (strong | (last.coef != 0)) & (self.scale > 0)
        while True:
            last = self._solve(last, np.flatnonzero(strong), penalty, tolerance)
            missed = ~strong & (np.abs(last.gradient) > penalty * self.scale + near) & (self.scale > 0)
            if not missed.any():
                return last
            strong |= missed

    def _solve(self, last: Solution, chosen: Rows, penalty: float, tolerance: float) -> Solution:
        """The solution among chosen columns."""
        scale = self.scale[chosen]
        bound, near = penalty * scale, tolerance * scale + self._rounding[0][chosen]
        near_intercept = tolerance + self._rounding[1]
        coef, intercept = last.coef[chosen], last.intercept
        eta = self._eta(chosen, coef, intercept)
        for _ in range(_STEPS):
            probability = expit(eta)
            residual = self._counted * (self._outcome - probability)
            weight = self._counted * probability * (1 - probability)
            gradient, sums, raw = moments(self._columns, chosen, residual, weight)
            off = np.where(coef != 0, np.abs(gradient - np.sign(coef) * bound), np.abs(gradient) - bound)
            if (off <= near).all() and abs(residual.sum()) <= near_intercept:
                return self._whole(penalty, intercept, chosen, coef, residual)
            curvature = raw - sums**2 / weight.sum()
            curvature[curvature <= 1e-14 * raw] = 0.0
            # Far from the solution the descent need not go to the end: its target moves with the next step.
            least = np.maximum(0.3 * near, 0.05 * (off / scale).max(initial=0.0) * scale)
            new, moved = descend(
                self._columns, chosen, coef, bound, residual, weight, sums, curvature, least, _PASSES
            )
            value = self._value(eta, coef, bound)
            for half in range(_HALVINGS):
                share = 0.5**half
                tried = coef + share * (new - coef)
                eta = self._eta(chosen, tried, intercept + share * moved)
                if self._value(eta, tried, bound) <= value + 1e-12 * abs(value):
                    break
            coef, intercept = tried, intercept + share * moved
        raise MethodError(f"the penalised model did not converge at penalty {penalty:g}: raise the penalty")

    def _eta(self, chosen: Rows, coef: Floats, intercept: float) -> Floats:
        return intercept + linear(self._columns, chosen, coef, self._outcome.size)

    def _value(self, eta: Floats, coef: Floats, bound: Floats) -> float:
        """The penalised log-likelihood, negative."""
        losses = np.logaddexp(0.0, eta) - self._outcome * eta
        return float((self._counted * losses).sum() + (bound * np.abs(coef)).sum())

    def _whole(
        self, penalty: float, intercept: float, chosen: Rows, coef: Floats, residual: Floats
    ) -> Solution:
        """A solution of all columns, from one of those chosen."""
        every = np.zeros(self._all.size)
        every[chosen] = coef
        return Solution(penalty, intercept, every, dot(self._columns, self._all, residual))
