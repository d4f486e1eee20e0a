"""Cost-effectiveness: incremental ratios, dominance, net benefit, acceptability.

Conventions: the acceptability curve counts draws in which an option is strictly better than all others (with
two options: incremental net benefit strictly above 0); the frontier is the option that is best on average,
which need not be the one with the highest acceptability; of two identical strategies both stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, numbers, same_length

Quadrant = Literal[
    "costlier and more effective", "dominant", "cheaper and less effective", "dominated", "undefined"
]


_WITH_RATIO = ("costlier and more effective", "cheaper and less effective")


@dataclass(frozen=True)
class Icers:
    """Strategies compared.

    Attributes:
        table: strategy, cost, effect, inc_cost, inc_effect, icer, status; first the frontier by cost, where
            each is compared with the one before; then the others. Status: ``frontier``,
            ``extendedly dominated`` (a mix of two others costs less for the same effect), ``dominated``.
    """

    table: pd.DataFrame

    @property
    def frontier(self) -> list[str]:
        """The strategies on the frontier, by cost."""
        return self.table.loc[self.table["status"] == "frontier", "strategy"].tolist()


def icers(strategies: Sequence[object], cost: ArrayLike, effect: ArrayLike) -> Icers:
    """Rank strategies and compute the incremental cost-effectiveness ratios of those on the frontier.

    Args:
        strategies: names, each once.
        cost: one a strategy.
        effect: one a strategy; more is better.

    Raises:
        MethodError: unequal lengths, missing values, or a name twice.
    """
    c, e = numbers(cost, "cost"), numbers(effect, "effect")
    names = [str(name) for name in strategies]
    same_length(strategies=np.asarray(names), cost=c, effect=e)
    if len(set(names)) != len(names):
        raise MethodError("strategies: a name stands there twice")
    dominated = [bool(((c <= c[i]) & (e >= e[i]) & ((c < c[i]) | (e > e[i]))).any()) for i in range(c.size)]
    order = np.lexsort((np.arange(c.size), e, c))
    hull: list[int] = []
    for i in (int(k) for k in order if not dominated[k]):
        while len(hull) >= 2 and _extended(hull[-1], hull, i, c, e):
            hull.pop()
        hull.append(i)
    rows = []
    for place, i in enumerate(hull):
        step = (np.nan, np.nan) if place == 0 else (c[i] - c[hull[place - 1]], e[i] - e[hull[place - 1]])
        ratio = step[0] / step[1] if step[1] > 0 else np.nan
        rows.append((names[i], c[i], e[i], *step, ratio, "frontier"))
    for status, rest in (
        ("extendedly dominated", [k for k in order if not dominated[k] and k not in hull]),
        ("dominated", [k for k in order if dominated[k]]),
    ):
        rows += [(names[i], c[i], e[i], np.nan, np.nan, np.nan, status) for i in rest]
    columns = ["strategy", "cost", "effect", "inc_cost", "inc_effect", "icer", "status"]
    return Icers(pd.DataFrame(rows, columns=columns))


def _extended(last: int, hull: list[int], new: int, c: Floats, e: Floats) -> bool:
    """Whether the last strategy lies above the line from the one before it to the new one."""
    before = next((k for k in reversed(hull) if e[k] < e[last]), None)
    if before is None or e[new] <= e[last]:
        return False
    return bool((c[last] - c[before]) * (e[new] - e[last]) > (c[new] - c[last]) * (e[last] - e[before]))


def net_monetary_benefit(cost: ArrayLike, effect: ArrayLike, willingness_to_pay: float) -> Floats:
    """Effect in money less cost."""
    return np.asarray(willingness_to_pay * np.asarray(effect, dtype=float) - np.asarray(cost, dtype=float))


@dataclass(frozen=True)
class Acceptability:
    """Which option to choose, at each willingness to pay.

    Attributes:
        table: willingness_to_pay, strategy, probability (of being strictly best), net_benefit (mean),
            expected_loss (of choosing it rather than the best in each draw), on_frontier (best on average).
        perfect_information: willingness_to_pay, value: the expected value of perfect information, which is
            the expected loss of the option on the frontier.
    """

    table: pd.DataFrame

    @property
    def perfect_information(self) -> pd.DataFrame:
        """What it would be worth to know, by willingness to pay."""
        best = self.table[self.table["on_frontier"]]
        renamed = best[["willingness_to_pay", "expected_loss"]].rename(columns={"expected_loss": "value"})
        return renamed.reset_index(drop=True)


def acceptability(
    cost: ArrayLike, effect: ArrayLike, *, willingness_to_pay: ArrayLike, strategies: Sequence[object]
) -> Acceptability:
    """Acceptability curves, frontier and expected losses from draws (simulated or bootstrapped).

    Args:
        cost: draws by strategies.
        effect: draws by strategies.
        willingness_to_pay: what one unit of effect is worth, several values.
        strategies: their names.

    Raises:
        MethodError: shapes that don't fit, or missing values.
    """
    c, e = np.asarray(cost, dtype=float), np.asarray(effect, dtype=float)
    names = [str(name) for name in strategies]
    if c.ndim != 2 or c.shape != e.shape or c.shape[1] != len(names) or c.shape[0] == 0:
        raise MethodError("cost and effect: give draws by strategies, the same number of both")
    if not (np.isfinite(c).all() and np.isfinite(e).all()):
        raise MethodError("cost and effect: some draws are missing or infinite: leave them out")
    if len(names) < 2:
        raise MethodError("strategies: a choice needs at least two")
    parts = []
    for worth in numbers(np.atleast_1d(np.asarray(willingness_to_pay)), "willingness_to_pay"):
        benefit = net_monetary_benefit(c, e, float(worth))
        ranked = np.sort(benefit, axis=1)
        strictly = (benefit == ranked[:, -1:]) & (ranked[:, -1:] > ranked[:, -2:-1])
        mean = benefit.mean(axis=0)
        loss = (ranked[:, -1:] - benefit).mean(axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "willingness_to_pay": worth,
                    "strategy": names,
                    "probability": strictly.mean(axis=0),
                    "net_benefit": mean,
                    "expected_loss": loss,
                    "on_frontier": np.arange(len(names)) == mean.argmax(),
                }
            )
        )
    return Acceptability(pd.concat(parts, ignore_index=True))


def incremental_net_monetary_benefit(
    cost_difference: float,
    effect_difference: float,
    draws: tuple[ArrayLike, ArrayLike],
    *,
    willingness_to_pay: ArrayLike,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Incremental net benefit with percentile limits, and the probability that it is above 0.

    Args:
        cost_difference: estimate.
        effect_difference: estimate.
        draws: cost and effect differences in each draw.
        willingness_to_pay: several values.
        conf_level: coverage.

    Returns:
        willingness_to_pay, net_benefit, lower, upper, probability.
    """
    c, e = numbers(draws[0], "cost draws"), numbers(draws[1], "effect draws")
    same_length(cost=c, effect=e)
    tail = (1 - conf_level) / 2
    rows = []
    for worth in numbers(np.atleast_1d(np.asarray(willingness_to_pay)), "willingness_to_pay"):
        benefit = net_monetary_benefit(c, e, float(worth))
        lower, upper = np.quantile(benefit, [tail, 1 - tail])
        estimate = worth * effect_difference - cost_difference
        rows.append((worth, estimate, lower, upper, float((benefit > 0).mean())))
    return pd.DataFrame(rows, columns=["willingness_to_pay", "net_benefit", "lower", "upper", "probability"])


