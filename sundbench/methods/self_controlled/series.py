"""The self-controlled case series: within persons, do events come more often in days after an exposure?

Written by hand: no Python library has it, and R's SCCS loops over cut points and fits rows by clogit.
Sources: Farrington, Biometrics 1995;51:228; Whitaker et al., Stat Med 2006;25:1768; Farrington, Whitaker and
Ghebremichael-Weldeselassie, Self-controlled Case Series Studies (2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import chi2

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, Frame
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.self_controlled.cases import Cases, read_cases
from sundbench.methods.self_controlled.conditional_poisson import Factor, Fit, fit
from sundbench.methods.self_controlled.days import Ints
from sundbench.methods.self_controlled.exposures import read_exposures
from sundbench.methods.self_controlled.splitting import Calendar, Changes, Rows, changes, split
from sundbench.methods.self_controlled.windows import Plan, Washout, Windows, by_exposure, plan
from sundbench.methods.survival.follow_up import check_level


@dataclass(frozen=True)
class CaseSeries:
    """A fitted self-controlled case series.

    Attributes:
        coef: logarithms of the rate ratios by term.
        variance: their covariance, the inverse of the information; NaN where a coefficient is infinite.
        loglik, loglik_null: the conditional log likelihood of the events' days, and that without any effect;
            models of the same cases can be compared.
        periods: by term, how many events and days (of persons) its days hold.
        infinite: a reason by term, for terms without events.
        persons, events, rows: how many there are; rows are pieces of observation periods.
        repeated: rows of cases that said again what another row had said; they count once.
        exposed: persons with days in a risk window or washout.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats
    loglik: float
    loglik_null: float
    periods: pd.DataFrame
    infinite: dict[str, str]
    persons: int
    events: int
    rows: int
    repeated: int
    exposed: int
    conf_level: float
    _score: float = field(repr=False)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, rr, lower, upper (the limits are the rate ratio's)."""
        names = self.coef.index.to_list()
        return ratio_table(names, self.coef.to_numpy(), self.variance, ratio="rr", conf_level=self.conf_level)

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Of all coefficients at once, indexed by likelihood ratio, wald and score: statistic, df, p_value.

        Wald and score tests leave out terms that are infinite.
        """
        finite = np.isfinite(self.coef.to_numpy())
        beta = self.coef.to_numpy()[finite]
        wald = float(beta @ np.linalg.solve(self.variance[np.ix_(finite, finite)], beta))
        statistic = np.array([2 * (self.loglik - self.loglik_null), wald, self._score])
        df = np.array([finite.size, finite.sum(), finite.sum()])
        index = pd.Index(["likelihood ratio", "wald", "score"], name="test")
        p_value = chi2.sf(statistic, df)
        return pd.DataFrame({"statistic": statistic, "df": df, "p_value": p_value}, index=index)


def sccs(
    cases: Frame,
    exposures: Frame,
    *,
    birth: str | ArrayLike | None = None,
    risk_windows: Windows | Mapping[str, Windows],
    age_breaks: Sequence[int] | None = None,
    season: bool | Sequence[int] = False,
    washout: Washout | Mapping[str, Washout] | None = None,
    common_effect: bool = True,
    conf_level: float = 0.95,
) -> CaseSeries:
    """Fit a self-controlled case series. All days are inclusive at both ends.

    Args:
        cases: person, start, end (of observation) and event_day, a row an event. Days are dates or numbers.
        exposures: person, start, and where there are some name, end and dose (from 1); a row an exposure.
            Exposures of others than the cases are left out.
        birth: a column of cases, or a value a row of it. Numbers of days are ages, unless births are numbers
            too; with dates ages need a birth, and seasons with ages need one that is a date.
        risk_windows: pairs of first and last day after an exposure's start, as ``[(0, 14), (15, 42)]``; the
            last one may be None: as long as the exposure lasts. Or first days alone, as ``[0, 15]``: each
            window goes on to the next, the last to the exposure's end (R's expogrp). A mapping by name says
            something else of each exposure.
        age_breaks: the first day of age of each group but the first.
        season: True for calendar months, or the months in which seasons begin, as ``(3, 6, 9, 12)``.
        washout: days after risk has ended that are compared apart: a number of days, pairs counted from 1,
            or R's first days with the last day at the end, as ``[1, 92, 182]``; by name where that differs.
        common_effect: whether all exposures of a name have the same effect; else each dose its own.
        conf_level: coverage of the limits.

    Returns:
        Terms are named as in R's SCCS: mmr1, mmr2, ... (windows, then washout, dose by dose), age2, season2.
        Age groups and seasons that nobody was observed in have none.

    Raises:
        MethodError: missing or wrong days, overlapping windows, no days in a window, and coefficients that
            are infinite upwards or not determined.
    """
    check_level(conf_level)
    people = read_cases(cases, birth)
    exposed = read_exposures(exposures, people.people, dated=people.dated).of_periods(people)
    names = sorted(set(exposed.name))
    windows, after = by_exposure(risk_windows, names, "risk_windows"), by_exposure(washout, names, "washout")
    plans = {name: plan(windows[name], after[name], name) for name in names}  # type: ignore[arg-type]
    _ends(plans, ended=exposed.ended)
    calendar = Calendar.of(people)
    changed = {
        name: changes(exposed, name, plans[name], calendar, by_dose=not common_effect) for name in names
    }
    ages, (months, starts) = _age_breaks(age_breaks, people), _seasons(season, people)
    rows = split(people, calendar, list(changed.values()), ages, starts)
    factors = [_exposure(name, plans[name], changed[name], rows, calendar) for name in names]
    touched = np.any([factor.level > 0 for factor in factors], axis=0)
    if people.to_age is not None and ages.size:
        age = np.searchsorted(ages, rows.first + people.to_age[rows.period], "right")
        factors.append(_group("age", age, ages.size + 1))
    if people.to_calendar is not None and starts.size:
        place = np.searchsorted(starts, rows.first + people.to_calendar[rows.period], "right") - 1
        factors.append(_group("season", months[place], int(months.max()) + 1))
    _distinct(factors)
    at = np.searchsorted(rows.key, calendar.key(people.period, people.event), "right") - 1
    events = np.bincount(at, minlength=rows.key.size)
    found = fit(rows.period, rows.days, events, factors)
    return CaseSeries(
        coef=pd.Series(found.coef, index=pd.Index(found.terms, name="term"), name="coef"),
        variance=found.variance,
        loglik=found.loglik,
        loglik_null=found.loglik_null,
        periods=_periods(found, factors, events, rows.days),
        infinite=dict.fromkeys(found.infinite, "minus infinity: no event falls on its days"),
        persons=len(people.people),
        events=people.event.size,
        rows=rows.key.size,
        repeated=people.repeated,
        exposed=np.unique(people.person[rows.period[touched]]).size,
        conf_level=conf_level,
        _score=found.score,
    )


def _ends(plans: Mapping[str, Plan], *, ended: bool) -> None:
    lasting = [name for name, own in plans.items() if own.last is None]
    if lasting and not ended:
        raise MethodError(
            f"risk_windows of {', '.join(lasting)} go on to the exposure's end, but exposures have no column "
            "end: add it, or give windows as pairs of first and last day"
        )


def _exposure(name: str, own: Plan, changed: Changes, rows: Rows, calendar: Calendar) -> Factor:
    level = changed.at(rows.key, calendar)
    there = np.bincount(level, minlength=own.levels + 1) > 0
    size = max(there.size, own.levels + 1)
    absent = [f"{name}{i}" for i in range(1, size) if not there[i]]
    # Of doses that few persons get, a late window may lie outside everybody's observation.
    if absent and (size == own.levels + 1 or not there[1:].any()):
        raise MethodError(
            f"no case is observed on the days of {', '.join(absent)}: leave the window out, or merge it"
        )
    terms = tuple(f"{name}{i}" if i and there[i] else None for i in range(size))
    return Factor(terms, level)


def _group(name: str, level: Ints, size: int) -> Factor:
    """A factor whose reference is the first level that anybody was observed in."""
    there = np.bincount(level, minlength=size) > 0
    first = int(np.argmax(there))
    return Factor(tuple(f"{name}{i + 1}" if there[i] and i != first else None for i in range(size)), level)


def _distinct(factors: Sequence[Factor]) -> None:
    terms = [term for factor in factors for term in factor.terms if term is not None]
    twice = sorted({term for term in terms if terms.count(term) > 1})
    if twice:
        raise MethodError(f"exposures: names give two terms called {', '.join(twice)}: rename one of them")


def _age_breaks(breaks: Sequence[int] | None, cases: Cases) -> Ints:
    if breaks is None:
        return np.empty(0, dtype=np.int64)
    if cases.to_age is None:
        raise MethodError("age_breaks: ages aren't known: give birth")
    found = np.asarray(breaks)
    if found.ndim != 1 or not found.size or not np.issubdtype(found.dtype, np.number):
        raise MethodError("age_breaks: give the first day of each age group but the first, as [427, 488]")
    if (found != np.round(found)).any() or (np.diff(found) <= 0).any():
        raise MethodError("age_breaks: give whole days, each later than the one before")
    return found.astype(np.int64)


def _seasons(season: bool | Sequence[int], cases: Cases) -> tuple[Ints, Ints]:
    """The season (from 0) that begins at each of some days since 1970-01-01, and those days."""
    empty = np.empty(0, dtype=np.int64)
    if season is False:
        return empty, empty
    if cases.to_calendar is None:
        raise MethodError("season: days are ages, of which the calendar isn't known: give birth as dates")
    begin = list(range(1, 13)) if season is True else [int(month) for month in season]
    if len(begin) < 2 or sorted(set(begin)) != begin or begin[0] < 1 or begin[-1] > 12:
        raise MethodError("season: give True, or at least two months from 1 to 12 in order")
    first = int((cases.start + cases.to_calendar).min())
    last = int((cases.end + cases.to_calendar).max())
    low, high = (np.datetime64(day, "D").astype("datetime64[Y]") for day in (first, last))
    months = np.arange(low - 1, high + 1).astype("datetime64[M]")[:, None] + (np.array(begin) - 1)
    starts = months.astype("datetime64[D]").astype(np.int64).ravel()
    return np.tile(np.arange(len(begin)), months.shape[0]), starts


def _periods(found: Fit, factors: Sequence[Factor], events: Ints, days: Ints) -> pd.DataFrame:
    columns: dict[str, list[int]] = {"events": [], "days": []}
    for factor in factors:
        named = [i for i, term in enumerate(factor.terms) if term is not None]
        for name, values in (("events", events), ("days", days)):
            sums = np.bincount(factor.level, values, len(factor.terms))
            columns[name] += [int(sums[i]) for i in named]
    return pd.DataFrame(columns, index=pd.Index(found.terms, name="term"))
