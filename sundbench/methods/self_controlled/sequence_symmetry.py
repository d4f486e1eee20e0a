"""Sequence symmetry: does one medicine start more often after another than before it?

Written by hand: no Python library has it. Sources: Hallas, Epidemiology 1996;7:478 (crude ratio);
Tsiropoulos, Andersen and Hallas, Pharmacoepidemiol Drug Saf 2009;18:483 (null effect from all who start
either medicine); Lai et al., Eur J Epidemiol 2017;32:567 (waiting times). Where these leave room, the rules
are those of OHDSI's CohortSymmetry: gaps g with blackout < g <= window, and the null effect within a moving
window around every start of the index medicine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.stats import beta, norm

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame, column_names, frame
from sundbench.methods.self_controlled.days import days, not_negative_days

Interval = Literal["exact", "asymptotic"]


@dataclass(frozen=True)
class SequenceSymmetry:
    """Sequence ratios.

    Attributes:
        index_first, marker_first: persons who started the one before the other, within the limits.
        same_day: persons who started both on one day; they tell nothing of order and are left out.
        nsr: the null-effect sequence ratio: what would be seen if the two had nothing to do with each other.
        interval: ``exact`` or ``asymptotic``.
        conf_level: of the limits.
        note: what to know when a count is 0; else None.
    """

    index_first: int
    marker_first: int
    same_day: int
    nsr: float
    interval: Interval
    conf_level: float

    @property
    def csr(self) -> float:
        """The crude sequence ratio: infinite if nobody started the marker first."""
        return self.index_first / self.marker_first if self.marker_first else math.inf

    @property
    def asr(self) -> float:
        """The adjusted sequence ratio: crude over null-effect."""
        return self.csr / self.nsr

    @property
    def note(self) -> str | None:
        """Why a ratio or its error is 0, infinite or not known; None where both orders occur."""
        if self.index_first and self.marker_first:
            return None
        which, ratio = ("index", "0") if not self.index_first else ("marker", "infinite")
        return f"nobody started the {which} first: the ratio is {ratio}, and its standard error isn't known"

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term (crude, adjusted): coef, se, z, p_value, sr, lower, upper.

        coef and se are of the ratio's logarithm; p_value is that of a normal z. The null effect counts as
        known in the adjusted ratio's limits.
        """
        with np.errstate(divide="ignore"):
            coef = np.log(np.array([self.csr, self.asr]))
        both = self.index_first > 0 and self.marker_first > 0
        se = math.sqrt(1 / self.index_first + 1 / self.marker_first) if both else math.nan
        lower, upper = self._limits(se)
        null = np.array([1.0, self.nsr])
        return pd.DataFrame(
            {
                "coef": coef,
                "se": se,
                "z": coef / se,
                "p_value": 2 * norm.sf(np.abs(coef / se)),
                "sr": [self.csr, self.asr],
                "lower": lower / null,
                "upper": upper / null,
            },
            index=pd.Index(["crude", "adjusted"], name="term"),
        )

    def _limits(self, se: float) -> tuple[float, float]:
        """Of the crude ratio. Half a person is added to each count, as CohortSymmetry does."""
        tail = (1 - self.conf_level) / 2
        if self.interval == "asymptotic":
            wide = norm.ppf(1 - tail) * se
            return self.csr * math.exp(-wide), self.csr * math.exp(wide)
        # A count of 0 counts as a half before the other half is added.
        index = max(self.index_first, 0.5) + 0.5
        marker = self.marker_first + 0.5
        low, high = (float(beta.ppf(share, index, marker)) for share in (tail, 1 - tail))
        return (
            low / (1 - low) if self.index_first else 0.0,
            high / (1 - high) if self.marker_first else math.inf,
        )


