"""Rules across outputs: two numbers that are each safe and together are not.

A total of 8 in one table and 7 men in another is one woman. Every count that is shown is put down with its
scope, the categories that it counts; then a count and a part of it, or two counts of the same, may not
differ by 1 to threshold - 1 persons. Suppressed cells are given to the attacker together with totals shown
elsewhere.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sundbench.disclosure.attacker import Place, feasible
from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted
from sundbench.disclosure.output import TOTAL
from sundbench.disclosure.profile import Profile

Scope = frozenset[tuple[str, str]]
"""What is counted: category by dimension. Empty: everyone in the study."""

_WHOLE = frozenset({"n", "persons", "total", "all", "count", "antal", "personer"})
"""Names of a column that counts everyone in the row, not a group of its own."""

_TOTALS = frozenset({"", TOTAL, "all", "alle", "i alt", "overall", "sum"})


@dataclass(frozen=True)
class Count:
    """A number of persons that a reader can see, or work out by adding."""

    output: str
    place: str
    persons: float
    flow: bool


def differences(outputs: Sequence[Emitted], profile: Profile) -> Iterator[Finding]:
    """Pairs of counts that leave 1 to threshold - 1 persons, and suppressed cells that can be worked out."""
    counts: dict[Scope, dict[float, Count]] = defaultdict(dict)
    for output in outputs:
        for scope, count in itertools.chain(_shown(output), _sums(output)):
            counts[scope].setdefault(count.persons, count)
    told: set[frozenset[tuple[str, str]]] = set()
    for scope, parts in counts.items():
        for wider in _wider(scope):
            for whole, part in itertools.product(counts.get(wider, {}).values(), parts.values()):
                left = whole.persons - part.persons
                if wider == scope:
                    left = abs(left)
                pair = frozenset({(whole.output, whole.place), (part.output, part.place)})
                if not 0 < left < profile.min_persons or pair in told:
                    continue
                if whole.flow and part.flow and whole.output == part.output:
                    continue  # said already, as steps of one flow chart
                told.add(pair)
                rule = (
                    f"{part.persons:.0f} persons, and {whole.persons:.0f} in {whole.output} "
                    f"({whole.place}): together they give away {left:.0f}"
                )
                yield Finding(part.output, part.place, rule, "leave one out, or merge or round both")
    yield from _worked_out(outputs, counts, profile)


def _wider(scope: Scope) -> Iterator[Scope]:
    """The scope itself and all that hold it."""
    for size in range(len(scope) + 1):
        for kept in itertools.combinations(sorted(scope), size):
            yield frozenset(kept)


def _coordinate(output: Emitted, row: int, dimensions: Sequence[str]) -> Place:
    parts: list[str | None] = []
    for name in dimensions:
        value = output.table[name][row]
        text = "missing" if value is None else str(value)
        parts.append(None if text.strip().lower() in _TOTALS else text)
    return tuple(parts)


def _dimensions(output: Emitted) -> list[str]:
    names = output.card.having("dimension")
    return names[1:] if output.card.flow_chart else names


def _scope(dimensions: Sequence[str], place: Place, column: str, single: bool) -> Scope:
    pairs = {(name, part) for name, part in zip(dimensions, place, strict=True) if part is not None}
    if not single and column.lower() not in _WHOLE:
        pairs.add(("column", column))
    return frozenset(pairs)


def _shown(output: Emitted) -> Iterator[tuple[Scope, Count]]:
    card = output.card
    if card.persons:
        yield frozenset(), Count(card.name, "all", float(card.persons), flow=False)
    dimensions = _dimensions(output)
    columns = card.having("persons")
    for column in columns:
        for row, persons in enumerate(output.behind(column)):
            if persons:
                place = _coordinate(output, row, dimensions)
                scope = _scope(dimensions, place, column, single=len(columns) == 1)
                where = output.place(row) if len(columns) == 1 else f"{output.place(row)}, {column}"
                yield scope, Count(card.name, where, persons, flow=card.flow_chart)


def _cells(output: Emitted, column: str) -> dict[Place, float | None]:
    dimensions = _dimensions(output)
    return {
        _coordinate(output, row, dimensions): persons for row, persons in enumerate(output.behind(column))
    }


def _sums(output: Emitted) -> Iterator[tuple[Scope, Count]]:
    """Totals that a reader can add up from cells that don't overlap."""
    card = output.card
    dimensions = _dimensions(output)
    if not card.exclusive or card.flow_chart or not 0 < len(dimensions) <= 4:
        return
    columns = card.having("persons")
    for column in columns:
        inner = {place: n for place, n in _cells(output, column).items() if None not in place}
        for size in range(1, len(dimensions) + 1):
            for summed in itertools.combinations(range(len(dimensions)), size):
                totals: dict[Place, float | None] = {}
                for place, persons in inner.items():
                    total = tuple(None if d in summed else part for d, part in enumerate(place))
                    before = totals.get(total, 0.0)
                    totals[total] = None if before is None or persons is None else before + persons
                for total, number in totals.items():
                    if number:
                        scope = _scope(dimensions, total, column, single=len(columns) == 1)
                        kept = ", ".join(
                            f"{name}={part}" for name, part in zip(dimensions, total, strict=True) if part
                        )
                        where = f"sum over {' and '.join(dimensions[d] for d in summed)}"
                        yield (
                            scope,
                            Count(card.name, f"{where} at {kept}" if kept else where, number, flow=False),
                        )


def _worked_out(
    outputs: Sequence[Emitted], counts: dict[Scope, dict[float, Count]], profile: Profile
) -> Iterator[Finding]:
    for output in outputs:
        card = output.card
        dimensions = _dimensions(output)
        if not card.exclusive or card.flow_chart or not dimensions or card.kind not in {"counts", "cube"}:
            continue
        columns = card.having("persons")
        for column in columns:
            cells = _cells(output, column)
            hidden = {place for place, persons in cells.items() if persons is None}
            if not hidden:
                continue
            known = _with_known_totals(cells, dimensions, counts, column, single=len(columns) == 1)
            for place, (low, high) in feasible(known, only=hidden).items():
                if high - low < profile.min_persons:
                    names = ", ".join(
                        f"{d}={part or TOTAL}" for d, part in zip(dimensions, place, strict=True)
                    )
                    rule = f"the suppressed cell can be worked out to lie between {low} and {high:.0f}"
                    remedy = "suppress more cells or totals: disclosure.suppress"
                    yield Finding(card.name, f"{names}, {column}", rule, remedy)


def _with_known_totals(
    cells: dict[Place, float | None],
    dimensions: Sequence[str],
    counts: dict[Scope, dict[float, Count]],
    column: str,
    *,
    single: bool,
) -> dict[Place, float | None]:
    """The cells, and the totals over them that other outputs show."""
    names = [
        sorted({place[d] for place in cells if place[d] is not None}, key=str) for d in range(len(dimensions))
    ]
    known = dict(cells)
    for place in itertools.product(*([*parts, None] for parts in names)):
        if None not in place or known.get(place) is not None:
            continue
        shown = counts.get(_scope(dimensions, place, column, single), {})
        # Where two different totals are shown that is a finding of its own; here neither is taken.
        if len(shown) == 1:
            known[place] = next(iter(shown))
    return known
