"""Features drawn at random: reductions, windows that hang on other dates, arithmetic and choices."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import reject
from hypothesis import strategies as st

import sundbench as sb
from sundbench.errors import StudyError

DAY_0 = date(2012, 2, 1)

days = st.integers(-40, 80).map(lambda n: DAY_0 + timedelta(days=n))
lengths = st.integers(1, 60)
closed = st.sampled_from(["both", "left", "right", "none"])

NAMED = ("packages", "price", "value", "days", "contacts", "services", "fee")
"""Values that the registers drawn have."""

VALUES = ("sum", "mean", "latest", "first_value", "min", "max")


def made(make):
    """What a builder makes; windows that no day lies in are refused, and not drawn."""
    try:
        return make()
    except StudyError as error:
        if "ends before it begins" not in str(error):
            raise
        reject()


@st.composite
def backwards(draw, events):
    """An event in a window before the index day."""
    event, n = draw(events), draw(lengths)
    match draw(st.integers(0, 3)):
        case 0:
            return event.before(days=n, index_day=draw(st.booleans()))
        case 1:
            return event.before()
        case 2:
            last = draw(st.integers(0, 20))
            return event.between(-n - last - 1, -last, closed=draw(closed))
    first = DAY_0 - timedelta(days=n)
    return event.between(first, first + timedelta(days=draw(st.integers(0, n))))


@st.composite
def forwards(draw, events):
    """An event in a window that may reach past the index day."""
    event, n, m = draw(events), draw(st.integers(0, 20)), draw(lengths)
    match draw(st.integers(0, 3)):
        case 0:
            return event.after(days=m)
        case 1:
            return event.after()
        case 2:
            return event.between(n - 5, n + m)
    one, other = draw(days), draw(days)
    return event.between(min(one, other), max(one, other))


@st.composite
def dates(draw, occurrences):
    """A date made of an event."""
    happened = draw(occurrences)
    n = draw(st.sampled_from([1, 2, 3, -1, -2]))
    return draw(st.sampled_from([happened.first(), happened.last(), happened.nth(n)]))


@st.composite
def anchors(draw, events, depth):
    """A date at or before the index day, of a window that hangs on others to some depth."""
    one = draw(dates(hung(events, depth - 1) if depth else backwards(events)))
    match draw(st.integers(0, 7)):
        case 0:
            return one - draw(st.integers(0, 9))
        case 1:
            other = draw(dates(backwards(events)))
            return sb.case((sb.age() >= draw(st.integers(0, 90)), one), otherwise=other)
        case 2:
            return sb.max_of(one, draw(dates(backwards(events))))
        case 3:
            return sb.min_of(one, draw(dates(backwards(events))), DAY_0)
        case 4:
            return one.fill(sb.index_date())
        case 5:
            return sb.index_date() - draw(lengths)
    return one


@st.composite
def hung(draw, events, depth):
    """An event in a window that hangs on such a date, and doesn't reach past the index day."""
    event, of, n, how = draw(events), draw(anchors(events, depth)), draw(lengths), draw(closed)
    match draw(st.integers(0, 5)):
        case 0:
            return event.before(days=n, index_day=draw(st.booleans()), of=of)
        case 1:
            return event.between(of, -1, closed=how)
        case 2:
            return event.between(of, sb.index_date(), closed=how)
        case 3:
            other = draw(anchors(events, 0))
            return made(lambda: event.between(of, other, closed=how))
        case 4:
            return event.between(draw(st.sampled_from([-n - 2, None])), 0, closed=how, of=of)
    return event.between(draw(st.sampled_from([None, DAY_0])), of, closed=how)


@st.composite
def reductions(draw, occurrences):
    """One value a person."""
    happened = draw(occurrences)
    hows = ["any", "days_since", "first", "last", "nth"]
    hows += [] if any(part.uncountable for part in happened.event.parts) else ["count"]
    hows += ["distinct"] if all(hasattr(part, "codes") for part in happened.event.parts) else []
    hows += VALUES if happened.event.value is not None else []
    how = draw(st.sampled_from(hows))
    if how == "nth":
        return happened.nth(draw(st.sampled_from([1, 2, 3, -1, -2])))
    if how not in VALUES:
        return getattr(happened, how)()
    names = [name for name in NAMED if name in happened.event.values]
    return getattr(happened, how)(draw(st.sampled_from([None, *names])))


@st.composite
def reckoned(draw, features, events):
    """A feature in arithmetic and choices."""
    feature = draw(features)
    happened = draw(events).before()
    uncountable = any(part.uncountable for part in happened.event.parts)
    count = happened.distinct() if uncountable else happened.count()
    made_of = {
        "date": [
            lambda: feature + 3,
            lambda: count + feature,
            lambda: sb.index_date() - feature,
            lambda: feature - DAY_0,
            lambda: sb.years_between(feature, sb.index_date()),
            lambda: sb.years_between(date(2000, 2, 29), feature),
            lambda: sb.max_of(feature, DAY_0),
        ],
        "int": [
            lambda: feature + 1,
            lambda: 2 - feature,
            lambda: feature * feature,
            lambda: feature / count,
            lambda: 7 / feature,
            lambda: feature.fill(-1),
            lambda: feature.fill(0.5),
            lambda: sb.max_of(feature, 2, sb.age() - 40),
            lambda: sb.min_of(feature, count),
        ],
        "text": [
            lambda: feature.fill("unknown"),
            lambda: sb.case((feature == feature.labels[0], "a")),
            lambda: sb.case((count > 0, feature), otherwise="none"),
        ],
        "bool": [
            lambda: sb.case((feature, 1), (sb.sex() == "male", 2.5), otherwise=None),
            lambda: sb.case((feature, DAY_0), (sb.age() < 40, sb.index_date())),
            lambda: feature.fill(value=True),
        ],
    }
    kind = "int" if feature.kind == "float" else feature.kind
    return draw(st.sampled_from(made_of[kind]))()
