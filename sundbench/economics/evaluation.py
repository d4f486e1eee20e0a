"""A cost-effectiveness analysis of two treatments, person by person, with its uncertainty.

Mean discounted costs and life-years up to a horizon in each arm, weighted so that the arms are alike
(inverse probability of treatment) and so that censoring doesn't matter (inverse probability of censoring),
with a nonparametric bootstrap: persons are drawn with replacement within each arm, and the propensity model,
the weights, the censoring curves and the estimates are made anew in every replicate. Limits are percentiles.

Replicates are drawn in chunks of a fixed size, each from a random stream of its own, so that the number of
workers changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.random import SeedSequence, default_rng

from sundbench.economics import cea
from sundbench.economics.discount import DANISH, DAYS_A_YEAR, Rates
from sundbench.economics.history import distinct_persons, history
from sundbench.economics.panel import Means, Panel, panel
from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Floats, Frame, frame, indicator, numbers
from sundbench.methods.propensity.design import design
from sundbench.methods.propensity.model import fit, treated
from sundbench.methods.propensity.newton import logistic, probability, standardise
from sundbench.methods.propensity.weighting import Estimand, raw_weights

CHUNK = 25
"""Replicates a chunk; part of what makes a run repeatable, so it never changes with the machine."""

_SEPARATED = 1e-9
"""A score this near 0 or 1 comes of covariates that separate the arms."""


@dataclass(frozen=True)
class Evaluation:
    """Costs and life-years of two arms, compared.

    Attributes:
        arms: arm, persons, deaths, censored (before the horizon).
        components: the cost components, in order.
        costs: arms (untreated, treated) by components: estimates.
        life_years: untreated, treated.
        cost_draws: replicates by arms by components.
        life_year_draws: replicates by arms.
        contributions: for each arm, what each person adds to its mean costs (persons by components, times the
            number of persons): for disclosure control, not for release.
        failed: replicates in which no propensity model exists (an arm was separated), left out.
        carried: replicates in which an arm had nobody followed to the horizon.
        conf_level: coverage of the limits.
    """

    arms: pd.DataFrame
    components: tuple[str, ...]
    costs: Floats
    life_years: Floats
    cost_draws: Floats
    life_year_draws: Floats
    contributions: tuple[Floats, Floats]
    failed: int
    carried: int
    conf_level: float

    @property
    def cost_difference(self) -> float:
        """Treated less untreated, all components."""
        return float(self.costs[1].sum() - self.costs[0].sum())

    @property
    def life_year_difference(self) -> float:
        """Treated less untreated."""
        return float(self.life_years[1] - self.life_years[0])

    @cached_property
    def draws(self) -> tuple[Floats, Floats]:
        """Cost and life-year differences in each replicate."""
        totals = self.cost_draws.sum(axis=2)
        return totals[:, 1] - totals[:, 0], self.life_year_draws[:, 1] - self.life_year_draws[:, 0]

    @cached_property
    def ratio(self) -> cea.Ratio:
        """The incremental cost per life-year with its limits."""
        return cea.ratio(
            self.cost_difference, self.life_year_difference, self.draws, conf_level=self.conf_level
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """Quantity, arm (by name, or ``difference``), estimate, lower, upper.

        Quantities: the cost components, ``total cost``, ``life-years``, and ``cost per life-year`` (of the
        difference; NaN where there is no such ratio: see ``ratio``).
        """
        names = self.arms["arm"].tolist()
        rows: list[tuple[str, str, float, float, float]] = []
        for quantity, estimate, draws in self._quantities():
            for i, name in enumerate(names):
                rows.append((quantity, name, float(estimate[i]), *self._limits(draws[:, i])))
            difference = self._limits(draws[:, 1] - draws[:, 0])
            rows.append((quantity, "difference", float(estimate[1] - estimate[0]), *difference))
        one = self.ratio
        rows.append(("cost per life-year", "difference", one.estimate, one.lower, one.upper))
        return pd.DataFrame(rows, columns=["quantity", "arm", "estimate", "lower", "upper"])

    def magnitudes(self) -> pd.DataFrame:
        """Mean costs with what the disclosure check needs to know.

        Returns:
            arm, component, persons, mean_cost, largest, second: the two largest contributions of single
            persons, on the scale of ``persons`` times the mean. The last two never leave.
        """
        rows = []
        for i, (name, persons) in enumerate(zip(self.arms["arm"], self.arms["persons"], strict=True)):
            each = self.contributions[i]
            parts = [*zip(self.components, each.T, self.costs[i], strict=True)]
            for component, column, mean in [*parts, ("total cost", each.sum(axis=1), self.costs[i].sum())]:
                top = np.sort(np.abs(column))[::-1]
                second = float(top[1]) if top.size > 1 else 0.0
                rows.append((name, component, int(persons), float(mean), float(top[0]), second))
        return pd.DataFrame(rows, columns=["arm", "component", "persons", "mean_cost", "largest", "second"])

    def net_benefit(self, willingness_to_pay: Sequence[float] | Floats) -> pd.DataFrame:
        """Incremental net benefit with limits, and the acceptability of the new treatment, by its worth."""
        return cea.incremental_net_monetary_benefit(
            self.cost_difference,
            self.life_year_difference,
            self.draws,
            willingness_to_pay=willingness_to_pay,
            conf_level=self.conf_level,
        )

    def _quantities(self) -> list[tuple[str, Floats, Floats]]:
        parts = [(name, self.costs[:, k], self.cost_draws[:, :, k]) for k, name in enumerate(self.components)]
        return [
            *parts,
            ("total cost", self.costs.sum(axis=1), self.cost_draws.sum(axis=2)),
            ("life-years", self.life_years, self.life_year_draws),
        ]

    def _limits(self, draws: Floats) -> tuple[float, float]:
        if draws.size == 0:
            return float("nan"), float("nan")
        tail = (1 - self.conf_level) / 2
        lower, upper = np.quantile(draws, [tail, 1 - tail])
        return float(lower), float(upper)


def evaluate(
    persons: Frame,
    costs: Frame,
    *,
    treatment: str,
    horizon_years: float,
    covariates: Sequence[str] = (),
    time: str = "time",
    event: str = "event",
    arms: tuple[str, str] = ("untreated", "treated"),
    rates: Rates = DANISH,
    interval_days: int = 30,
    estimand: Estimand = "ate",
    trim: float | None = None,
    replicates: int = 1000,
    seed: int = 1,
    workers: int = 1,
    conf_level: float = 0.95,
) -> Evaluation:
    """Compare the costs and life-years of two arms.

    Args:
        persons: one row a person: person, treatment, time (days from index to death or end of follow-up),
            event (1 death, 0 censored), and the covariates.
        costs: person, component, start, stop (days from index, both inside), cost.
        treatment: column of 1 (treated) and 0.
        horizon_years: how long costs and life-years count; a year has 365.25 days.
        covariates: of the propensity model; none compares the arms as they are.
        time: the column of follow-up times.
        event: the column of deaths.
        arms: what the untreated and the treated are called.
        rates: discount rates, of costs and life-years both.
        interval_days: length of the intervals of the partitioned cost estimator.
        estimand: the population that the weights aim at.
        trim: leave out persons with a score below ``trim`` or above ``1 - trim``.
        replicates: of the bootstrap; 0 for none (limits are NaN).
        seed: of the bootstrap.
        workers: threads that share the chunks; the result is the same for any number.
        conf_level: coverage of the limits.

    Raises:
        MethodError: bad data; an arm without deaths; a horizon beyond an arm's follow-up; arms that are
            separated, in the data or in more than a twentieth of the replicates.
    """
    prepared = _prepare(
        persons,
        costs,
        treatment=treatment,
        covariates=covariates,
        time=time,
        event=event,
        horizon_years=horizon_years,
        rates=rates,
        interval_days=interval_days,
        estimand=estimand,
        trim=trim,
    )
    everyone = np.ones((1, prepared.arm.size))
    weights = prepared.weights(everyone)
    point = prepared.estimate(everyone)
    sizes = [CHUNK] * (replicates // CHUNK) + ([replicates % CHUNK] if replicates % CHUNK else [])
    streams = SeedSequence(seed).spawn(len(sizes))
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        chunks = list(pool.map(prepared.replicate, sizes, streams))
    cost_draws = np.concatenate([np.empty((0, *point[0].shape[1:])), *(chunk[0] for chunk in chunks)])
    life_draws = np.concatenate([np.empty((0, 2)), *(chunk[1] for chunk in chunks)])
    failed = replicates - cost_draws.shape[0]
    if failed > replicates / 20:
        raise MethodError(
            f"the covariates separate the arms in {failed} of {replicates} bootstrap replicates: use fewer "
            "covariates, or merge rare levels"
        )
    return Evaluation(
        arms=prepared.table(arms),
        components=prepared.components,
        costs=point[0][0],
        life_years=point[1][0],
        cost_draws=cost_draws,
        life_year_draws=life_draws,
        contributions=prepared.contributions(weights[0]),
        failed=failed,
        carried=sum(int(chunk[2].sum()) for chunk in chunks),
        conf_level=conf_level,
    )


@dataclass(frozen=True)
class _Prepared:
    """The analysis, ready for any set of counts of persons."""

    arm: Bools
    matrix: Floats | None
    start: Floats
    panels: tuple[Panel, Panel]
    components: tuple[str, ...]
    estimand: Estimand
    trim: float | None

    def weights(self, counts: Floats) -> Floats:
        """Each set's weights (counts times treatment weights), of the sets that have any in both arms."""
        if self.matrix is None:
            return counts
        beta, found = logistic(self.matrix, self.arm, counts, self.start)
        score = probability(np.einsum("rp,np->rn", beta[found], self.matrix))
        # Where the arms are nearly separated Newton's method may still stop, at scores of almost 0 or 1.
        apart = (np.minimum(score, 1 - score) < _SEPARATED).any(axis=1)
        found[found], score = ~apart, score[~apart]
        kept = np.ones_like(score, dtype=np.bool_)
        if self.trim is not None:
            kept = (score >= self.trim) & (score <= 1 - self.trim)
        weights = counts[found] * kept * raw_weights(score, self.arm, self.estimand)
        both = (weights[:, self.arm].sum(axis=1) > 0) & (weights[:, ~self.arm].sum(axis=1) > 0)
        return np.asarray(weights[both])

    def contributions(self, weights: Floats) -> tuple[Floats, Floats]:
        """What each person adds to the own arm's mean costs."""
        untreated, treated = self.panels
        return untreated.contributions(weights[~self.arm]), treated.contributions(weights[self.arm])

    def estimate(self, counts: Floats) -> tuple[Floats, Floats, Bools]:
        """Costs (sets by arms by components), life-years (sets by arms), and where a curve was carried on.

        Sets whose propensity model doesn't exist, or that leave an arm empty after trimming, are left out.
        """
        weights = self.weights(counts)
        sides: list[Means] = [
            side.means(weights[:, who]) for side, who in zip(self.panels, (~self.arm, self.arm), strict=True)
        ]
        return (
            np.stack([side.costs for side in sides], axis=1),
            np.stack([side.life_years for side in sides], axis=1),
            sides[0].carried | sides[1].carried,
        )

    def replicate(self, size: int, stream: SeedSequence) -> tuple[Floats, Floats, Bools]:
        """Estimates of one chunk of bootstrap replicates, drawn within each arm."""
        draw = default_rng(stream)
        counts = np.zeros((size, self.arm.size))
        for who in (np.flatnonzero(~self.arm), np.flatnonzero(self.arm)):
            chosen = draw.integers(0, who.size, size=(size, who.size))
            flat = chosen + who.size * np.arange(size)[:, None]
            counts[:, who] = np.bincount(flat.ravel(), minlength=size * who.size).reshape(size, who.size)
        return self.estimate(counts)

    def table(self, names: tuple[str, str]) -> pd.DataFrame:
        """Persons, deaths and censorings by arm."""
        rows = [
            (name, side.order.size, int(side.died.sum()), int(side.censored.sum()))
            for name, side in zip(names, self.panels, strict=True)
        ]
        return pd.DataFrame(rows, columns=["arm", "persons", "deaths", "censored"])


