"""The log-rank test and its G-rho family, stratified and with late entry.

Written by hand: statsmodels' test knows no late entry. Sources: Mantel (1966); Harrington and Fleming (1982),
the weights S(t-)**rho of the pooled Kaplan-Meier curve within the stratum, as in R's survdiff; variance with
the hypergeometric correction for ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, labels
from sundbench.methods.survival.follow_up import Ints, follow_up
from sundbench.methods.survival.risk_sets import RiskSets, risk_sets, running_sums


@dataclass(frozen=True)
class GroupTest:
    """A test whether groups differ.

    Attributes:
        table: indexed by group: persons, observed, expected.
        statistic: chi-squared.
        df: its degrees of freedom.
        p_value: the chance of a statistic as large, if the groups are alike.
    """

    table: pd.DataFrame
    statistic: float
    df: int
    p_value: float


@kinds_checked
def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    rho: float = 0,
) -> GroupTest:
    """Compare the hazards of two or more groups.

    Args:
        time: each person's end of follow-up.
        event: 1 (event) or 0 (censored).
        group: labels.
        entry: time from which a person is under observation; at risk after it.
        strata: labels; persons are compared within them.
        rho: 0 for the log-rank test, 1 for Peto and Peto's, which weighs early events more. Observed and
            expected in the table are weighted then, as in R.

    Raises:
        MethodError: empty, missing or negative data, one group, or no events while two groups are at risk.
    """
    if not isinstance(rho, int | float) or not np.isfinite(rho):
        raise MethodError(f"rho {rho} is no number: use 0 (log-rank), 1 (Peto and Peto) or between")
    end, occurred, late, _ = follow_up(time, event, entry, None)
    names, place = labels(group, end.size, "group")
    if len(names) < 2:
        raise MethodError("group has one label: a comparison needs two or more")
    _, stratum = labels(strata, end.size, "strata")
    if not occurred.any():
        raise MethodError("event: no events: groups can't be compared without any")
    sets = risk_sets(end, occurred, late if (late > 0).any() else None, None if strata is None else stratum)
    return _test(sets, place, names, rho)


def _test(sets: RiskSets, place: Ints, names: list[str], rho: float) -> GroupTest:
    at_risk = np.column_stack([sets.totals((place == g).astype(np.float64)) for g in range(len(names))])
    deaths = np.zeros((sets.size, len(names)))
    np.add.at(deaths, (sets.event_places, place[sets.event_rows]), 1.0)
    n, d = at_risk.sum(axis=1), deaths.sum(axis=1)
    weight = _survival_before(sets, d / n) ** rho
    share = at_risk / n[:, None]
    observed, expected = weight @ deaths, (weight * d) @ share
    spread = weight**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    variance = np.diag(spread @ share) - (spread[:, None] * share).T @ share
    compared = np.flatnonzero(expected > 0)
    df = compared.size - 1
    difference = (observed - expected)[compared[:df]]
    part = variance[np.ix_(compared[:df], compared[:df])]
    if df < 1 or np.linalg.matrix_rank(part) < df:
        raise MethodError("event: at no event are two groups at risk together: they can't be compared")
    statistic = float(difference @ np.linalg.solve(part, difference))
    table = pd.DataFrame(
        {"persons": np.bincount(place, minlength=len(names)), "observed": observed, "expected": expected},
        index=pd.Index(names, name="group"),
    )
    return GroupTest(table, statistic, df, float(chi2.sf(statistic, df)))


def _survival_before(sets: RiskSets, hazard: Floats) -> Floats:
    """The pooled curve just before each event time, within its stratum."""
    slots = sets.slots
    with np.errstate(divide="ignore"):
        logs = np.zeros(int(sets.heads[-1]))
        logs[slots] = np.log1p(-hazard)
        logs[np.isneginf(logs)] = -750.0  # everybody has the event: exp gives 0
        return np.asarray(np.exp(running_sums(logs, sets.heads)[slots - 1]))
