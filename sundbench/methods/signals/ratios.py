"""Proportional reporting ratios, reporting odds ratios and the information component.

Sources: Evans et al. (2001) for the PRR; van Puijenbroek et al. (2002) for the ROR; over strata Mantel and
Haenszel's ratios with the variances of Greenland and Robins (1985) and Robins, Breslow and Greenland (1986);
Norén et al. (2013) for the IC, shrunk by half a report.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv
from scipy.stats import norm

from sundbench.methods.inputs import Floats
from sundbench.methods.signals.contingency import Contingency

_SHRINKAGE = 0.5

Estimates = tuple[Floats, Floats, Floats, Floats]
"""Expected count, estimate, lower and upper limit of each pair."""


def proportional_reporting_ratio(table: Contingency, conf_level: float) -> Estimates:
    """Share of the drug's reports that hold the event, over that of the other reports."""
    a, n1 = table.both, table.drug
    c, n0 = table.event - a, table.total - n1
    with np.errstate(divide="ignore", invalid="ignore"):
        if a.shape[1] == 1:
            expected = (n1 * c / n0)[:, 0]
            estimate = a[:, 0] / expected
            se = np.sqrt(1 / a - 1 / n1 + 1 / c - 1 / n0)[:, 0]
        else:
            n, m1 = np.broadcast_to(table.total, a.shape), table.event
            r, s = (a * n0 / n).sum(axis=1), (c * n1 / n).sum(axis=1)
            estimate, expected = r / s, table.expected
            se = np.sqrt((m1 * n1 * n0 / n**2 - a * c / n).sum(axis=1) / (r * s))
    return _limits(expected, estimate, se, conf_level)


def reporting_odds_ratio(table: Contingency, conf_level: float) -> Estimates:
    """Odds of the event in reports with the drug, over those in the other reports."""
    a = table.both
    b, c = table.drug - a, table.event - a
    d = table.total - a - b - c
    with np.errstate(divide="ignore", invalid="ignore"):
        if a.shape[1] == 1:
            expected = (b * c / d)[:, 0]
            estimate = a[:, 0] / expected
            se = np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)[:, 0]
        else:
            n = np.broadcast_to(table.total, a.shape)
            p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
            big, small = r.sum(axis=1), s.sum(axis=1)
            estimate, expected = big / small, table.expected
            se = np.sqrt(
                (p * r).sum(axis=1) / (2 * big**2)
                + (p * s + q * r).sum(axis=1) / (2 * big * small)
                + (q * s).sum(axis=1) / (2 * small**2)
            )
    return _limits(expected, estimate, se, conf_level)


def information_component(table: Contingency, conf_level: float) -> Estimates:
    """The base-2 logarithm of observed over expected, both with half a report more; gamma limits."""
    seen, expected = table.both.sum(axis=1) + _SHRINKAGE, table.expected + _SHRINKAGE
    tail = (1 - conf_level) / 2
    lower, upper = (np.log2(gammaincinv(seen, share) / expected) for share in (tail, 1 - tail))
    return expected - _SHRINKAGE, np.log2(seen / expected), lower, upper


def _limits(expected: Floats, estimate: Floats, se: Floats, conf_level: float) -> Estimates:
    """Wald's limits on the logarithm; none where a cell is empty."""
    reach = norm.ppf((1 + conf_level) / 2) * np.where(np.isfinite(se), se, np.nan)
    with np.errstate(invalid="ignore"):
        return expected, estimate, estimate * np.exp(-reach), estimate * np.exp(reach)
