"""Incidence rates and proportions with exact limits.

The limits of counts are one line of SciPy; those of proportions come from statsmodels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Frame, frame, numbers
from sundbench.methods.rates.counts import column_list, summed, whole
from sundbench.methods.rates.limits import CountMethod, poisson_limits
from sundbench.methods.survival.follow_up import check_level


@dataclass(frozen=True)
class Rates:
    """Rates or proportions.

    Attributes:
        table: the groups' columns, events, person_time (or persons), rate (or proportion), lower, upper.
        per: person-time that rates refer to.
        conf_level: of the limits.
        method: by which the limits were made.
    """

    table: pd.DataFrame
    per: float
    conf_level: float
    method: str


@kinds_checked
def incidence_rates(
    data: Frame,
    *,
    events: str,
    person_time: str,
    by: str | Sequence[str] | None = None,
    per: float = 1000,
    conf_level: float = 0.95,
    method: CountMethod = "exact",
) -> Rates:
    """Events per person-time, by group.

    Args:
        data: a frame, a row a person or a group; rows of a group are added.
        events: the column with the number of events.
        person_time: the column with the time under observation.
        by: columns that make the groups; None for one rate.
        per: person-time that rates refer to: 1000 gives events in 1,000 years where time is in years.
        conf_level: coverage of the limits.
        method: ``exact`` (Garwood: at least that coverage) or ``byar`` (an approximation).

    Raises:
        MethodError: missing, negative or broken counts, or a group without person-time.
    """
    check_level(conf_level)
    check_per(per)
    if method not in ("exact", "byar"):
        raise MethodError(f"method {method} is unknown: use exact or byar")
    table = summed(data, events=events, person_time=person_time, by=column_list(by))
    lower, upper = poisson_limits(table["events"], conf_level, method)
    time = table["person_time"].to_numpy() / per
    table["rate"], table["lower"], table["upper"] = table["events"] / time, lower / time, upper / time
    return Rates(table, per, conf_level, method)


@kinds_checked
def proportions(
    data: Frame,
    *,
    events: str,
    persons: str,
    by: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
    method: Literal["exact", "wilson"] = "exact",
) -> Rates:
    """The share of persons with an event, by group.

    Args:
        data: a frame; rows of a group are added.
        events: the column with the number of persons with an event.
        persons: the column with the number of persons.
        by: columns that make the groups.
        conf_level: coverage of the limits.
        method: ``exact`` (Clopper and Pearson 1934) or ``wilson`` (1927).

    Raises:
        MethodError: missing, negative or broken counts; nobody in a group, or more with events than persons.
    """
    from statsmodels.stats.proportion import proportion_confint

    check_level(conf_level)
    if method not in ("exact", "wilson"):
        raise MethodError(f"method {method} is unknown: use exact or wilson")
    counts = frame(data, [persons])
    whole(counts[persons], persons)
    table = summed(data, events=events, person_time=persons, by=column_list(by))
    table = table.rename(columns={"person_time": "persons"})
    seen, of = numbers(table["events"], events), numbers(table["persons"], persons)
    if (seen > of).any():
        raise MethodError(f"{events}: more than {persons} in {int((seen > of).sum())} groups: count persons")
    kind = "beta" if method == "exact" else "wilson"
    lower, upper = proportion_confint(seen, of, alpha=1 - conf_level, method=kind)
    table["persons"] = of.astype(np.int64)
    table["proportion"] = seen / of
    table["lower"], table["upper"] = np.where(seen > 0, lower, 0.0), np.where(seen < of, upper, 1.0)
    return Rates(table, 1.0, conf_level, method)


def check_per(per: float) -> None:
    """Refuse a unit of person-time that is none.

    Raises:
        MethodError: not greater than 0.
    """
    if not 0 < per < float("inf"):
        raise MethodError(f"per {per} is not greater than 0: give e.g. 1000")
