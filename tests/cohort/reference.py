"""A second, slow and obvious reading of a study protocol: plain Python over one person's events.

It shares nothing with the engine but the protocol's dataclasses. ``tests/cohort/test_semantics.py`` holds the
two equal over registers and studies drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from reference_events import Happening, coded, is_of

from sundbench.cohort.comorbidity.covariates import Comorbidity, OfConditions
from sundbench.cohort.events.event import Event
from sundbench.cohort.features import arithmetic as a
from sundbench.cohort.features import attributes
from sundbench.cohort.features import choices as c
from sundbench.cohort.features import feature as f
from sundbench.cohort.features.society import Education, OfYear
from sundbench.cohort.populations.new_users import NewUsers
from sundbench.cohort.spans import Edge, Span
from sundbench.cohort.study import Study
from sundbench.cohort.windows import Window


@dataclass(frozen=True)
class Person:
    """One person with all that happened; snapshots are (day, region), years (year, education, income)."""

    number: int
    born: date
    sex: str
    snapshots: tuple[tuple[date, str], ...]
    life: tuple[Happening, ...] = field(default=())
    years: tuple[tuple[int, str | None, int | None], ...] = field(default=())
    mother: int | None = None
    father: int | None = None


def days(person: Person, event: Event) -> list[date]:
    """The dates of an event, each once."""
    return sorted({h.date for h in person.life if is_of(event, h, person.life)})


def entry(
    study: Study, person: Person, population: NewUsers
) -> tuple[int, str | None, date | None, set[str]]:
    """How many steps of the population's rule a person passes, their drug, index day, and drugs started."""
    gets = {name: days(person, event) for name, event in population.drugs}
    if not any(gets.values()):
        return 0, None, None, set()
    within = {name: [d for d in got if study.first_day <= d <= study.last_day] for name, got in gets.items()}
    if not any(within.values()):
        return 1, None, None, {name for name, got in gets.items() if got}
    washed = days(person, population.washout)
    for day in sorted({d for got in within.values() for d in got}):
        free = not any(
            day - timedelta(days=population.washout_days) <= other <= day - timedelta(days=1)
            for other in washed
        )
        if free:
            started = [name for name, got in within.items() if day in got]
            if len(started) > 1 and population.same_day == "drop":
                return 3, None, day, set(started)
            return 4, started[0], day, set(started)
    return 2, None, None, {name for name, got in within.items() if got}


def end_of(edge: Edge, person: Person, index: date) -> date | None:
    """The day of an end of a window; None where what it hangs on is missing."""
    if edge.of is None:
        of = index
    else:
        of = edge.of if isinstance(edge.of, date) else value_of(edge.of, person, index)
    return None if of is None else of + timedelta(days=edge.days)


def inside(window: Any, day: date, index: date, person: Person) -> bool:
    """Whether a day is in a window."""
    if isinstance(window, Span):
        if window.first is not None:
            first = end_of(window.first, person, index)
            if first is None or day < first:
                return False
        if window.last is not None:
            last = end_of(window.last, person, index)
            if last is None or day > last:
                return False
        return True
    if not isinstance(window, Window):
        return window.first <= day <= window.last
    offset = (day - index).days
    return (window.first is None or offset >= window.first) and (window.last is None or offset <= window.last)


def value_of(feature: f.Feature, person: Person, index: date) -> Any:
    """A feature's value; None where it is missing."""
    if isinstance(feature, f.Reduction):
        return reduction(feature, person, index)
    if isinstance(feature, attributes.Age):
        had = (index.month, index.day) >= (person.born.month, person.born.day)
        return index.year - person.born.year - (not had)
    if isinstance(feature, attributes.Sex):
        return person.sex
    if isinstance(feature, attributes.Region):
        known = [(day, region) for day, region in person.snapshots if day <= index]
        return max(known)[1] if known else None
    if isinstance(feature, OfYear):
        return of_year(feature, person, index)
    if isinstance(feature, OfConditions):
        return comorbidity(feature, person, index)
    if isinstance(feature, a.IndexDate):
        return index
    if isinstance(feature, a.Arithmetic | a.YearsBetween | c.Case | c.Extreme | c.Fill):
        return reckoned(feature, person, index)
    return combined(feature, person, index)


def either(one: Any, person: Person, index: date) -> Any:
    """A constant, or a feature's value."""
    return value_of(one, person, index) if isinstance(one, f.Feature) else one