def quadrant(cost_difference: float, effect_difference: float) -> Quadrant:
    """Where on the cost-effectiveness plane a difference lies."""
    if effect_difference == 0:
        return "undefined"
    if effect_difference > 0:
        return "costlier and more effective" if cost_difference > 0 else "dominant"
    return "dominated" if cost_difference >= 0 else "cheaper and less effective"


@dataclass(frozen=True)
class Ratio:
    """An incremental cost-effectiveness ratio with an honest interval.

    Attributes:
        estimate: cost per unit of effect; NaN where the option dominates, is dominated, or effects are equal.
        lower, upper: its limits; NaN where a limit lies in another quadrant than the estimate, for there the
            number would mean something else.
        quadrant: where the estimate lies.
        lower_quadrant, upper_quadrant: where the limits lie.
        shares: how many of the draws lie in each quadrant.
    """

    estimate: float
    lower: float
    upper: float
    quadrant: Quadrant
    lower_quadrant: Quadrant
    upper_quadrant: Quadrant
    shares: pd.Series


def ratio(
    cost_difference: float,
    effect_difference: float,
    draws: tuple[ArrayLike, ArrayLike],
    *,
    conf_level: float = 0.95,
) -> Ratio:
    """The ratio's limits along the angle on the cost-effectiveness plane.

    Percentiles of the ratios themselves mean nothing when draws lie in several quadrants: a small ratio may
    be good (cheap) or bad (much harm for little saved). So draws are ordered by their angle around the
    origin, beginning opposite to the estimate, and the limits are the directions between which the middle
    of them lies. The order doesn't depend on the units of cost and effect.

    Args:
        cost_difference: estimate.
        effect_difference: estimate.
        draws: cost and effect differences in each draw.
        conf_level: coverage.
    """
    c, e = numbers(draws[0], "cost draws"), numbers(draws[1], "effect draws")
    same_length(cost=c, effect=e)
    # Each axis in units of its own spread, so that interpolating between two angles is even.
    scale_c = float(np.sqrt((c**2).mean())) or 1.0
    scale_e = float(np.sqrt((e**2).mean())) or 1.0
    centre = np.arctan2(cost_difference / scale_c, effect_difference / scale_e)
    turned = np.mod(np.arctan2(c / scale_c, e / scale_e) - centre + np.pi, 2 * np.pi) - np.pi
    tail = (1 - conf_level) / 2
    here = quadrant(cost_difference, effect_difference)
    limits: list[tuple[float, Quadrant]] = []
    for angle in np.quantile(turned, [tail, 1 - tail]) + centre:
        dc, de = float(np.sin(angle)) * scale_c, float(np.cos(angle)) * scale_e
        where = quadrant(dc, de)
        limits.append((dc / de if where == here and here in _WITH_RATIO else float("nan"), where))
    (lower, lower_quadrant), (upper, upper_quadrant) = limits
    kinds = pd.Series([quadrant(x, y) for x, y in zip(c, e, strict=True)])
    return Ratio(
        estimate=cost_difference / effect_difference if here in _WITH_RATIO else float("nan"),
        lower=lower,
        upper=upper,
        quadrant=here,
        lower_quadrant=lower_quadrant,
        upper_quadrant=upper_quadrant,
        shares=kinds.value_counts(normalize=True).sort_index(),
    )
