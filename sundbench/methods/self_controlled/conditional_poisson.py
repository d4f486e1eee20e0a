"""The conditional Poisson likelihood of events within observation periods, over factors.

Given how many events a period holds, where they fall is multinomial, with chances that are days times rate
ratio. A stratum for each event (as R's clogit on split rows has) gives the same estimates. All covariates are
factors, so that the information needs sums by period and level alone, and no matrix of rows by terms.

Written by hand: statsmodels' conditional models add stratum by stratum in Python.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from sundbench.methods.inputs import Bools, Floats
from sundbench.methods.self_controlled.days import Ints

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
        self.days = days
        self._take(events)
        self.factors = [_places(factor) for factor in factors]
        self.terms = tuple(term for factor in factors for term in factor.terms if term is not None)
        pattern, size = np.zeros(days.size, dtype=np.int64), 1
        for factor in factors:
            pattern, size = pattern * len(factor.terms) + factor.level, size * len(factor.terms)
            if size > 1_000_000:  # combinations that occur are few
                seen, pattern = np.unique(pattern, return_inverse=True)
                size = seen.size
        # A table of all combinations is faster than sorting the rows.
        any_row = np.full(size, -1)
        any_row[pattern] = np.arange(days.size)
        first = any_row[any_row >= 0]
        self.pattern = (np.cumsum(any_row >= 0) - 1)[pattern]
        self.design = np.zeros((first.size, len(self.terms)))
        head = 0
        for factor, (column, size) in zip(factors, self.factors, strict=True):
            at = column[factor.level[first]]
            rows = np.flatnonzero(at >= 0)
            self.design[rows, head + at[rows]] = 1.0
            head += size
        self._level = [factor.level for factor in factors]
        self._names = [factor.terms for factor in factors]

    def _take(self, events: Floats) -> None:
        self.events = events
        self._at_events = np.flatnonzero(events)
        self.count = np.add.reduceat(events, self.heads)

    def with_events(self, events: Floats) -> ConditionalPoisson:
        """The same rows with other numbers of events."""
        other = copy(self)
        other._take(events)
        return other

    def part(self, rows: Bools, gone: Collection[str]) -> ConditionalPoisson:
        """The likelihood on some rows, with the levels of some terms counted as the reference."""
        factors = [
            Factor(tuple(None if term in gone else term for term in names), level[rows])
            for names, level in zip(self._names, self._level, strict=True)
        ]
        return ConditionalPoisson(self.period[rows], self.days[rows], self.events[rows], factors)

    def totals(self, weight: Floats) -> Floats:
        """Sums of rows' weights by term."""
        return self.by_pattern(weight) @ self.design

    def by_pattern(self, weight: Floats) -> Floats:
        """Sums of rows' weights by combination of levels."""
        return np.bincount(self.pattern, weight, self.design.shape[0]).astype(np.float64)

    def by_person(self, weight: Floats, person: Ints) -> Floats:
        """Sums of rows' weights by person and term."""
        size = int(person.max()) + 1
        columns = [np.bincount(person, weight * on[self.pattern], size) for on in self.design.T]
        return np.column_stack(columns)

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