@kinds_checked
def sequence_symmetry(
    index_first: ArrayLike | Frame,
    marker_first: ArrayLike | Frame,
    *,
    window_days: float | None,
    blackout_days: int = 0,
    moving_window_days: float | None = None,
    interval: Interval = "exact",
    conf_level: float = 0.95,
) -> SequenceSymmetry:
    """Compare how often the marker starts after the index medicine with how often it starts before.

    Args:
        index_first: each person's first day of the index medicine, missing where there is none; or a frame
            with a column person and one more, with a row for each who has started.
        marker_first: the same of the marker, person by person in the same order; or a frame.
        window_days: starts further apart than this many days are left out; None or infinity: none are.
        blackout_days: starts no further apart than this are left out as well; those of one day always are.
        moving_window_days: how far before and after a start of the index medicine the null effect looks;
            None or infinity: at everything. Use the window, or a little more, where use changes with time.
        interval: ``exact`` (from the beta distribution) or ``asymptotic``.
        conf_level: coverage of the limits.

    Raises:
        MethodError: wrong days or limits, non-unique persons, nobody with both medicines within the limits,
            or a null effect that can't be computed as no marker starts before (or after) any index.
    """
    if not 0 < conf_level < 1:
        raise MethodError(f"conf_level {conf_level}: give a share between 0 and 1")
    if interval not in ("exact", "asymptotic"):
        raise MethodError(f"interval {interval} is unknown: use exact or asymptotic")
    window = _limit(window_days, "window_days")
    blackout = not_negative_days(blackout_days, "blackout_days")
    moving = _limit(moving_window_days, "moving_window_days")
    if blackout >= window:
        raise MethodError(f"blackout_days {blackout}: give less than the window of {window:g} days")
    index, marker = _first_days(index_first, marker_first)
    gap = (marker - index)[~np.isnan(index) & ~np.isnan(marker)]
    counted = gap[(np.abs(gap) > blackout) & (np.abs(gap) <= window)]
    if not counted.size:
        raise MethodError(
            f"{gap.size} persons started both medicines, none of them on days that are more than {blackout} "
            f"and up to {window:g} days apart: there is no order to compare"
        )
    return SequenceSymmetry(
        index_first=int((counted > 0).sum()),
        marker_first=int((counted < 0).sum()),
        same_day=int((gap == 0).sum()),
        nsr=_null_effect(index[~np.isnan(index)], marker[~np.isnan(marker)], moving),
        interval=interval,
        conf_level=conf_level,
    )


def _null_effect(index: Floats, marker: Floats, moving: float) -> float:
    """Over all who start the index: markers that start after, to those that start before, in the window."""
    starts = np.sort(marker)
    after = np.searchsorted(starts, index + moving, "right") - np.searchsorted(starts, index, "right")
    before = np.searchsorted(starts, index, "left") - np.searchsorted(starts, index - moving, "left")
    if not after.sum() or not before.sum():
        side = "after" if not after.sum() else "before"
        raise MethodError(
            f"within moving_window_days no marker starts {side} any start of the index medicine: there is no "
            "null effect to compare with; widen the window, or take another period"
        )
    return float(after.sum() / before.sum())


def _limit(value: float | None, name: str) -> float:
    if value is None or value == math.inf:
        return math.inf
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return float(not_negative_days(value, name, least=1))


def _first_days(index: ArrayLike | Frame, marker: ArrayLike | Frame) -> tuple[Floats, Floats]:
    """Both, person by person, with NaN where a medicine was never started."""
    framed = [_is_frame(index), _is_frame(marker)]
    if any(framed):
        if not all(framed):
            raise MethodError("index_first and marker_first: give both as frames, or both as arrays")
        one, other = _by_person(index, "index_first"), _by_person(marker, "marker_first")
    elif isinstance(index, pd.Series) and isinstance(marker, pd.Series):
        one, other = index, marker
        if not index.index.equals(marker.index):
            if index.index.name is None or marker.index.name is None:
                raise MethodError(_LENGTHS.format(index.size, marker.size))
            for series, name in ((index, "index_first"), (marker, "marker_first")):
                _unique(series, name)
    else:
        a, a_dated = days(index, "index_first")
        b, b_dated = days(marker, "marker_first")
        if a.size != b.size:
            raise MethodError(_LENGTHS.format(a.size, b.size))
        return _some(a, a_dated, b, b_dated)
    if not one.index.equals(other.index):
        people = one.index.union(other.index, sort=False)
        one, other = one.reindex(people), other.reindex(people)
    a, a_dated = days(one, "index_first")
    b, b_dated = days(other, "marker_first")
    return _some(a, a_dated, b, b_dated)


_LENGTHS = (
    "index_first has {} and marker_first {} persons in another order: give one value a person in both, "
    "missing where never started, two frames with a column person, or two series with an index of that name"
)


def _some(index: Floats, dated: bool, marker: Floats, marker_dated: bool) -> tuple[Floats, Floats]:
    for values, name in ((index, "index_first"), (marker, "marker_first")):
        if np.isnan(values).all():
            raise MethodError(f"{name}: nobody started it: there is nothing to compare")
    if dated != marker_dated:
        raise MethodError("index_first and marker_first: give both as dates, or both as numbers of days")
    return index, marker


def _is_frame(values: object) -> bool:
    return isinstance(values, pd.DataFrame | pl.DataFrame | pl.LazyFrame | pa.Table | dict)


def _by_person(given: ArrayLike | Frame, name: str) -> pd.Series:
    data = cast("Frame", given)
    columns = column_names(data)
    others = [column for column in columns if column != "person"]
    if "person" not in columns or len(others) != 1:
        raise MethodError(f"{name}: give a frame of two columns, person and the first day")
    series: pd.Series = frame(data, ["person", *others]).set_index("person")[others[0]]
    _unique(series, name)
    return series


def _unique(series: pd.Series, name: str) -> None:
    twice = int(series.index.duplicated().sum())
    if twice:
        raise MethodError(f"{name}: {twice} rows are of persons who have one before: give first days only")
