"""Case series where an event may change later exposure: after a fracture the medicine isn't given any more.

Source: Farrington, Whitaker and Hocine, Biostatistics 2009;10:3. Exposures after the event are not used, as
if none were possible. What would have happened without them is counted instead: each person is followed to
the end of observation from every exposure on, as if no other had come (and once as if there had been none).
An event in the risk window of a later exposure stands there for as many as would have come without it, that
is exp(-coefficient). These are estimating equations, no likelihood; the variance is a sandwich by person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sundbench.errors import MethodError
from sundbench.methods.arguments import kinds_checked
from sundbench.methods.inputs import Bools, Floats, Frame
from sundbench.methods.rates.tables import ratio_table
from sundbench.methods.self_controlled.cases import Cases, read_cases
from sundbench.methods.self_controlled.conditional_poisson import ConditionalPoisson, Factor
from sundbench.methods.self_controlled.days import Ints
from sundbench.methods.self_controlled.exposures import Exposures, read_exposures
from sundbench.methods.self_controlled.splitting import Calendar, Rows, changes, split
from sundbench.methods.self_controlled.time_groups import age_groups, age_starts, season_starts, seasons
from sundbench.methods.self_controlled.windows import Plan, Windows, plan
from sundbench.methods.survival.follow_up import check_level

_ITERATIONS = 100
_DONE = 1e-10
_FAR = 20.0


@dataclass(frozen=True)
class EventDependentExposure:
    """A case series fitted without exposures after the event.

    Attributes:
        coef: logarithms of the rate ratios by term.
        variance: their covariance, the sandwich by person.
        infinite: a reason by term, where a coefficient is infinite.
        persons: each with the first event.
        later_events: events after a person's first, which are left out.
        later_exposures: exposures that begin after the event, which are left out.
        conf_level: of the limits.
    """

    coef: pd.Series
    variance: Floats = field(repr=False)
    infinite: dict[str, str]
    persons: int
    later_events: int
    later_exposures: int
    conf_level: float

    @cached_property
    def table(self) -> pd.DataFrame:
        """Indexed by term: coef, se, z, p_value, rr, lower, upper (the limits are the rate ratio's)."""
        names = self.coef.index.to_list()
        return ratio_table(names, self.coef.to_numpy(), self.variance, ratio="rr", conf_level=self.conf_level)


@dataclass(frozen=True)
class _Stacks:
    """Persons as they would have gone on after each exposure, had no other come.

    Attributes:
        of: of each row, the stack, counted from 0.
        row: its row among the pieces of observation.
        exposure: its level.
        relieved: of each stack, the level of the exposure that its event is relieved of; 0 for none.
    """

    of: Ints
    row: Ints
    exposure: Ints
    relieved: Ints

    def rows(self, kept: Bools) -> _Stacks:
        """Some of the rows."""
        return replace(self, of=self.of[kept], row=self.row[kept], exposure=self.exposure[kept])


@kinds_checked
def sccs_event_dependent_exposure(
    cases: Frame,
    exposures: Frame,
    *,
    birth: str | ArrayLike | None = None,
    risk_windows: Windows,
    age_breaks: Sequence[int] | None = None,
    season: bool | Sequence[int] = False,
    common_effect: bool = True,
    conf_level: float = 0.95,
) -> EventDependentExposure:
    """Fit a case series of unique events after which exposure isn't as it would have been.

    Args:
        cases: as in ``sccs``; end is that which observation would have had without the event. Of a person's
            events the first counts.
        exposures: as in ``sccs``, of one name. Those that begin after the event are left out.
        birth: as in ``sccs``.
        risk_windows: as in ``sccs``, none before the exposure. Washout is one more window.
        age_breaks: the first day of age of each group but the first.
        season: as in ``sccs``.
        common_effect: whether all exposures have the same effect; else each dose its own.
        conf_level: coverage of the limits.

    Raises:
        MethodError: as ``sccs``; several names, windows before exposure, and equations without a solution.
    """
    check_level(conf_level)
    people, later_events = _first_events(read_cases(cases, birth))
    given = read_exposures(exposures, people.people, dated=people.dated).of_periods(people)
    exposed, later_exposures = _before_events(given, people)
    name = exposed.name[0]
    own, lead = _from_start(plan(risk_windows, None, f"exposure {name}"), ended=exposed.ended)
    calendar = Calendar.of(people)
    changed = changes(exposed, name, own, calendar, by_dose=True)
    breaks, begin = age_starts(age_breaks, people), season_starts(season, people)
    rows = split(people, calendar, [changed], breaks, begin[1])
    code = changed.at(rows.key, calendar)
    dose = -(-code // own.levels)
    window = np.where(dose > 0, code - (dose - 1) * own.levels - lead, 0)
    if not common_effect:
        window = np.where(window > 0, window + (dose - 1) * (own.levels - lead), 0)
    at = np.searchsorted(rows.key, calendar.key(people.period, people.event), "right") - 1
    stacks = _stacks(rows, dose, window, at[np.argsort(people.period)])
    happened = np.isin(stacks.row, at).astype(np.float64)
    period, first = rows.period[stacks.row], rows.first[stacks.row]
    factors = [
        _exposure(name, stacks.exposure),
        *age_groups(people, period, first, breaks, happened),
        *seasons(people, period, first, begin, happened),
    ]
    model = ConditionalPoisson(stacks.of, rows.days[stacks.row].astype(np.float64), happened, factors)
    person = people.person[period]
    lacking = model.totals(model.events) == 0
    solved, kept = model, np.ones(person.size, dtype=bool)
    if lacking.any():
        kept = (model.design[:, lacking].sum(axis=1) == 0)[model.pattern]
        gone = {term for term, true in zip(model.terms, lacking, strict=True) if true}
        solved = model.part(kept, gone)
    coef, variance = np.full(lacking.size, -np.inf), np.full((lacking.size, lacking.size), np.nan)
    finite = np.flatnonzero(~lacking)
    coef[finite], variance[np.ix_(finite, finite)] = _solve(solved, stacks.rows(kept), person[kept])
    terms = pd.Index(model.terms, name="term")
    return EventDependentExposure(
        coef=pd.Series(coef, index=terms, name="coef"),
        variance=variance,
        infinite=dict.fromkeys(terms[lacking], "minus infinity: no event falls on its days"),
        persons=people.event.size,
        later_events=later_events,
        later_exposures=later_exposures,
        conf_level=conf_level,
    )


def _first_events(cases: Cases) -> tuple[Cases, int]:
    """Each person's first event with its observation period, and how many others there were."""
    order = np.lexsort((cases.event, cases.person[cases.period]))
    first = order[np.unique(cases.person[cases.period][order], return_index=True)[1]]
    kept = cases.period[first]
    chosen = replace(
        cases,
        start=cases.start[kept],
        end=cases.end[kept],
        person=cases.person[kept],
        period=np.arange(kept.size),
        event=cases.event[first],
        to_age=None if cases.to_age is None else cases.to_age[kept],
        to_calendar=None if cases.to_calendar is None else cases.to_calendar[kept],
    )
    return chosen, cases.event.size - first.size


def _before_events(given: Exposures, people: Cases) -> tuple[Exposures, int]:
    """Exposures that begin up to the event's day, and how many begin later."""
    names = sorted(set(given.name))
    if len(names) > 1:
        raise MethodError(f"exposures are of {', '.join(names)}: give those of one name")
    kept = given.start <= people.event[given.of]
    if not kept.any():
        raise MethodError("exposures: all begin after the events: there is nothing to estimate")
    own = replace(
        given,
        of=given.of[kept],
        name=given.name[kept],
        start=given.start[kept],
        end=given.end[kept],
        dose=given.dose[kept],
    )
    return own, int((~kept).sum())


def _from_start(own: Plan, *, ended: bool) -> tuple[Plan, int]:
    """The windows with the days from the exposure to the first one as a level, and how many that adds."""
    if own.last is None and not ended:
        raise MethodError(
            "risk_windows go on to the exposure's end, but exposures have no column end: add it, or give "
            "windows as pairs of first and last day"
        )
    begin = own.from_start[0][0]
    if begin < 0:
        raise MethodError("risk_windows: windows before the exposure aren't possible here: begin with day 0")
    if begin == 0:
        return own, 0
    later = tuple((day, level + 1 if level else 0) for day, level in own.from_start)
    return replace(own, levels=own.levels + 1, from_start=((0, 1), *later)), 1


def _stacks(rows: Rows, dose: Ints, window: Ints, event: Ints) -> _Stacks:
    """Lay out the stacks: from each exposure's first day to the end, and the whole if it begins unexposed."""
    heads = np.flatnonzero(np.append(True, rows.period[1:] != rows.period[:-1]))
    ends = np.append(heads[1:], rows.period.size)
    begun = np.flatnonzero(dose > 0)
    most = int(dose.max()) + 1
    first = begun[np.unique(rows.period[begun] * most + dose[begun], return_index=True)[1]]
    unexposed = heads[dose[heads] == 0]
    start = np.concatenate((unexposed, first))
    which = np.concatenate((np.zeros(unexposed.size, dtype=np.int64), dose[first]))
    many = ends[rows.period[start]] - start
    of = np.repeat(np.arange(start.size), many)
    row = np.arange(of.size) - np.repeat(np.cumsum(many) - many - start, many)
    exposure = np.where((dose[row] == which[of]) & (which[of] > 0), window[row], 0)
    came = event[rows.period[start]]
    relieved = np.where(dose[came] > which, window[came], 0)
    return _Stacks(of, row, exposure, relieved)


def _exposure(name: str, level: Ints) -> Factor:
    there = np.bincount(level) > 0
    if not there[1:].any():
        raise MethodError(f"{name}: nobody is observed in a risk window up to the event: leave it out")
    return Factor(tuple(f"{name}{i}" if i and there[i] else None for i in range(there.size)), level)


def _solve(model: ConditionalPoisson, stacks: _Stacks, person: Ints) -> tuple[Floats, Floats]:
    """The solution of the estimating equations, by Newton's method, and its variance."""
    if not model.terms:
        raise MethodError("no events fall in any risk window: there is nothing to estimate")
    column = model.factors[0][0]
    beta = np.zeros(len(model.terms))
    residual, derivative = _equations(model, stacks, column, beta)
    for _ in range(_ITERATIONS):
        score = model.totals(residual)
        try:
            step = -np.linalg.solve(derivative, score)
        except np.linalg.LinAlgError:
            break
        if np.abs(step).max() < _DONE:
            scores = model.by_person(residual, person)
            bread = np.linalg.inv(derivative)
            return beta + step, bread @ (scores.T @ scores) @ bread.T
        step *= min(1.0, 1.0 / np.abs(step).max())
        beta = beta + step
        residual, derivative = _equations(model, stacks, column, beta)
        if np.abs(beta).max() > _FAR:
            break
    raise MethodError(
        "the equations have no finite solution: too few events on some days, or terms that follow from "
        "others; merge windows or groups"
    )


def _equations(
    model: ConditionalPoisson, stacks: _Stacks, column: Ints, beta: Floats
) -> tuple[Floats, Floats]:
    """Each row's events less those expected, and the derivative of their totals by coefficient."""
    place = column[stacks.relieved]
    relief = np.where(place >= 0, np.exp(-beta[place]), 1.0)
    weighted = model.with_events(model.events * relief[stacks.of])
    _, share, expected = weighted.at(beta)
    residual = weighted.events - expected
    derivative = -weighted.information(share, expected)
    for term in np.unique(place[place >= 0]):
        derivative[:, term] -= model.totals(np.where(place[stacks.of] == term, residual, 0.0))
    return residual, derivative
