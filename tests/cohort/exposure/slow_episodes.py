"""Episodes, day by day over one person's dispensings: each day outside hospital uses up one day's supply.

Written to be obviously right, not fast. Days are plain integers; a dispensing is (day, days, product).
"""

from dataclasses import dataclass


@dataclass
class Episode:
    start: int
    end: int
    dispensings: int
    supply_days: int
    gap_days: int | None
    ongoing: bool | None


def in_hospital(day, stays):
    return any(admitted <= day < discharged for admitted, discharged in stays)


def episodes(dispensings, rules, until=None, stays=()):
    """Episodes of one person; ``rules`` is a Rules, ``stays`` are (admitted, discharged)."""
    rows = sorted(
        (row for row in dispensings if until is None or row[0] <= until), key=lambda r: (r[0], r[2], r[1])
    )
    found = []
    stock = 0  # days' supply at home at the day's beginning
    gap = 0  # days outside hospital without supply since it ran out
    covered = None  # last day of the episode that had supply
    for place, (day, days, product) in enumerate(rows):
        if place:
            last_day, last_days, last_product = rows[place - 1]
            for today in range(last_day, day):
                if in_hospital(today, stays):
                    continue
                if stock:
                    stock, covered = stock - 1, today
                else:
                    gap += 1
            switched = product != last_product
            too_long = rules.max_gap_days is not None and day - last_day > rules.max_gap_days
            grace = rules.grace_days if rules.grace_share is None else rules.grace_share * last_days
            if too_long or (switched and rules.switching == "discard"):
                stock = 0
            if gap > grace or too_long or (switched and rules.switch_ends_episode):
                found[-1].end = max(covered if covered is not None else -1, found[-1].start - 1)
                found[-1].gap_days = gap
                found.append(Episode(day, day, 0, 0, None, None))
                covered = None
            else:  # the days up to a dispensing that joins belong to the episode, bridged ones too
                before = [d for d in range(found[-1].start, day) if not in_hospital(d, stays)]
                covered = max(before, default=None)
            same_day = day == last_day
            carried = stock if rules.stockpile is None or same_day else min(stock, rules.stockpile)
            stock, gap = max(stock, carried + days), 0
        else:
            found.append(Episode(day, day, 0, 0, None, None))
            stock = days
        found[-1].dispensings += 1
        found[-1].supply_days += days
    if not found:
        return []
    today = rows[-1][0]
    while stock if until is None else today <= until:
        if not in_hospital(today, stays):
            if stock:
                stock, covered = stock - 1, today
            else:
                gap += 1
        today += 1
    found[-1].end = covered if covered is not None else found[-1].start - 1
    if until is not None:
        grace = rules.grace_days if rules.grace_share is None else rules.grace_share * rows[-1][1]
        found[-1].gap_days = gap
        found[-1].ongoing = gap < max(grace, 1)
        if found[-1].ongoing:
            found[-1].end = until
        for one in found[:-1]:
            one.ongoing = False
    return found