def reckoned(feature: f.Feature, person: Person, index: date) -> Any:
    """Arithmetic and choices."""
    if isinstance(feature, c.Case):
        for condition, value in feature.cases:
            if value_of(condition, person, index) is True:
                return either(value, person, index)
        return either(feature.otherwise, person, index)
    if isinstance(feature, c.Fill):
        value = value_of(feature.feature, person, index)
        return either(feature.value, person, index) if value is None else value
    if isinstance(feature, c.Extreme):
        known = [v for v in (either(one, person, index) for one in feature.values) if v is not None]
        if not known:
            return None
        return max(known) if feature.which == "max" else min(known)
    if isinstance(feature, a.YearsBetween):
        first, last = either(feature.first, person, index), either(feature.last, person, index)
        if first is None or last is None:
            return None
        years = last.year - first.year
        return years if (last.month, last.day) >= (first.month, first.day) else years - 1
    assert isinstance(feature, a.Arithmetic)
    left, right = either(feature.left, person, index), either(feature.right, person, index)
    if left is None or right is None:
        return None
    if isinstance(left, date) and isinstance(right, date):
        return (left - right).days
    if isinstance(left, date) or isinstance(right, date):
        left, right = (timedelta(days=one) if isinstance(one, int) else one for one in (left, right))
    if feature.sign == "/":
        return left / right if right else None
    return left + right if feature.sign == "+" else left - right if feature.sign == "-" else left * right


def of_year(feature: OfYear, person: Person, index: date) -> Any:
    """Education or income by the latest year that was over."""
    place = 1 if isinstance(feature, Education) else 2
    known = [(one[0], one[place]) for one in person.years if one[0] < index.year and one[place] is not None]
    if not known:
        return None
    value = max(known)[1]
    if not isinstance(feature, Education) or not feature.levels:
        return value
    return next((name for name, codes in feature.levels if coded(value, codes)), None)


def comorbidity(feature: OfConditions, person: Person, index: date) -> int | bool:
    """The score of the conditions that a person has, or whether they have one of them."""
    score = feature.score
    seen = {
        condition.name
        for condition in score.conditions
        for h in person.life
        if h.view == "diagnoses"
        and h.type in ("A", "B", "G")
        and h.code.startswith(condition.codes)
        and inside(score.window, h.date, index, person)
    }
    counts = [c for c in score.conditions if c.name in seen and not (score.hierarchy and c.graver in seen)]
    if isinstance(feature, Comorbidity):
        return sum(c.weight(score.weights) for c in counts)
    return feature.name in {c.name for c in counts}


def combined(feature: f.Feature, person: Person, index: date) -> Any:
    """A feature made of others, by the logic of three values."""
    parts = [value_of(part, person, index) for part in feature.parts]
    if isinstance(feature, f.Missing):
        return parts[0] is None
    if isinstance(feature, f.Combination):
        decisive = feature.operator == "or"
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if None in parts:
        return None
    if isinstance(feature, f.Negation):
        return not parts[0]
    if isinstance(feature, f.IsIn):
        return parts[0] in feature.values
    assert isinstance(feature, f.Comparison)
    left, right = parts[0], parts[1] if isinstance(feature.right, f.Feature) else feature.right
    return {
        "==": left == right,
        "!=": left != right,
        "<": left < right if left != right else False,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[feature.operator]


def reduction(feature: f.Reduction, person: Person, index: date) -> Any:
    """One value from what happened in a window."""
    happened = feature.occurrences
    there = [
        h
        for h in person.life
        if is_of(happened.event, h, person.life) and inside(happened.window, h.date, index, person)
    ]
    values = [(h.date, dict(h.values)[feature.value]) for h in there] if feature.value else []
    values = [(day, value) for day, value in values if value is not None]
    if feature.how == "any":
        return bool(there)
    if feature.how == "count":
        return len(there)
    if feature.how == "distinct":
        return len({h.code for h in there if h.code})
    if feature.how == "sum":
        return sum(value for _, value in values)
    if feature.how == "mean":
        return sum(value for _, value in values) / len(values) if values else None
    if feature.how == "latest":
        return max(values)[1] if values else None
    if feature.how == "first_value":
        return max(value for day, value in values if day == min(values)[0]) if values else None
    if feature.how in ("min", "max"):
        chosen = {"min": min, "max": max}[feature.how]
        return chosen((value for _, value in values), default=None)
    if not there:
        return None
    on = sorted({h.date for h in there})
    if feature.how == "nth":
        place = feature.n - 1 if feature.n > 0 else len(on) + feature.n
        return on[place] if 0 <= place < len(on) else None
    first, last = min(h.date for h in there), max(h.date for h in there)
    return {"first": first, "last": last, "days_since": (index - last).days}[feature.how]
