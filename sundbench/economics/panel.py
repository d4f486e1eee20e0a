"""One arm's follow-up and costs, laid out so that many sets of weights are estimated at once.

The mean cost is the partitioned estimator of ``censored``; time lived is the area below the Kaplan-Meier
curve. Both are discounted. Every sum has a fixed order (``einsum`` and ``cumsum`` without BLAS), so that the
same weights give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sundbench.economics.discount import Rates
from sundbench.economics.history import History
from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, sums


@dataclass(frozen=True)
class Means:
    """Estimates for each set of weights.

    Attributes:
        costs: sets by components: mean discounted cost a person.
        life_years: sets: mean discounted years lived up to the horizon.
        carried: sets: whether nobody was followed to the horizon though some lived on, so that the last value
            of the survival curve was carried forward.
    """

    costs: Floats
    life_years: Floats
    carried: Bools


@dataclass(frozen=True)
class Panel:
    """One arm, in order of follow-up.

    Attributes:
        order: each ordered person's position in the arm.
        first: where each distinct end begins.
        place: each person's distinct end.
        died: died before the horizon.
        censored: lost before the horizon.
        widths: discounted years from 0 to the first distinct end below the horizon, between them, and to it.
        checks: for each interval, how many distinct ends lie before its end.
        complete: persons by intervals times components: costs of intervals that were completed.
        final: persons by components: costs of the interval in which a person died.
        persons_to_horizon: followed to the horizon.
    """

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    place: NDArray[np.int64]
    died: Bools
    censored: Bools
    widths: Floats
    checks: NDArray[np.int64]
    complete: Floats
    final: Floats
    persons_to_horizon: Bools

    def contributions(self, weights: Floats) -> Floats:
        """What each person adds to the mean cost, times the number of persons with a weight.

        Args:
            weights: one a person, in the arm's own order.

        Returns:
            Persons (in the panel's order) by components; their mean over persons is the mean cost.
        """
        w = weights[self.order]
        remaining, before = self._uncensored(w[None, :])
        components = self.final.shape[1]
        complete = self.complete.reshape(w.size, self.checks.size, components) / before[0][None, :, None]
        each = complete.sum(axis=1) + (self.died / remaining[0][self.place])[:, None] * self.final
        return np.asarray(each * (w * (w > 0).sum() / w.sum())[:, None])

    def _uncensored(self, w: Floats) -> tuple[Floats, Floats]:
        """The censoring curve at each distinct end, and just before each interval's end."""
        leaving = np.add.reduceat(w, self.first, axis=1)
        at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
        safe = np.where(at_risk > 0, at_risk, 1.0)
        lost = np.add.reduceat(w * self.censored, self.first, axis=1)
        curve = np.cumprod(1.0 - lost / safe, axis=1, dtype=np.float64)
        smallest = np.where(curve > 0, curve, 1.0).min(axis=1, keepdims=True)
        curve = np.asarray(np.where(curve > 0, curve, smallest), dtype=np.float64)
        return curve, np.concatenate((np.ones((w.shape[0], 1)), curve), axis=1)[:, self.checks]

    def means(self, weights: Floats) -> Means:
        """Estimate.

        Args:
            weights: sets by persons, in the arm's own order; at least one above 0 in each set.
        """
        w = weights[:, self.order]
        total = w.sum(axis=1)
        leaving = np.add.reduceat(w, self.first, axis=1)
        at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
        safe = np.where(at_risk > 0, at_risk, 1.0)
        alive = np.cumprod(1.0 - np.add.reduceat(w * self.died, self.first, axis=1) / safe, axis=1)
        remaining, before = self._uncensored(w)

        steps = self.widths.size - 1
        life_years = self.widths[0] + np.einsum("rt,t->r", alive[:, :steps], self.widths[1:])
        to_horizon = (w * self.persons_to_horizon).sum(axis=1) > 0
        last = alive[:, steps - 1] if steps else np.ones_like(total)

        sets, components, intervals = w.shape[0], self.final.shape[1], self.checks.size
        at_deaths = np.einsum("rn,nc->rc", w * self.died / remaining[:, self.place], self.final)
        sums = np.einsum("rn,nq->rq", w, self.complete).reshape(sets, intervals, components)
        costs = at_deaths + (sums / before[:, :, None]).sum(axis=1)
        return Means(costs / total[:, None], life_years, ~to_horizon & (last > 0))


def panel(
    time: Floats,
    event: Bools,
    costs: History,
    members: NDArray[np.int64],
    *,
    horizon: float,
    interval: float,
    rates: Rates,
    unit: float,
    day: float = 1.0,
) -> Panel:
    """Prepare an arm.

    Args:
        time: everybody's end of follow-up.
        event: who died then.
        costs: everybody's costs.
        members: positions of the arm's persons.
        horizon: in the unit of time.
        interval: length of the intervals, the last of which may be shorter. An interval holds its end, not
            its beginning (but for the first).
        rates: by which costs and time lived are discounted.
        unit: how many units of time a year has.
        day: the length of a cost with start = stop. Costs are discounted at the middle of what falls into an
            interval.

    Raises:
        MethodError: horizon or interval not above 0, or longer than anybody is followed.
    """
    if not horizon > 0 or not interval > 0:
        raise MethodError("horizon and interval: give times greater than 0")
    end, occurred = time[members], event[members]
    if end.max() < horizon and not occurred[end == end.max()].all():
        raise MethodError(
            f"horizon {horizon:g} lies beyond the last follow-up ({end.max():g}) of an arm: "
            "choose a shorter horizon"
        )
    cuts = np.append(np.arange(interval, horizon, interval), horizon)
    to_horizon = end >= horizon
    end = np.minimum(end, horizon)
    died = occurred & ~to_horizon
    order = np.lexsort((died, end))
    distinct, first, place = np.unique(end[order], return_index=True, return_inverse=True)
    inside = distinct[distinct < horizon]
    knots = rates.life_years(np.concatenate(([0.0], inside, [horizon])) / unit)

    position = np.full(time.size, -1, dtype=np.int64)
    position[members[order]] = np.arange(members.size)
    piece, amount, where = _by_interval(
        costs, position=position, end=end[order], cuts=cuts, rates=rates, unit=unit, day=day
    )
    components = len(costs.components)
    size = members.size * cuts.size * components
    flat = (where * cuts.size + piece.interval) * components + piece.component
    spent = sums(flat, amount, size).reshape(members.size, cuts.size, components)
    done = end[order][:, None] >= cuts[None, :]
    last = np.minimum(np.searchsorted(cuts, end[order]), cuts.size - 1)
    return Panel(
        order=order,
        first=first,
        place=place,
        died=died[order],
        censored=~died[order] & ~to_horizon[order],
        widths=np.diff(knots),
        checks=np.searchsorted(distinct, cuts),
        complete=(spent * done[:, :, None]).reshape(members.size, -1),
        final=spent[np.arange(members.size), last] * died[order][:, None],
        persons_to_horizon=to_horizon[order],
    )


@dataclass(frozen=True)
class _Piece:
    interval: NDArray[np.int64]
    component: NDArray[np.int64]


def _by_interval(
    costs: History,
    *,
    position: NDArray[np.int64],
    end: Floats,
    cuts: Floats,
    rates: Rates,
    unit: float,
    day: float,
) -> tuple[_Piece, Floats, NDArray[np.int64]]:
    """Cut the arm's costs at the intervals' ends, and discount each piece at its middle."""
    own = position[costs.row] >= 0
    everyone = np.zeros(position.size)
    everyone[position >= 0] = end[position[position >= 0]]
    mine = History(
        costs.row[own],
        costs.component[own],
        costs.start[own],
        costs.stop[own],
        costs.amount[own],
        costs.components,
    ).until(everyone, day)
    lowest = np.searchsorted(cuts, mine.start)
    highest = np.searchsorted(cuts, mine.stop)
    count = highest - lowest + 1
    source = np.repeat(np.arange(count.size), count)
    step = np.arange(source.size) - np.repeat(np.cumsum(count) - count, count)
    interval = lowest[source] + step
    # With days, an interval that ends at a cut begins the day after the cut before it.
    begins = np.where(step == 0, mine.start[source], cuts[np.maximum(interval - 1, 0)] + day)
    begins = np.minimum(begins, mine.stop[source])
    ends = np.minimum(mine.stop[source], cuts[interval])
    whole = mine.stop[source] - mine.start[source] + day
    share = np.where(count[source] == 1, 1.0, (ends - begins + day) / np.where(whole > 0, whole, 1.0))
    amount = mine.amount[source] * share * rates.factor((begins + ends) / 2 / unit)
    return _Piece(interval, mine.component[source]), amount, position[mine.row[source]]
