"""Gray's test: do cumulative incidences of one cause differ between groups?

Written by hand: no Python library has it. Source: Gray, Annals of Statistics 16 (1988), with rho = 0; ties
and the variance's finite-sample factors as in his R package cmprsk, checked against it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, labels, sums
from sundbench.methods.survival.follow_up import Ints, causes, check_cause
from sundbench.methods.survival.log_rank import GroupTest


@kinds_checked
def gray_test(time: ArrayLike, cause: ArrayLike, group: ArrayLike, *, of_interest: int = 1) -> GroupTest:
    """Compare the cumulative incidence of a cause between two or more groups.

    Args:
        time: each person's end of follow-up.
        cause: 0 (censored), 1, 2, ...
        group: labels.
        of_interest: the cause that is compared; the others compete with it.

    Raises:
        MethodError: empty, missing or negative data, one group, or no events of the cause.
    """
    end, codes, _, _ = causes(time, cause, None, None)
    names, place = labels(group, end.size, "group")
    if len(names) < 2:
        raise MethodError("group has one label: a comparison needs two or more")
    check_cause(codes, of_interest)
    kind = np.where(codes == of_interest, 1, np.where(codes > 0, 2, 0))
    own, other, at_risk = _counts(end, kind, place, len(names))
    score, variance, expected = _score(own, other, at_risk)
    df = len(names) - 1
    difference, part = score[:df], variance[:df, :df]
    if np.linalg.matrix_rank(part) < df:
        raise MethodError("group: too few events to compare the groups' incidences")
    statistic = float(difference @ np.linalg.solve(part, difference))
    table = pd.DataFrame(
        {
            "persons": np.bincount(place, minlength=len(names)),
            "observed": own.sum(axis=0),
            "expected": expected,
        },
        index=pd.Index(names, name="group"),
    )
    return GroupTest(table, statistic, df, float(chi2.sf(statistic, df)))


def _counts(end: Floats, kind: Ints, place: Ints, groups: int) -> tuple[Floats, Floats, Floats]:
    """Times with an event by groups: events of the cause, of the others, and persons at risk."""
    times, at = np.unique(end, return_inverse=True)
    cell = at * groups + place

    def by_group(chosen: Floats) -> Floats:
        return sums(cell, chosen, times.size * groups).reshape(-1, groups)

    everybody = by_group(np.ones_like(end))
    at_risk = np.cumsum(everybody[::-1], axis=0)[::-1]
    own, other = by_group((kind == 1).astype(float)), by_group((kind == 2).astype(float))
    happens = (own + other).sum(axis=1) > 0
    return own[happens], other[happens], at_risk[happens]


def _score(own: Floats, other: Floats, at_risk: Floats) -> tuple[Floats, Floats, Floats]:
    """Observed less expected by group, their variance, and the expected.

    Each group's risk set is that of the subdistribution: at risk / survival, times 1 - incidence for the
    score. A group's survival and incidence stay as they are once nobody in it is at risk.
    """
    present = at_risk > 0
    fraction = np.divide(own + other, at_risk, out=np.zeros_like(at_risk), where=present)
    after = np.cumprod(1 - fraction, axis=0)
    before = np.vstack((np.ones(after.shape[1]), after[:-1]))
    open_ = present & (before > 0)
    share = np.divide(at_risk, before, out=np.zeros_like(at_risk), where=open_)
    steps = np.divide(before * own, at_risk, out=np.zeros_like(at_risk), where=present)
    incidence = np.cumsum(steps, axis=0)
    earlier = np.vstack((np.zeros(after.shape[1]), incidence[:-1]))
    whole = share.sum(axis=1)
    risk = share * (1 - earlier)
    deaths = own.sum(axis=1)
    pooled = np.cumsum(deaths / whole)
    pooled_before = np.concatenate(([0.0], pooled[:-1]))
    expected = deaths @ (risk / risk.sum(axis=1)[:, None])

    groups = at_risk.shape[1]
    # a[t, i, k]: how group i's score weighs group k; c: the same, gathered over the pooled hazard.
    part = share / whole[:, None]
    a = share[:, :, None] * (np.eye(groups) - part[:, None, :])
    c = np.cumsum(a * (deaths / (whole * (1 - pooled_before)))[:, None, None], axis=0)
    gap = np.divide((1 - pooled)[:, None], after, out=np.zeros_like(after), where=after > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        tied = np.where(deaths[:, None] > 1, 1 - (deaths - 1)[:, None] / (whole[:, None] * before - 1), 1.0)
        own_spread = tied * before * deaths[:, None] / (whole[:, None] * at_risk)
        tied = np.where(other > 1, 1 - (other - 1) / (at_risk - 1), 1.0)
        other_spread = tied * before**2 * other / at_risk**2
    own_spread = np.where(present & (deaths > 0)[:, None], own_spread, 0.0)
    other_spread = np.where(present & (after > 0), other_spread, 0.0)

    def gathered(left: Floats, right: Floats, spread: Floats) -> Floats:
        return np.asarray(np.einsum("tik,tjk,tk->kij", left, right, spread))

    ahead = 1 - gap
    now = a - ahead[:, None, :] * c
    then = -gap[:, None, :] * c
    one = np.ones((at_risk.shape[0], 1, groups))
    direct = gathered(now, now, own_spread) + gathered(then, then, other_spread)
    third = np.sum(ahead**2 * own_spread + gap**2 * other_spread, axis=0)
    mixed = gathered(now, one * ahead[:, None, :], own_spread) + gathered(
        then, one * gap[:, None, :], other_spread
    )
    final = c[-1].T[:, :, None]  # group k, score i
    cross = final @ mixed.transpose(0, 2, 1)
    variance = (
        direct + third[:, None, None] * final @ final.transpose(0, 2, 1) + cross + cross.transpose(0, 2, 1)
    )
    return own.sum(axis=0) - expected, variance.sum(axis=0), expected
