"""From cases and exposures to rows with factors: what every model of a case series is fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sundbench.errors import MethodError
from sundbench.methods.inputs import Bools, Frame
from sundbench.methods.self_controlled.cases import Cases
from sundbench.methods.self_controlled.conditional_poisson import Factor
from sundbench.methods.self_controlled.days import Ints
from sundbench.methods.self_controlled.event_ages import EventAges, at_event_ages
from sundbench.methods.self_controlled.exposures import read_exposures
from sundbench.methods.self_controlled.splitting import Calendar, Changes, Rows, changes, split
from sundbench.methods.self_controlled.time_groups import age_groups, age_starts, season_starts, seasons
from sundbench.methods.self_controlled.windows import Plan, Washout, Windows, by_exposure, plan

Ages = Sequence[int] | Literal["semiparametric"] | None


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


def _distinct(factors: Sequence[Factor]) -> None:
    terms = [term for factor in factors for term in factor.terms if term is not None]
    twice = sorted({term for term in terms if terms.count(term) > 1})
    if twice:
        raise MethodError(f"exposures: names give two terms called {', '.join(twice)}: rename one of them")


@dataclass(frozen=True)
class Design:
    """Rows and factors.

    Attributes:
        cases: the observation periods.
        calendar: their keys.
        rows: pieces of the periods within which nothing changes, or days at event ages.
        stratum: of each row; rows are in their order.
        events: how many fall on each row.
        factors: exposures by name, then age, then season.
        ages: the event ages, where age is semiparametric.
        exposed: whether a row lies in a risk window or washout.
    """

    cases: Cases
    calendar: Calendar
    rows: Rows
    stratum: Ints
    events: Ints
    factors: tuple[Factor, ...]
    ages: EventAges | None
    exposed: Bools


def design(
    people: Cases,
    exposures: Frame,
    *,
    risk_windows: Windows | Mapping[str, Windows],
    age_breaks: Ages,
    season: bool | Sequence[int],
    washout: Washout | Mapping[str, Washout] | None,
    common_effect: bool,
) -> Design:
    """Read what ``sccs`` is given besides cases, and cut their observation into rows."""
    exposed = read_exposures(exposures, people.people, dated=people.dated).of_periods(people)
    names = sorted(set(exposed.name))
    windows, after = by_exposure(risk_windows, names, "risk_windows"), by_exposure(washout, names, "washout")
    plans = {name: plan(windows[name], after[name], name) for name in names}  # type: ignore[arg-type]
    _ends(plans, ended=exposed.ended)
    calendar = Calendar.of(people)
    changed = {
        name: changes(exposed, name, plans[name], calendar, by_dose=not common_effect) for name in names
    }
    begin = season_starts(season, people)
    ages = None
    if isinstance(age_breaks, str):
        if age_breaks != "semiparametric":
            raise MethodError(f"age_breaks {age_breaks}: give days of age, or semiparametric")
        ages = at_event_ages(people, calendar)
        rows, stratum, events, grown = ages.rows, ages.stratum, ages.events, [ages.factor]
    else:
        breaks = age_starts(age_breaks, people)
        rows = split(people, calendar, list(changed.values()), breaks, begin[1])
        stratum = rows.period
        at = np.searchsorted(rows.key, calendar.key(people.period, people.event), "right") - 1
        events = np.bincount(at, minlength=rows.key.size)
        grown = age_groups(people, rows.period, rows.first, breaks, events)
    factors = [_exposure(name, plans[name], changed[name], rows, calendar) for name in names]
    touched = np.any([factor.level > 0 for factor in factors], axis=0)
    factors += [*grown, *seasons(people, rows.period, rows.first, begin, events)]
    _distinct(factors)
    return Design(
        cases=people,
        calendar=calendar,
        rows=rows,
        stratum=stratum,
        events=events,
        factors=tuple(factors),
        ages=ages,
        exposed=touched,
    )
