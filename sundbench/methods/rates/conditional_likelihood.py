"""The exact conditional likelihood of matched sets.

Given how many cases a set has, the likelihood's denominator adds over all ways of choosing as many of its
members: an elementary symmetric function, whose number of terms explodes and which overflows. With member i
a case by the chance q_i = s t_i / (1 + s t_i), t_i being its odds, the same conditional probabilities follow
for any s. With s so that the chances add to the number of cases, a recursion over the members (Gail, Lubin
and Rubinstein 1981) holds nothing but probabilities and moments: no overflow, and no loss of digits. Sets are
computed many at a time; shorter ones are filled up with members that are cases by chance 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sundbench.methods.inputs import Bools, Floats

Ints = NDArray[np.int64]
_CELLS = 2_000_000
"""Numbers that one batch of sets may hold in the recursion."""


@dataclass(frozen=True)
class Likelihood:
    """A log likelihood with its derivatives."""

    loglik: float
    gradient: Floats
    information: Floats


@dataclass(frozen=True)
class _Batch:
    """Sets that are computed together.

    Attributes:
        rows: set by member, places in the matrix (any place where there is no member).
        member: set by member, whether there is one.
        chosen: how many of the set's members the recursion counts: its cases, or its controls if fewer.
        cases: whether it counts the cases.
    """

    rows: Ints
    member: Bools
    chosen: Ints
    cases: Bools


class MatchedSets:
    """Sets with cases and controls, ready for the likelihood at any coefficients.

    Args:
        matrix: rows by terms, sorted by set.
        case: which rows are cases.
        offset: added to the linear predictor.
        heads: where each set starts, with the number of rows at the end.
    """

    def __init__(self, matrix: Floats, case: Bools, offset: Floats, heads: Ints) -> None:
        size = np.diff(heads)
        self.matrix, self.offset, self.size = matrix, offset, size
        self.set_of = np.repeat(np.arange(size.size), size)
        cases = np.add.reduceat(case.astype(np.int64), heads[:-1])
        total = np.add.reduceat(matrix, heads[:-1], axis=0)
        seen = np.add.reduceat(matrix * case[:, None], heads[:-1], axis=0)
        self._case_sum = seen.sum(axis=0)
        self._case_offset = float(offset @ case)
        self._single = np.flatnonzero(cases == 1)
        self._heads = heads
        self._total = total
        self._batches = self._many(np.flatnonzero(cases != 1), cases)
        one = (cases == 1)[self.set_of]
        self._one_rows = np.flatnonzero(one)
        lengths = size[self._single]
        self._one_heads = np.concatenate(([0], np.cumsum(lengths)))[:-1]
        self._one_set = np.repeat(np.arange(lengths.size), lengths)

    def at(self, beta: Floats) -> Likelihood:
        """The log likelihood, its gradient and information."""
        linear = self.matrix @ beta + self.offset
        loglik = float(self._case_sum @ beta) + self._case_offset
        gradient = self._case_sum.copy()
        information = np.zeros((beta.size, beta.size))
        if self._one_rows.size:
            log, mean, spread = self._one(linear)
            loglik, gradient, information = loglik - log, gradient - mean, information + spread
        for batch in self._batches:
            log, mean, spread = self._recursion(batch, linear)
            loglik, gradient, information = loglik - log, gradient - mean, information + spread
        return Likelihood(loglik, gradient, information)

    def _one(self, linear: Floats) -> tuple[float, Floats, Floats]:
        """One case a set: the chances of having been it."""
        x, heads, place = self.matrix[self._one_rows], self._one_heads, self._one_set
        own = linear[self._one_rows]
        top = np.maximum.reduceat(own, heads)
        odds = np.exp(own - top[place])
        sums = np.add.reduceat(odds, heads)
        weighted = (odds / sums[place])[:, None] * x
        means = np.add.reduceat(weighted, heads, axis=0)
        return (
            float((np.log(sums) + top).sum()),
            means.sum(axis=0),
            weighted.T @ (x - means[place]),
        )

    def _many(self, sets: Ints, cases: Ints) -> list[_Batch]:
        controls = self.size - cases
        chosen = np.minimum(cases, controls)
        order = sets[np.lexsort((chosen[sets], self.size[sets]))]
        terms = self.matrix.shape[1]
        batches, first = [], 0
        while first < order.size:
            last = first + 1
            # Sets of like size go together, as many as fit.
            while (
                last < order.size
                and self.size[order[last]] <= 1.25 * self.size[order[first]] + 2
                and (last - first) * (chosen[order[last]] + 1) * (terms**2 + terms + 1) < _CELLS
            ):
                last += 1
            own = order[first:last]
            longest = int(self.size[own].max())
            place = np.arange(longest)
            member = place < self.size[own][:, None]
            rows = np.where(member, self._heads[own][:, None] + place, 0)
            batches.append(_Batch(rows, member, chosen[own], (cases <= controls)[own]))
            first = last
        return batches

    def _recursion(self, batch: _Batch, linear: Floats) -> tuple[float, Floats, Floats]:
        """The log denominators, and mean and variance of the sums over the cases, added over the sets."""
        sign = np.where(batch.cases, 1.0, -1.0)[:, None]
        own = np.where(batch.member, sign * linear[batch.rows], -np.inf)
        top = own.max(axis=1, keepdims=True)
        log_scale = _log_scale(own - top, batch.chosen) - top[:, 0]
        logit = own + log_scale[:, None]
        q = np.where(batch.member, 0.5 * (1 + np.tanh(0.5 * np.maximum(logit, -1e300))), 0.0)
        x = self.matrix[batch.rows] * batch.member[:, :, None]
        centre = np.einsum("sn,snp->sp", q, x) / batch.chosen[:, None]
        x = (x - centre[:, None, :]) * batch.member[:, :, None]
        probability, first, second = _moments(q, x, batch.chosen)
        mean = first / probability[:, None]
        spread = second / probability[:, None, None] - mean[:, :, None] * mean[:, None, :]
        # log1p(exp(logit)) without overflow; 0 where there is no member.
        filled = np.logaddexp(0.0, logit).sum(axis=1)
        log = np.log(probability) + filled - batch.chosen * log_scale
        counted = mean + batch.chosen[:, None] * centre
        totals = np.einsum("snp->sp", self.matrix[batch.rows] * batch.member[:, :, None])
        all_odds = np.where(batch.member, linear[batch.rows], 0.0).sum(axis=1)
        cases = batch.cases[:, None]
        return (
            float((log + np.where(batch.cases, 0.0, all_odds)).sum()),
            np.where(cases, counted, totals - counted).sum(axis=0),
            spread.sum(axis=0),
        )


def _log_scale(logits: Floats, chosen: Ints) -> Floats:
    """For each set the shift of its logits with which the chances add to the number that is chosen."""
    low = np.full(chosen.size, -750.0)
    high = -np.where(np.isfinite(logits), logits, np.inf).min(axis=1) + 750.0
    shift = np.clip(np.log(chosen) - np.log(np.exp(logits).sum(axis=1)), low, high)
    for _ in range(60):
        q = 0.5 * (1 + np.tanh(0.5 * np.maximum(logits + shift[:, None], -1e300)))
        excess = q.sum(axis=1) - chosen
        # Near is enough: any shift gives the same conditional probabilities.
        if (np.abs(excess) < 1e-3 * chosen).all():
            break
        low, high = np.where(excess < 0, shift, low), np.where(excess > 0, shift, high)
        slope = (q * (1 - q)).sum(axis=1)
        newton = shift - np.divide(excess, slope, out=np.full_like(excess, np.inf), where=slope > 0)
        inside = (newton > low) & (newton < high)
        shift = np.where(inside, newton, (low + high) / 2)
    return np.asarray(shift)


def _moments(q: Floats, x: Floats, chosen: Ints) -> tuple[Floats, Floats, Floats]:
    """The probability that as many are cases as are chosen, where members are cases by chance q.

    With it, the first and second moments of the cases' sum of x in that event.
    """
    sets, members, terms = x.shape
    width = int(chosen.max())
    zero = np.zeros((sets, width + 1))
    zero[:, 0] = 1.0
    one = np.zeros((sets, width + 1, terms))
    two = np.zeros((sets, width + 1, terms, terms))
    for i in range(members):
        top = min(i + 1, width)
        yes = q[:, i, None]
        no, now = 1 - yes, x[:, i]
        product = now[:, :, None] * now[:, None, :]
        cross = one[:, :top, :, None] * now[:, None, None, :]
        grown = two[:, :top] + cross + cross.swapaxes(2, 3) + product[:, None] * zero[:, :top, None, None]
        two[:, : top + 1] *= no[:, :, None, None]
        two[:, 1 : top + 1] += yes[:, :, None, None] * grown
        grown_one = one[:, :top] + now[:, None, :] * zero[:, :top, None]
        one[:, : top + 1] *= no[:, :, None]
        one[:, 1 : top + 1] += yes[:, :, None] * grown_one
        grown_zero = zero[:, :top].copy()
        zero[:, : top + 1] *= no
        zero[:, 1 : top + 1] += yes * grown_zero
    at = np.arange(sets)
    return zero[at, chosen], one[at, chosen], two[at, chosen]
