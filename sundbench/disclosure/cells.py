"""Rules on single cells: enough persons behind every number that is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted
from sundbench.disclosure.profile import Profile

_SHARE = re.compile(
    r"(^|[^a-zæøå])(share|proportion|percent|pct|prevalence|risk|mean|fraction|frequency|andel|procent)"
    r"([^a-zæøå]|$)",
    re.IGNORECASE,
)
"""Names of columns or rows that may be a count divided by the persons behind it."""

_RATE = re.compile(r"(^|[^a-zæøå])(rate|incidence|incidens|hyppighed|forekomst)([^a-zæøå]|$)", re.IGNORECASE)
_ODDS = re.compile(r"^odds$", re.IGNORECASE)
_PER = (1.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
"""What a rate may be given per."""

_EXTREME = re.compile(
    r"(^|[^a-zæøå])(min|max|minimum|maximum|range|median|quantile|percentile|quartile|decile|iqr|lowest|highest"
    r"|smallest|largest|oldest|youngest|mindste|største|laveste|højeste|percentil|kvartil|fraktil"
    r"|[pq]\d{1,3})([^a-zæøå]|$)",
    re.IGNORECASE,
)
"""Names of values that are one person's, unless enough persons share them."""

_MODEL = re.compile(
    r"^(coef|coefficient|beta|hr|or|rr|irr|odds_ratio|hazard_ratio|rate_ratio|risk_ratio)$", re.I
)


