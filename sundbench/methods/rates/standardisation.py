"""Direct and indirect standardisation.

Written by hand: neither SciPy nor statsmodels has them. Direct rates carry the gamma limits of Fay and Feuer
(1997); standardised mortality (or incidence) ratios the exact limits of the observed count, the expected
being taken as known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.special import gammaincinv
from scipy.stats import norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame, column_names, frame, numbers
from sundbench.methods.rates.counts import column_list, summed
from sundbench.methods.rates.incidence import check_per
from sundbench.methods.rates.limits import poisson_limits
from sundbench.methods.survival.follow_up import check_level, not_negative

ByStratum: TypeAlias = (
    str | Mapping[Any, float] | pd.Series | pd.DataFrame | pl.DataFrame | pa.Table | ArrayLike
)
"""A number for each stratum: a column of the data; a mapping or pandas Series by stratum (tuples where
several columns make the strata); a frame with the strata's columns and one more; or an array in the order in
which the strata first come in the data."""


@dataclass(frozen=True)
class Standardised:
    """Standardised rates or ratios.

    Attributes:
        table: the group's columns (if any), events, person_time, crude_rate, and then rate, lower, upper
            (direct) or expected, smr, lower, upper (indirect; with a reference's counts also rate,
            rate_lower, rate_upper: the ratio times the reference's crude rate).
        per: person-time that rates refer to.
        conf_level: of the limits.
        method: by which the limits were made.
    """

    table: pd.DataFrame
    per: float
    conf_level: float
    method: str


@kinds_checked
def standardise(
    data: Frame,
    *,
    events: str,
    person_time: str,
    by: str | Sequence[str],
    standard: ByStratum,
    group: str | Sequence[str] | None = None,
    per: float = 1,
    conf_level: float = 0.95,
) -> Standardised:
    """Directly standardised rates: the strata's rates, weighted as in a standard population.

    Args:
        data: a frame; rows of a stratum are added.
        events: the column with the number of events.
        person_time: the column with the time under observation.
        by: the columns that make the strata, e.g. age and sex.
        standard: the standard population's size (or weight) by stratum; see ``ByStratum``.
        group: columns whose groups are standardised each for itself.
        per: person-time that rates refer to.
        conf_level: coverage of the gamma limits, which hold in small strata and are somewhat wide.

    Raises:
        MethodError: bad counts, a stratum without person-time that the standard gives weight, or a standard
            that does not fit the strata.
    """
    check_level(conf_level)
    check_per(per)
    strata, groups = column_list(by), column_list(group)
    sizes = by_stratum(data, standard, strata, "standard")
    if not sizes.sum() > 0:
        raise MethodError("standard: all weights are 0: give the standard population's sizes")
    table = summed(data, events=events, person_time=person_time, by=[*groups, *strata])
    rows = []
    for label, part in _parts(table, groups):
        seen, time, size = _aligned(part, strata, sizes, "standard")
        weight = size / size.sum() / time
        rate, variance = float(weight @ seen), float(weight**2 @ seen)
        lower, upper = _gamma_limits(rate, variance, float(weight.max()), conf_level)
        crude = seen.sum() / time.sum()
        rows.append((*label, int(seen.sum()), time.sum(), *(per * v for v in (crude, rate, lower, upper))))
    columns = [*groups, "events", "person_time", "crude_rate", "rate", "lower", "upper"]
    return Standardised(pd.DataFrame(rows, columns=columns), per, conf_level, "gamma")


@kinds_checked
def indirect(
    data: Frame,
    *,
    events: str,
    person_time: str,
    by: str | Sequence[str],
    reference_rates: ByStratum,
    group: str | Sequence[str] | None = None,
    per: float = 1,
    conf_level: float = 0.95,
    method: Literal["log", "exact"] = "log",
) -> Standardised:
    """Standardised mortality (incidence) ratios: events over those expected at a reference's rates.

    Args:
        data: a frame; rows of a stratum are added.
        events: the column with the number of events.
        person_time: the column with the time under observation.
        by: the columns that make the strata.
        reference_rates: the reference's rate by stratum, in events per unit of ``person_time``; see
            ``ByStratum``. A frame with the columns of ``events`` and ``person_time`` gives the reference's
            counts instead, and with them standardised rates.
        group: columns whose groups are compared with the reference each for itself.
        per: person-time that rates refer to.
        conf_level: coverage of the limits.
        method: ``log`` (normal on the logarithm, as R's epitools; exact without events, which have no
            logarithm) or ``exact`` (Poisson), which is the better the fewer events there are.

    Raises:
        MethodError: bad counts, no events expected, or rates that do not fit the strata.
    """
    check_level(conf_level)
    check_per(per)
    if method not in ("log", "exact"):
        raise MethodError(f"method {method} is unknown: use log or exact")
    strata, groups = column_list(by), column_list(group)
    crude = None
    if isinstance(reference_rates, pd.DataFrame | pl.DataFrame | pa.Table) and {events, person_time} <= set(
        column_names(reference_rates)
    ):
        counts = summed(reference_rates, events=events, person_time=person_time, by=strata)
        crude = counts["events"].sum() / counts["person_time"].sum()
        counts["rate"] = counts["events"] / counts["person_time"]
        reference_rates = counts[[*strata, "rate"]]
    rates = by_stratum(data, reference_rates, strata, "reference_rates")
    table = summed(data, events=events, person_time=person_time, by=[*groups, *strata])
    rows = []
    for label, part in _parts(table, groups):
        keys = _keys(part, strata)
        _known(keys, rates, "reference_rates")
        seen, time = int(part["events"].sum()), part["person_time"].to_numpy()
        expected = float(rates.loc[keys].to_numpy() @ time)
        if not expected > 0:
            raise MethodError("reference_rates: no events are expected: a ratio needs some")
        lower, upper = _ratio_limits(seen, expected, conf_level, method)
        row = [*label, seen, time.sum(), seen / time.sum() * per, expected, seen / expected, lower, upper]
        if crude is not None:
            row += [crude * per * v for v in (seen / expected, lower, upper)]
        rows.append(row)
    columns = [*groups, "events", "person_time", "crude_rate", "expected", "smr", "lower", "upper"]
    columns += [] if crude is None else ["rate", "rate_lower", "rate_upper"]
    return Standardised(pd.DataFrame(rows, columns=columns), per, conf_level, method)


def by_stratum(data: Frame, values: ByStratum, strata: Sequence[str], name: str) -> pd.Series:
    """Numbers by stratum, from any of the forms they may be given in.

    Raises:
        MethodError: they are missing, negative, given twice, or don't fit the strata.
    """
    if not strata:
        raise MethodError("by: no columns are named: standardisation needs strata")
    if isinstance(values, str):
        if values in strata:
            raise MethodError(f"{name}: {values} makes the strata itself: name another column")
        chosen = frame(data, [*strata, values]).drop_duplicates()
        series = pd.Series(chosen[values].to_numpy(), index=_keys(chosen, strata))
    elif isinstance(values, pd.DataFrame | pl.DataFrame | pa.Table):
        others = [column for column in column_names(values) if column not in strata]
        if len(others) != 1:
            raise MethodError(f"{name}: give a frame with {', '.join(strata)} and one column of numbers")
        chosen = frame(values, [*strata, *others])
        series = pd.Series(chosen[others[0]].to_numpy(), index=_keys(chosen, strata))
    elif isinstance(values, pd.Series):
        series = pd.Series(values.to_numpy(), index=values.index.to_flat_index())
    elif isinstance(values, Mapping):
        series = pd.Series(list(values.values()), index=pd.Index(list(values), tupleize_cols=False))
    else:
        keys = _keys(frame(data, list(strata)).drop_duplicates(), strata)
        array = np.asarray(values)
        if array.shape != (len(keys),):
            raise MethodError(f"{name}: {array.size} numbers for {len(keys)} strata: give one a stratum")
        series = pd.Series(array, index=keys)
    if series.index.has_duplicates:
        raise MethodError(f"{name}: some strata have more than one number: give one a stratum")
    checked = numbers(series, name)
    not_negative(checked, name)
    return pd.Series(checked, index=series.index)


def _keys(table: pd.DataFrame, strata: Sequence[str]) -> pd.Index[Any]:
    if len(strata) == 1:
        labels = table[strata[0]].to_list()
    else:
        labels = list(table[list(strata)].itertuples(index=False, name=None))
    made: pd.Index[Any] = pd.Index(np.fromiter(labels, dtype=object, count=len(labels)), tupleize_cols=False)
    return made


def _known(keys: pd.Index[Any], values: pd.Series, name: str) -> None:
    unknown = [str(key) for key in keys if key not in values.index]
    if unknown:
        raise MethodError(f"{name}: nothing is given for {', '.join(unknown[:20])}: give every stratum's")


def _parts(table: pd.DataFrame, groups: Sequence[str]) -> list[tuple[tuple[object, ...], pd.DataFrame]]:
    if not groups:
        return [((), table)]
    return [(tuple(label), part) for label, part in table.groupby(list(groups), observed=True)]


def _aligned(
    part: pd.DataFrame, strata: Sequence[str], values: pd.Series, name: str
) -> tuple[Floats, Floats, Floats]:
    """Events, person-time and the standard's size of each stratum that either knows."""
    keys = _keys(part, strata)
    _known(keys, values, name)
    others = values.index.difference(keys, sort=False)
    absent = [str(key) for key in others if values[key] > 0]
    if absent:
        raise MethodError(
            f"{name}: no person-time in {', '.join(absent[:20])}: merge strata, or give them no weight"
        )
    size = values.loc[keys].to_numpy(dtype=np.float64)
    if not size.sum() > 0:
        raise MethodError(f"{name}: no weight falls on the data's strata")
    return part["events"].to_numpy(dtype=np.float64), part["person_time"].to_numpy(), size


def _gamma_limits(rate: float, variance: float, widest: float, conf_level: float) -> tuple[float, float]:
    tail = (1 - conf_level) / 2
    lower = 0.0 if rate == 0 else variance / rate * float(gammaincinv(rate**2 / variance, tail))
    more, spread = rate + widest, variance + widest**2
    return lower, spread / more * float(gammaincinv(more**2 / spread, 1 - tail))


def _ratio_limits(seen: int, expected: float, conf_level: float, method: str) -> tuple[float, float]:
    if method == "exact" or seen == 0:
        low, high = poisson_limits([seen], conf_level, "exact")
        return float(low[0]) / expected, float(high[0]) / expected
    reach = norm.ppf((1 + conf_level) / 2) / np.sqrt(seen)
    return float(seen / expected * np.exp(-reach)), float(seen / expected * np.exp(reach))
