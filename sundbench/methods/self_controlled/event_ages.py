"""Rows for an age effect of any shape: the days of age at which events occur at all.

Farrington and Whitaker (J R Stat Soc C 2006;55:553) leave the age effect unspecified; its estimate then has
mass at event ages alone, and a person's observation period shrinks to those of them that it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sundbench.errors import MethodError
from sundbench.methods.self_controlled.cases import Cases
from sundbench.methods.self_controlled.conditional_poisson import Factor
from sundbench.methods.self_controlled.days import Ints
from sundbench.methods.self_controlled.splitting import Calendar, Rows

_MOST = 50_000_000
"""Rows that are made; more would not fit in memory."""


@dataclass(frozen=True)
class EventAges:
    """What is compared where each event age has an effect of its own.

    Attributes:
        ages: the ages in days at which events occur.
        count: how many events do.
        rows: a row a period and event age in it, a day long.
        events: of each row.
        stratum: of each row: a period's rows whose ages can be compared.
        level: of each row, the place in ``ages``.
        reference: of each age, the first one that it is compared with.
    """

    ages: Ints
    count: Ints
    rows: Rows
    events: Ints
    stratum: Ints
    level: Ints
    reference: Ints

    @cached_property
    def factor(self) -> Factor:
        """A term for each age but those that others are compared with, as ``age 434``."""
        seen = np.bincount(self.level, minlength=self.ages.size) > 0
        own = seen & (self.reference != np.arange(self.ages.size))
        terms = tuple(f"age {age}" if true else None for age, true in zip(self.ages, own, strict=True))
        return Factor(terms, self.level)


def at_event_ages(cases: Cases, calendar: Calendar) -> EventAges:
    """Make the rows.

    Two ages can be compared if events at the one happened to persons who were also observed at the other,
    and the other way round, directly or through more ages. Otherwise their ratio is infinite, and the
    likelihood's limit is that of the comparable ages alone: rows of others are left out.

    Raises:
        MethodError: ages aren't known, there are too many rows, or no ages can be compared.
    """
    if cases.to_age is None:
        raise MethodError("age_breaks: ages aren't known: give birth")
    ages, at = np.unique(cases.event + cases.to_age[cases.period], return_inverse=True)
    low = np.searchsorted(ages, cases.start + cases.to_age, "left")
    many = np.searchsorted(ages, cases.end + cases.to_age, "right") - low
    if many.sum() > _MOST:
        raise MethodError(
            f"age_breaks: semiparametric age needs a row for each of {ages.size} event ages that a person is "
            f"observed at, {int(many.sum())} in all: give narrow age groups instead, such as a week each"
        )
    group = _comparable(at, low[cases.period], (low + many)[cases.period], ages.size)
    period = np.repeat(np.arange(low.size), many)
    head = np.cumsum(many) - many - low
    level = np.arange(period.size) - np.repeat(head, many)
    # A stratum is a period and a group of ages in which it has events.
    stratum = period * ages.size + group[level]
    kept = np.isin(stratum, cases.period * ages.size + group[at])
    _, place, many = np.unique(stratum[kept], return_inverse=True, return_counts=True)
    kept[kept] = many[place] > 1
    if not kept.any():
        raise MethodError("age_breaks: no two event ages can be compared: persons are observed at one alone")
    order = np.flatnonzero(kept)[np.argsort(stratum[kept], kind="stable")]
    events = np.bincount(head[cases.period] + at, minlength=period.size)[order]
    period, level = period[order], level[order]
    first = ages[level] - cases.to_age[period]
    rows = Rows(period, first, np.ones(order.size, dtype=np.int64), calendar.key(period, first))
    reference = np.full(ages.size, ages.size)
    np.minimum.at(reference, group, np.arange(ages.size))
    return EventAges(ages, np.bincount(at), rows, events, stratum[order], level, reference[group])


def _comparable(at: Ints, low: Ints, high: Ints, size: int) -> Ints:
    """Groups of ages: at each event's age, all ages from low to before high could have been it too."""
    first, last = np.full(size, size), np.zeros(size, dtype=np.int64)
    np.minimum.at(first, at, low)
    np.maximum.at(last, at, high)
    many = last - first
    heads = np.append(0, np.cumsum(many))
    others = np.arange(heads[-1]) - np.repeat(heads[:-1] - first, many)
    graph = csr_array((np.ones(others.size, dtype=np.int8), others, heads), shape=(size, size))
    return np.asarray(connected_components(graph, connection="strong")[1], dtype=np.int64)