def small_counts(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Counts of 1 to threshold - 1, and what is no count at all."""
    least = profile.min_persons
    counted = output.card.having("persons")
    persons = output.behind(counted[0]) if len(counted) == 1 else None
    for column in output.card.having("persons", "events"):
        what = "persons" if output.card.columns[column].role == "persons" else "events"
        for row, count in enumerate(output.behind(column)):
            if count is None or count == 0:
                continue
            place = f"{output.place(row)}, {column}"
            everyone = persons[row] if what == "events" and persons is not None else None
            if everyone is not None and 0 < everyone - count < least:
                rule = (
                    f"{count:.0f} events of {everyone:.0f} persons leave {everyone - count:.0f} without one"
                )
                yield Finding(output.card.name, place, rule, "merge categories or leave the events out")
            if count < 0 or not float(count).is_integer():
                rule = f"{column} should count {what} and is no whole number"
                yield Finding(output.card.name, place, rule, "count whole persons; weighted sums are values")
            elif count < least:
                rule = f"{count:.0f} {what}, fewer than {least}"
                yield Finding(output.card.name, place, rule, "merge categories or use disclosure.suppress")


def thin_values(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Values that rest on too few persons or events, or on a number that nobody stated."""
    card, least = output.card, profile.min_persons
    if card.persons is not None and card.persons < least:
        rule = f"its values rest on {card.persons} persons, fewer than {least}"
        yield Finding(card.name, "", rule, "leave it out or widen the group")
    if card.events is not None and card.events < profile.min_events:
        rule = f"its values rest on {card.events} events, fewer than {profile.min_events}"
        yield Finding(card.name, "", rule, "leave it out or widen the outcome")
    for name in card.having("value"):
        behind = card.columns[name].persons
        if behind is None:
            if card.persons is None:
                rule = f"nothing says how many persons are behind {name}"
                yield Finding(card.name, name, rule, "give persons= when you write it")
            continue
        for row, (value, persons) in enumerate(zip(output.behind(name), output.behind(behind), strict=True)):
            if value is None:
                continue
            if persons is None or persons < least:
                seen = "a suppressed count" if persons is None else f"{persons:.0f} persons"
                rule = f"{name} is shown for {seen}, at least {least} are needed"
                yield Finding(
                    card.name, output.place(row), rule, "leave the value out (null) or merge groups"
                )


def shares(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Shares, rates and odds that give away a small count: 0.003 of 1,000 persons is 3 of them."""
    card, least = output.card, profile.min_persons
    rows = [
        " ".join(str(output.table[name][row]) for name in card.having("dimension"))
        for row in range(card.rows)
    ]
    for name in card.having("value"):
        column = card.columns[name]
        everyone = [card.persons] * card.rows if column.persons is None else output.behind(column.persons)
        for row, (value, persons) in enumerate(zip(output.behind(name), everyone, strict=True)):
            if value is None or not persons:
                continue
            for share in _as_shares(value, name, column.unit, rows[row]):
                count = share * persons
                whole = round(count)
                # A weighted share is hardly ever a whole number of persons; a plain one always is.
                if abs(count - whole) > 1e-6 * max(1.0, persons):
                    continue
                if 0 < whole < least or 0 < persons - whole < least:
                    rule = f"{name} of {persons:.0f} persons gives away a group of fewer than {least}"
                    remedy = "merge categories or leave the share out"
                    yield Finding(card.name, output.place(row), rule, remedy)
                    break


def _as_shares(value: float, name: str, unit: str | None, row: str) -> Iterator[float]:
    """What share of the persons a value may be, by what its column, unit or row is called."""
    if value <= 0:
        return
    if _ODDS.match(name):
        yield value / (1 + value)
    elif _RATE.search(name) or _RATE.search(row):
        yield from (value / per for per in _PER if value < per)
    elif unit in {"percent", "%"}:
        if value < 100:
            yield value / 100
    elif (_SHARE.search(name) or _SHARE.search(row) or unit == "share") and value < 1:
        yield value


def extremes(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Minimum, maximum, median and percentiles that too few persons hold; by column's or row's name."""
    card = output.card
    named = [
        any(_names_extreme(str(output.table[name][row])) for name in card.having("dimension"))
        for row in range(card.rows)
    ]
    for name in card.having("value"):
        column = card.columns[name]
        by_name = _EXTREME.search(name) is not None
        holders = output.behind(column.holders) if column.holders else [None] * card.rows
        for row, (value, held) in enumerate(zip(output.behind(name), holders, strict=True)):
            if value is None or not (by_name or named[row]):
                continue
            if held is None or held < profile.min_persons:
                rule = f"{name} may be a single person's value: {held or 0:.0f} persons are stated to hold it"
                remedy = f"leave it out, or give holders= (at least {profile.min_persons})"
                yield Finding(card.name, output.place(row), rule, remedy)


def _names_extreme(category: str) -> bool:
    # A longer text may well be about something else: "age above the median".
    return len(category.split()) <= 2 and _EXTREME.search(category) is not None


def freedom(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Models with too few residual degrees of freedom."""
    card = output.card
    if card.kind != "estimates":
        return
    fitted = card.parameters
    if fitted is None and any(_MODEL.match(name) for name in card.columns):
        fitted = card.rows
    if fitted is None:
        return
    if card.persons is not None:
        persons: float = card.persons
    else:
        counts = [
            count for name in card.having("persons") for count in output.behind(name) if count is not None
        ]
        persons = min(counts, default=math.inf)
    if persons - fitted < profile.min_df:
        rule = (
            f"{persons:.0f} persons less {fitted} parameters: fewer than {profile.min_df} degrees of freedom"
        )
        yield Finding(card.name, "", rule, "fit a smaller model")


def flow_charts(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Steps of a flow chart that differ by 1 to threshold - 1 persons."""
    card = output.card
    if not card.flow_chart:
        return
    step, *rest = card.having("dimension") or [""]
    for column in card.having("persons"):
        before: dict[tuple[object, ...], float] = {}
        for row, count in enumerate(output.behind(column)):
            if count is None:
                continue
            group = tuple(output.table[name][row] for name in rest)
            lost = before.get(group, count) - count
            place = f"{output.table[step][row]}, {column}" if step else f"row {row + 1}, {column}"
            if lost < 0:
                rule = "a step of a flow chart has more persons than the one before"
                yield Finding(card.name, place, rule, "put the steps in order")
            elif 0 < lost < profile.min_persons:
                rule = f"differs from the step before by {lost:.0f} persons"
                yield Finding(card.name, place, rule, "merge the steps: disclosure.flow_chart")
            before[group] = count
