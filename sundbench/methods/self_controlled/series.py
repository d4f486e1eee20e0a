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

from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Floats, Frame
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.self_controlled.cases import read_cases
from sundbench.methods.self_controlled.design import Ages, Design, design
from sundbench.methods.self_controlled.event_ages import EventAges
from sundbench.methods.self_controlled.fitting import Fit, fit
from sundbench.methods.self_controlled.windows import Washout, Windows
from sundbench.methods.survival.follow_up import check_level


@dataclass(frozen=True)
class CaseSeries:
    """A fitted self-controlled case series.

    Attributes:
        coef: logarithms of the rate ratios by term.
        variance: their covariance, the inverse of the information; NaN where a coefficient is infinite.
        loglik, loglik_null: the conditional log likelihood of the events' days, and that without any effect;
            models of the same cases can be compared.
        periods: by term, how many events and days (of persons) its days hold; with semiparametric age, days
            at event ages.
        infinite: a reason by term, where a coefficient is infinite.
        persons, events, rows: how many there are; rows are pieces of observation periods.
        repeated: rows of cases that said again what another row had said; they count once.
        exposed: persons with days in a risk window or washout.
        conf_level: of the limits.
        ages: with semiparametric age, by event age: events, the age's rr, and the age that it is compared
            with; NaN where it can't be compared with any other. Ages aren't among the terms.
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
    ages: pd.DataFrame | None
    _fit: Fit = field(repr=False)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, rr, lower, upper (the limits are the rate ratio's)."""
        names = self.coef.index.to_list()
        return ratio_table(names, self.coef.to_numpy(), self.variance, ratio="rr", conf_level=self.conf_level)

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Of all coefficients at once, indexed by likelihood ratio, wald and score: statistic, df, p_value.

        Semiparametric ages are coefficients too. Wald and score tests leave out terms that are infinite.
        """
        finite = np.isfinite(self._fit.coef)
        beta = self._fit.coef[finite]
        wald = float(beta @ np.linalg.solve(self._fit.variance[np.ix_(finite, finite)], beta))
        statistic = np.array([2 * (self.loglik - self.loglik_null), wald, self._fit.score])
        df = np.array([finite.size, finite.sum(), finite.sum()])
        index = pd.Index(["likelihood ratio", "wald", "score"], name="test")
        p_value = chi2.sf(statistic, df)
        return pd.DataFrame({"statistic": statistic, "df": df, "p_value": p_value}, index=index)


@kinds_checked
def sccs(
    cases: Frame,
    exposures: Frame,
    *,
    birth: str | ArrayLike | None = None,
    risk_windows: Windows | Mapping[str, Windows],
    age_breaks: Ages = None,
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
        age_breaks: the first day of age of each group but the first; or ``semiparametric``: an effect
            for each day of age at which there are events, so that no shape of the age effect is supposed.
        season: True for calendar months, or the months in which seasons begin, as ``(3, 6, 9, 12)``.
        washout: days after risk has ended that are compared apart: a number of days, pairs counted from 1,
            or R's first days with the last day at the end, as ``[1, 92, 182]``; by name where that differs.
        common_effect: whether all exposures of a name have the same effect; else each dose its own.
        conf_level: coverage of the limits.

    Returns:
        Terms are named as in R's SCCS: mmr1, mmr2, ... (windows, then washout, dose by dose), age2, season2.
        Age groups and seasons that nobody was observed in have none.

    Raises:
        MethodError: missing or wrong days, overlapping windows, no days in a window, and coefficients of
            which none is finite, or that aren't determined.
    """
    check_level(conf_level)
    people = read_cases(cases, birth)
    made = design(
        people,
        exposures,
        risk_windows=risk_windows,
        age_breaks=age_breaks,
        season=season,
        washout=washout,
        common_effect=common_effect,
    )
    found = fit(made.stratum, made.rows.days, made.events, made.factors)
    nuisance = set() if made.ages is None else set(made.ages.factor.terms)
    shown = [i for i, term in enumerate(found.terms) if term not in nuisance]
    return CaseSeries(
        coef=pd.Series(found.coef, index=pd.Index(found.terms, name="term"), name="coef").iloc[shown],
        variance=found.variance[np.ix_(shown, shown)],
        loglik=found.loglik,
        loglik_null=found.loglik_null,
        periods=_periods(made).iloc[shown],
        infinite={term: reason for term, reason in found.infinite.items() if term not in nuisance},
        persons=len(people.people),
        events=people.event.size,
        rows=made.rows.key.size,
        repeated=people.repeated,
        exposed=int(np.bincount(people.person[made.rows.period], made.exposed).astype(bool).sum()),
        conf_level=conf_level,
        ages=None if made.ages is None else _ages(made.ages, found),
        _fit=found,
    )


def _periods(made: Design) -> pd.DataFrame:
    columns: dict[str, list[int]] = {"events": [], "days": []}
    names = []
    for factor in made.factors:
        named = [i for i, term in enumerate(factor.terms) if term is not None]
        names += [factor.terms[i] for i in named]
        for name, values in (("events", made.events), ("days", made.rows.days)):
            sums = np.bincount(factor.level, values, len(factor.terms))
            columns[name] += [int(sums[i]) for i in named]
    return pd.DataFrame(columns, index=pd.Index(names, name="term"))


def _ages(own: EventAges, found: Fit) -> pd.DataFrame:
    ratio = dict(zip(found.terms, np.exp(found.coef), strict=True))
    rr = [1.0 if term is None else ratio[term] for term in own.factor.terms]
    seen = np.bincount(own.level, minlength=own.ages.size) > 0
    columns = {"events": own.count, "rr": np.where(seen, rr, np.nan), "reference": own.ages[own.reference]}
    return pd.DataFrame(columns, index=pd.Index(own.ages, name="age"))
