"""Rules on curves: they step only where enough events have gathered, while enough persons are left."""

from __future__ import annotations

from collections.abc import Iterator

from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted
from sundbench.disclosure.profile import Profile

_REMEDY = "use disclosure.curve"


def thin_steps(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Steps of a curve with too few events or too few persons left, or with none stated."""
    card = output.card
    if card.kind != "curve":
        return
    times = card.having("time")
    values = card.having("value")
    stated = {card.columns[name].events for name in values} | {None}
    if len(times) != 1 or not values or len(stated) != 2 or any(not card.columns[v].events for v in values):
        rule = "a curve has one time, values, and the events and persons behind all of them"
        yield Finding(card.name, "", rule, "write it with outputs().curve")
        return
    events = output.behind(next(name for name in stated if name is not None))
    time = output.behind(times[0])
    shown = {name: output.behind(name) for name in values}
    dimensions = card.having("dimension")
    at_risk = output.behind(card.columns[values[0]].persons or "") if card.columns[values[0]].persons else []
    last: dict[tuple[object, ...], int] = {}
    had: dict[tuple[object, ...], float] = {}
    for row in range(card.rows):
        group = tuple(output.table[name][row] for name in dimensions)
        before = last.get(group)
        last[group] = row
        gathered = events[row] or 0.0
        had[group] = had.get(group, 0.0) + gathered
        place = (
            f"{output.place(row)}, {times[0]}={time[row]:g}" if time[row] is not None else output.place(row)
        )
        if before is None:
            if gathered == 0 and time[row] == 0:
                continue
            moved = True
        else:
            if (time[row] or 0.0) <= (time[before] or 0.0):
                yield Finding(card.name, place, "times must increase within a group", "sort the rows")
            moved = any(series[row] != series[before] for series in shown.values())
        if moved and gathered < profile.min_events:
            rule = f"the curve moves on {gathered:.0f} events, fewer than {profile.min_events}"
            yield Finding(card.name, place, rule, _REMEDY)
        elif not moved and gathered:
            rule = f"the curve stands still although {gathered:.0f} events are stated"
            yield Finding(card.name, place, rule, _REMEDY)
    for group, total in had.items():
        most = max(
            (
                persons or 0.0
                for row, persons in enumerate(at_risk)
                if tuple(output.table[name][row] for name in dimensions) == group
            ),
            default=0.0,
        )
        if at_risk and total > most:
            rule = f"states {total:.0f} events among {most:.0f} persons, of whom each has one at most"
            yield Finding(card.name, ", ".join(map(str, group)), rule, _REMEDY)
