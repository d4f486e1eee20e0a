"""Kaplan-Meier curves by group, with weights and late entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import labels, numbers
from sundbench.methods.survival.curve import Curve, curve
from sundbench.methods.survival.follow_up import check_limits, follow_up

ConfidenceType = Literal["log-log", "log", "plain"]


@dataclass(frozen=True)
class KaplanMeier:
    """Survival curves of one or several groups.

    Attributes:
        curves: one curve a group, by label; ``all`` where no groups were given.
        conf_type, conf_level: how the confidence limits are made.
        weighted: whether weights were given.
    """

    curves: Mapping[str, Curve]
    conf_type: ConfidenceType
    conf_level: float
    weighted: bool

    @cached_property
    def table(self) -> pd.DataFrame:
        """group, time, at_risk, events, censored, survival, se, lower, upper; one row a distinct time.

        With weights the three counts are weighted: ``counts`` has persons.
        """
        parts = []
        for group, one in self.curves.items():
            lower, upper = one.limits(self.conf_type, self.conf_level)
            part = pd.DataFrame({"group": group, "time": one.time, **_counts(one, self.weighted)})
            parts.append(part.assign(survival=one.survival, se=one.se, lower=lower, upper=upper))
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def counts(self) -> pd.DataFrame:
        """group, time, at_risk, events, censored in persons, whatever their weights."""
        parts = [
            pd.DataFrame({"group": group, "time": one.time, **_counts(one, weighted=False)})
            for group, one in self.curves.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def median(self) -> pd.DataFrame:
        """group, median, lower, upper: the median time and its confidence limits; NaN where not reached."""
        quantiles = self.quantiles([0.5]).rename(columns={"time": "median"})
        return quantiles[["group", "median", "lower", "upper"]]

    def quantiles(self, probabilities: ArrayLike) -> pd.DataFrame:
        """group, probability, time, lower, upper: when that share has had the event; NaN where not reached.

        Raises:
            MethodError: probabilities outside 0 to 1.
        """
        shares = numbers(np.atleast_1d(np.asarray(probabilities)), "probabilities")
        if (shares <= 0).any() or (shares >= 1).any():
            raise MethodError("probabilities: some lie outside 0 to 1: use e.g. 0.25, 0.5, 0.75")
        rows = []
        for group, one in self.curves.items():
            lower, upper = one.limits(self.conf_type, self.conf_level)
            for share in shares:
                times = [one.quantile(values, 1 - share) for values in (one.survival, lower, upper)]
                rows.append((group, share, *times))
        return pd.DataFrame(rows, columns=["group", "probability", "time", "lower", "upper"])

    def cumulative_hazard(self) -> pd.DataFrame:
        """group, time, cumulative_hazard, se: Nelson and Aalen's estimate, with Aalen's variance.

        Raises:
            MethodError: weights that are not whole numbers, of which it has no variance.
        """
        parts = []
        for group, one in self.curves.items():
            if one.robust:
                raise MethodError(
                    "weights: the cumulative hazard takes whole numbers: use the survival instead"
                )
            hazard, variance = one.cumulative_hazard()
            columns = {"cumulative_hazard": hazard, "se": np.sqrt(variance)}
            parts.append(pd.DataFrame({"group": group, "time": one.time, **columns}))
        return pd.concat(parts, ignore_index=True)

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """group, time, at_risk, survival, se, lower, upper at given times.

        At risk are those who are followed at that time itself. Beyond a group's last follow-up the survival
        is NaN, unless nobody is left alive, when it is 0.
        """
        wanted = numbers(np.atleast_1d(np.asarray(times)), "times")
        if (wanted < 0).any():
            raise MethodError("times: some are negative: survival starts at time 0")
        parts = []
        for group, one in self.curves.items():
            lower, upper = one.limits(self.conf_type, self.conf_level)
            place = np.searchsorted(one.time, wanted, side="right")
            known = (wanted <= one.time[-1]) | (one.survival[-1] == 0)
            size = one.weight if self.weighted else np.ones_like(one.weight)
            followed = [
                float(size[((one.entry < t) | (one.entry == 0)) & (one.end >= t)].sum()) for t in wanted
            ]
            part = pd.DataFrame({"group": group, "time": wanted, "at_risk": followed})
            for name, values, start in (
                ("survival", one.survival, 1.0),
                ("se", one.se, 0.0),
                ("lower", lower, 1.0),
                ("upper", upper, 1.0),
            ):
                part[name] = np.where(known, np.concatenate(([start], values))[place], np.nan)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @kinds_checked
    def rmst(self, tau: float) -> pd.DataFrame:
        """group, tau, rmst, se, lower, upper: the restricted mean survival time up to ``tau``.

        With weights the standard error takes them as known.

        Raises:
            MethodError: ``tau`` lies beyond a group's last follow-up while some of it still live.
        """
        z = norm.ppf((1 + self.conf_level) / 2)
        rows = []
        for group, one in self.curves.items():
            try:
                mean, se = one.restricted_mean(tau)
            except MethodError as error:
                raise MethodError(f"group {group}: {error}") from error
            rows.append((group, float(tau), mean, se, mean - z * se, mean + z * se))
        return pd.DataFrame(rows, columns=["group", "tau", "rmst", "se", "lower", "upper"])


@kinds_checked
def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    group: ArrayLike | None = None,
    conf_type: ConfidenceType = "log-log",
    conf_level: float = 0.95,
) -> KaplanMeier:
    """Estimate survival by the product limit.

    Args:
        time: each person's end of follow-up, in any unit, counted from time 0.
        event: 1 (event) or 0 (censored) at that time. At equal times events come before censorings.
        entry: time from which a person is under observation (late entry); at risk after it, as in R. With few
            persons at risk early, the curve can fall to 0 there, and stays.
        weights: not negative. Whole numbers count as repeated persons (Greenwood's variance); others get the
            infinitesimal jackknife, with the weights taken as known.
        group: label of each person's curve.
        conf_type: ``log-log``, ``log`` or ``plain`` limits.
        conf_level: coverage of the limits.

    Raises:
        MethodError: empty, missing, negative or unequal data, entry at or after the end, no person with a
            weight above 0 in a group.
    """
    end, occurred, late, weight = follow_up(time, event, entry, weights)
    check_limits(conf_type, conf_level)
    names, place = labels(group, end.size, "group")
    curves = {}
    for i, name in enumerate(names):
        own = place == i
        if not (weight[own] > 0).any():
            raise MethodError(f"group {name}: all weights are 0: nobody is left in it")
        curves[name] = curve(end[own], occurred[own], late[own], weight[own])
    return KaplanMeier(curves, conf_type, conf_level, weighted=weights is not None)


def _counts(one: Curve, weighted: bool) -> dict[str, pd.Series]:
    if weighted:
        columns = {"at_risk": one.at_risk, "events": one.events, "censored": one.censored}
        return {name: pd.Series(values) for name, values in columns.items()}
    columns = {
        "at_risk": one.persons_at_risk,
        "events": one.person_events,
        "censored": one.persons_censored,
    }
    return {name: pd.Series(values).astype("int64") for name, values in columns.items()}
