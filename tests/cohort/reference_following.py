"""Follow-up, outcomes, exposure and pieces of follow-up, day by day over one person: slow and obvious.

Shares nothing with the engine but the protocol's dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from reference import Happening, Person, days, is_of
from slow_episodes import episodes as slow_episodes

from sundbench.cohort.events.event import Event
from sundbench.cohort.events.vital import Death
from sundbench.cohort.following.exposures import Exposure
from sundbench.cohort.following.outcomes import Outcome
from sundbench.cohort.study import Study

ONE = timedelta(days=1)
ValueOf = Callable[[Any, Person, date], Any]


def supply_days(rules: Any, happening: Happening) -> int:
    """How long a dispensing lasts; the tests draw fixed days alone."""
    supply = rules.supply
    each = dict(happening.values)["packages"] if supply.each == "package" else 1
    return max(1, int(supply.number * (each or 0) + 0.5))


def treated(person: Person, event: Event, rules: Any, since: date | None = None) -> list[tuple[date, date]]:
    """First and last day of each episode."""
    bought = [
        (h.date.toordinal(), supply_days(rules, h), "")
        for h in person.life
        if is_of(event, h, person.life) and (since is None or h.date >= since)
    ]
    found = slow_episodes(bought, rules)
    return [(date.fromordinal(one.start), date.fromordinal(one.end)) for one in found]


def treatment_ends(study: Study, person: Person, drug: str, index: date) -> list[date]:
    """When follow-up on treatment ends: with the first episode and the lag, or by switching."""
    treatment = study.follow_up.on_treatment
    if treatment is None:
        return []
    drugs = dict(study.population.drugs)
    first = treated(person, drugs[drug], treatment.rules, since=index)[0]
    ends = [first[1] + timedelta(days=treatment.lag_days)]
    if treatment.switching:
        ends += [
            h.date
            for h in person.life
            if h.date > index
            and not is_of(drugs[drug], h, person.life)
            and any(is_of(event, h, person.life) for name, event in drugs.items() if name != drug)
        ]
    return ends


def follow(
    study: Study, person: Person, drug: str, index: date, until: date, value_of: ValueOf
) -> tuple[int, dict[str, Any] | None]:
    """How many of follow-up's steps a person passes, and their columns."""
    follow_up = study.follow_up
    start = index + timedelta(days=follow_up.start_day)
    if follow_up.start is not None:
        start = value_of(follow_up.start, person, index)
        if start is None:
            return 0, None
        start = max(start, index)
    ends = [until, *treatment_ends(study, person, drug, index)]
    if follow_up.max_days is not None:
        ends.append(index + timedelta(days=follow_up.max_days))
    for event in follow_up.until:
        for part in event.parts:
            ends += [d for d in days(person, part) if d >= index or isinstance(part, Death)]
    if follow_up.crossover:
        others = [event for name, event in study.population.drugs if name != drug]
        ends += [d for event in others for d in days(person, event) if d > index]
    end = min(ends)
    if end <= start:
        return 0, None
    delayed = follow_up.start_day > 0 or follow_up.start is not None
    if delayed and follow_up.earlier_outcomes == "drop":
        sought = [event for outcome in study.endpoints.values() for event in outcome.events]
        if any(index < d <= start for event in sought for d in days(person, event)):
            return 1, None
    found: dict[str, Any] = {}
    for name, outcome in study.endpoints.items():
        found |= of_outcome(name, outcome, person, index, start, end)
        if delayed:
            found[f"{name}_entry"] = (start - index).days
    if delayed:
        found["start"] = start
    return 2, found | {"end": end}


def of_outcome(
    name: str, outcome: Outcome, person: Person, index: date, start: date, end: date
) -> dict[str, Any]:
    """An outcome's columns."""
    time, cause = end, 0
    for day in days_from(start, end):
        happened = [place for place, event in enumerate(outcome.events, 1) if day in days(person, event)]
        if happened:
            time, cause = day, happened[0]
            break
    found = {f"{name}_time": (time - index).days, f"{name}_event": cause == 1}
    if outcome.competing:
        found[f"{name}_cause"] = cause
    if outcome.recurrent:
        found[f"{name}_count"] = len(counted(outcome, person, start, end))
    return found


def counted(outcome: Outcome, person: Person, start: date, end: date) -> list[date]:
    """The days on which a recurrent outcome counts."""
    found: list[date] = []
    for day in days(person, outcome.event):
        if start < day <= end and (not found or (day - found[-1]).days > outcome.gap_days):
            found.append(day)
    return found


def days_from(start: date, end: date) -> Iterator[date]:
    """The days of follow-up: from the day after its start to its end."""
    day = start + ONE
    while day <= end:
        yield day
        day += ONE


def state(exposure: Exposure, person: Person, day: date) -> str:
    """What a person is on a day."""
    begun = [one for one in treated(person, exposure.event, exposure.rules) if one[0] < day]
    if not begun:
        return "never"
    since = (day - begun[-1][1]).days - exposure.lag_days
    return "current" if since <= 0 else "recent" if since <= exposure.recent_days else "past"


def runs(labels: list[tuple[date, Any]], index: date) -> list[tuple[int, int, Any]]:
    """Runs of days that agree: the day before the first, the last, and what they agree in."""
    found = []
    for label, run in groupby(labels, key=lambda one: one[1]):
        of_run = [day for day, _ in run]
        found.append(((of_run[0] - index).days - 1, (of_run[-1] - index).days, label))
    return found


def exposed(study: Study, name: str, person: Person, row: dict[str, Any]) -> list[tuple[int, int, Any]]:
    """An exposure's intervals."""
    followed = days_from(row.get("start", row["index"]), row["end"])
    return runs([(day, state(study.exposures[name], person, day)) for day in followed], row["index"])


def age_on(day: date, born: date) -> int:
    """Birthdays passed."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def pieces(
    study: Study,
    person: Person,
    row: dict[str, Any],
    outcome: str | None,
    *,
    age: list[int],
    calendar: list[date],
    since_entry: list[int],
    exposures: list[str],
) -> list[tuple[Any, ...]]:
    """Pieces of follow-up: start, stop, bands by number, states, whether and of what cause they end."""
    index, start, end = row["index"], row.get("start", row["index"]), row["end"]
    again: list[date] = []
    if outcome is not None:
        if study.endpoints[outcome].recurrent:
            again = counted(study.endpoints[outcome], person, start, end)
        else:
            end = index + timedelta(days=row[f"{outcome}_time"])
    labels = []
    for day in days_from(start, end):
        since = (day - index).days
        label = (
            sum(age_on(day, person.born) >= cut for cut in age),
            sum(day >= cut for cut in calendar),
            sum(since > cut for cut in since_entry),
            tuple(state(study.exposures[name], person, day) for name in exposures),
            sum(day > event for event in again),
        )
        labels.append((day, label))
    found = []
    for begins, stops, label in runs(labels, index):
        ends: tuple[Any, ...] = ()
        if again or (outcome is not None and study.endpoints[outcome].recurrent):
            ends = (index + timedelta(days=stops) in again,)
        elif outcome is not None:
            last = stops == row[f"{outcome}_time"]
            by = "cause" if study.endpoints[outcome].competing else "event"
            ends = (last * row[f"{outcome}_{by}"],)
        found.append((begins, stops, *label[:4], *ends))
    return found
