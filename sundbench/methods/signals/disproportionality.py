"""Which drugs and events are reported together more often than expected.

Written by hand: no Python library has them. See ``ratios`` and ``empirical_bayes`` for the measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Frame
from sundbench.methods.rates.counts import column_list
from sundbench.methods.signals.contingency import Contingency, from_counts, from_reports
from sundbench.methods.signals.empirical_bayes import Prior, fit_prior
from sundbench.methods.signals.ratios import (
    Estimates,
    information_component,
    proportional_reporting_ratio,
    reporting_odds_ratio,
)
from sundbench.methods.survival.follow_up import check_level

Measure = Literal["prr", "ror", "ic", "ebgm"]


@dataclass(frozen=True)
class Disproportionality:
    """A measure of each pair of a drug and an event.

    Attributes:
        table: drug, event, count, expected, estimate, lower, upper.
        method: the measure.
        conf_level: of the limits.
        prior: of the EBGM; None for the other measures.
    """

    table: pd.DataFrame
    method: Measure
    conf_level: float
    prior: Prior | None


@kinds_checked
def disproportionality(
    data: Frame,
    *,
    drug: str,
    event: str,
    method: Measure = "prr",
    report: str | None = None,
    strata: str | Sequence[str] | None = None,
    count: str | None = None,
    total: str | float | None = None,
    drug_total: str | None = None,
    event_total: str | None = None,
    conf_level: float | None = None,
    prior: Prior | None = None,
) -> Disproportionality:
    """Compute a measure of disproportionate reporting.

    Give either reports (``report``) or counts with their marginals (``count``, ``total``, ``drug_total``,
    ``event_total``): a report that names three events counts once in its drug's marginal, so that marginals
    can't be had by adding pairs.

    Args:
        data: rows of a report, a drug and an event that it holds; or a row a pair.
        drug: the column that names the drug.
        event: the column that names the event.
        method: ``prr`` (proportional reporting ratio), ``ror`` (reporting odds ratio), ``ic`` (information
            component, base 2) or ``ebgm`` (empirical Bayes geometric mean). ``expected`` is what the count is
            divided by: of the PRR from reports without the drug, of the ROR the product of the off-diagonal
            cells over reports with neither, of the others (and with strata of all) drug times event over
            total.
        report: the column of the report's number.
        strata: columns within which reports are compared: Mantel-Haenszel's ratios, or expected counts added
            over strata.
        count: the column with the number of reports with both.
        total: the number of all reports, or its column.
        drug_total: the column with the number of reports with the drug.
        event_total: the column with the number of reports with the event.
        conf_level: coverage of the limits; None for 0.95, and for 0.90 with the EBGM (EB05 and EB95).
        prior: of the EBGM; None fits it to the data's pairs.

    Raises:
        MethodError: missing or contradictory columns, marginals or counts that don't fit each other, a report
            in several strata, or pairs that determine no prior.
    """
    if method not in ("prr", "ror", "ic", "ebgm"):
        raise MethodError(f"method {method} is unknown: use prr, ror, ic or ebgm")
    if prior is not None and method != "ebgm":
        raise MethodError(f"prior: {method} has none: leave it out, or use ebgm")
    level = conf_level if conf_level is not None else (0.90 if method == "ebgm" else 0.95)
    check_level(level)
    table = _table(
        data,
        drug=drug,
        event=event,
        report=report,
        strata=column_list(strata),
        counted=(count, total, drug_total, event_total),
    )
    seen = table.both.sum(axis=1)
    used = None
    if method == "ebgm":
        used = prior if prior is not None else fit_prior(seen, table.expected)
        found = _geometric_means(table, used, level)
    else:
        measure = {
            "prr": proportional_reporting_ratio,
            "ror": reporting_odds_ratio,
            "ic": information_component,
        }[method]
        found = measure(table, level)
    result = table.pairs.assign(count=seen.astype(int))
    for name, values in zip(("expected", "estimate", "lower", "upper"), found, strict=True):
        result[name] = values
    if result["estimate"].isna().all():
        raise MethodError(
            f"{method}: no pair has reports without its {drug} and without its {event}: there is nothing to "
            "compare with; give all reports, those of other drugs and events too"
        )
    return Disproportionality(result, method, level, used)


def _geometric_means(table: Contingency, prior: Prior, level: float) -> Estimates:
    seen, expected = table.both.sum(axis=1), table.expected
    lower, upper = (prior.quantile(p, seen, expected) for p in ((1 - level) / 2, (1 + level) / 2))
    return expected, prior.geometric_mean(seen, expected), lower, upper


def _table(
    data: Frame,
    *,
    drug: str,
    event: str,
    report: str | None,
    strata: list[str],
    counted: tuple[str | None, str | float | None, str | None, str | None],
) -> Contingency:
    count, total, drug_total, event_total = counted
    if report is not None:
        if any(value is not None for value in counted):
            raise MethodError("report, count: give reports or counts, not both")
        return from_reports(data, report=report, drug=drug, event=event, strata=strata)
    if count is None or total is None or drug_total is None or event_total is None:
        raise MethodError(
            "report: name the report's column, or give count, total, drug_total and event_total: marginals "
            "can't be had by adding pairs"
        )
    if strata:
        raise MethodError("strata: counts have none: give reports")
    return from_counts(
        data,
        drug=drug,
        event=event,
        count=count,
        total=total,
        drug_total=drug_total,
        event_total=event_total,
    )