def _prepare(
    persons: Frame,
    costs: Frame,
    *,
    treatment: str,
    covariates: Sequence[str],
    time: str,
    event: str,
    horizon_years: float,
    rates: Rates,
    interval_days: int,
    estimand: Estimand,
    trim: float | None,
) -> _Prepared:
    table = frame(persons, ["person", time, event])
    arm = treated(persons, treatment)
    number = table["person"].to_numpy(dtype=np.int64)
    distinct_persons(number)
    follow_up = numbers(table[time], time)
    if (follow_up < 0).any():
        raise MethodError(f"{time}: {int((follow_up < 0).sum())} of {follow_up.size} values are negative")
    died = indicator(table[event], event, "death as 1 and censoring as 0")
    for name, who in (("untreated", ~arm), ("treated", arm)):
        if not died[who].any():
            raise MethodError(f"nobody of the {name} dies in follow-up: survival can't be compared")
    matrix, start = None, np.zeros(0)
    if covariates:
        fit(persons, treatment=treatment, covariates=covariates)  # refuses what has no propensity model
        matrix = standardise(design(persons, covariates).matrix)
        found, _ = logistic(matrix, arm, np.ones((1, arm.size)), np.zeros(matrix.shape[1]))
        start = found[0]
    spent = history(costs, number)
    panels = [
        panel(
            follow_up,
            died,
            spent,
            np.flatnonzero(who),
            horizon=horizon_years * DAYS_A_YEAR,
            interval=float(interval_days),
            rates=rates,
            unit=DAYS_A_YEAR,
        )
        for who in (~arm, arm)
    ]
    return _Prepared(arm, matrix, start, (panels[0], panels[1]), spent.components, estimand, trim)
