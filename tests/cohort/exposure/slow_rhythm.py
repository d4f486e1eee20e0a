"""Periods by purchase rhythm, one person's purchases of one code in plain Python, list by list.

Follows the text of Tanskanen et al. 2015 and, where it is silent, what their R package does; written from
the description in docs/exposure.md, with indices where the fast one has windows. Days are plain integers.
"""

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass
class Day:
    """A day's purchases, with what its packages say."""

    date: int
    ddd: float
    lowest: float
    least: float
    most: float
    by_package: float
    class_alone: bool
    lasts: float = 0.0
    average: float | None = None
    spread: float | None = None
    begins: bool = False
    stays: int = 0


def clip(value, low, high):
    return min(max(value, low), high)


def rounded(value):
    """To the nearest whole, halves to the even."""
    return round(value)


def of_day(date, purchases, packages, klass, limits):
    """One day's purchases: [(vnr, packages, ddd)]."""
    by_vnr = {}
    for vnr, number, ddd in purchases:
        total, doses = by_vnr.get(vnr, (0.0, 0.0))
        by_vnr[vnr] = (total + number, doses + (ddd or 0.0))
    rows = [(number, ddd, packages.get(vnr, {})) for vnr, (number, ddd) in sorted(by_vnr.items())]
    total = sum(number for number, _, _ in rows)
    share = max(number for number, _, _ in rows) / total
    ddd = sum(doses for _, doses, _ in rows)
    with_ddd = all(doses > 0 for _, doses, _ in rows)

    def all_know(name):
        return all(package.get(name) is not None for _, _, package in rows)

    def limit(name):
        days = [n * (p[name] if p.get(name) is not None else klass[name]) for n, _, p in rows]
        return clip(max(days), limits.shortest, limits.longest)

    class_alone = False
    if all_know("usual_ddd") and with_ddd:
        by_package = share * sum(doses / package["usual_ddd"] for _, doses, package in rows)
    elif all_know("usual_days"):
        by_package = share * sum(number * package["usual_days"] for number, _, package in rows)
    elif klass["usual_ddd"] is not None and with_ddd:
        by_package = ddd / klass["usual_ddd"]
    else:
        by_package, class_alone = klass["minimum_days"], True
    lowest = min(p["lower_ddd"] for _, _, p in rows) if all_know("lower_ddd") else klass["lower_ddd"]
    return Day(date, ddd, lowest, limit("minimum_days"), limit("maximum_days"), by_package, class_alone)


def rhythm(block, limits):
    """Set average, spread and length of the purchases of one block of three or more."""
    n = len(block)
    ddd = [day.ddd for day in block]
    gaps = [after.date - before.date for before, after in pairwise(block)]  # after each purchase
    if ddd[-2] > 0:
        last = min(ddd[-1] / (ddd[-2] / gaps[-1]), limits.longest)
    else:
        last = limits.longest if ddd[-1] > 0 else 0.0
    gaps.append(last)
    past, now, after, edge = (
        limits.weight_past,
        limits.weight_current,
        limits.weight_next,
        limits.weight_edge,
    )
    averages = [(edge * ddd[0] + after * ddd[1]) / (edge * gaps[0] + after * gaps[1])]
    for i in range(1, n - 1):
        doses = past * ddd[i - 1] + now * ddd[i] + after * ddd[i + 1]
        averages.append(doses / (past * gaps[i - 1] + now * gaps[i] + after * gaps[i + 1]))
    averages.append((edge * ddd[-1] + edge * ddd[-2]) / (edge * last + edge * gaps[-2]))
    averages = [min(one, 99) for one in averages]
    mean = sum(averages) / n
    if mean == 0:
        spread = None
    else:
        spread = clip(math.sqrt(sum((one - mean) ** 2 for one in averages) / n) / mean, 0.2, 0.5)
    for day, average in zip(block, averages, strict=True):
        day.average = min(max(average, day.lowest), limits.highest_ddd)
        day.spread = spread


def stay_days(date, following, used_up, stays):
    """Days of stays that begin before a purchase is used up, as the package counts them."""
    total = 0
    for admitted, discharged in stays:
        left = discharged - 1
        if admitted >= math.floor(used_up):
            continue
        if admitted >= date:
            if following is not None and admitted >= following:
                continue
            since = admitted
        elif left > date:
            since = date
        else:
            continue
        if following is None:
            if left > date:
                until = left
            elif left < date:
                continue
            else:
                continue
        elif left >= following:
            until = following
        elif left < date:
            continue
        else:
            until = left
        total += until - since
    return total


def periods(days, stays, limits):
    """Periods of one person and code: (start, end with its fraction, purchases, last purchase, ddd)."""
    blocks = []
    for day in days:
        if blocks and day.date - blocks[-1][-1].date <= limits.longest_gap:
            blocks[-1].append(day)
        else:
            blocks.append([day])
    found = []
    for number, block in enumerate(blocks):
        following = blocks[number + 1][0].date if number + 1 < len(blocks) else None
        found += of_block(block, following, stays, limits)
    percent = limits.bridged_percent
    while True:
        joined = []
        for before, one in zip([None, *found], found, strict=False):
            if before and one[0] - before[1] <= percent / 100 * (before[1] - before[0]):
                start, _, count, _, ddd = joined[-1]
                joined[-1] = (start, one[1], count + one[2], one[3], ddd + one[4])
            else:
                joined.append(one)
        percent -= 0.1
        if len(joined) == len(found):
            return found
        found = joined


def of_block(block, following, stays, limits):
    n = len(block)
    if n > 2:
        rhythm(block, limits)
    for day in block:
        by_dose = day.ddd * (1 + day.spread) / day.average if day.spread is not None else 0
        if by_dose > 0:
            day.lasts = min(max(by_dose, day.least), day.most)
        elif day.class_alone:
            day.lasts = day.by_package
        else:
            day.lasts = min(max(day.by_package, day.least), day.most)

    def gap(i):
        return block[i].date - block[i - 1].date

    def count_stays(i):
        after = block[i + 1].date if i + 1 < n else following
        return stay_days(block[i].date, after, block[i].date + block[i].lasts, stays)

    def reach(i):
        return block[i].lasts + min(block[i].stays, limits.longest_stay) + limits.extra_days

    for i, day in enumerate(block):
        day.stays = count_stays(i)
    for i, day in enumerate(block):
        day.begins = i == 0 or (block[i - 1].lasts < gap(i) and reach(i - 1) < gap(i))
    if n > 2:
        begins = [day.begins for day in block]
        for i in range(1, n - 1):
            before, now, after = (block[k].average for k in (i - 1, i, i + 1))
            drops = before > now and (after > now or (now > after and i == n - 2))
            if not drops or not begins[i + 1] or block[i].spread is None:
                continue
            together = (block[i - 1].ddd + block[i].ddd) * (1 + block[i].spread) / now
            together = min(together, block[i - 1].most + block[i].most)
            stay = min(block[i - 1].stays + block[i].stays, limits.longest_stay)
            if together + stay + limits.extra_days >= gap(i) + gap(i + 1):
                block[i + 1].begins = False
    short = [len(part) < 3 for part in parts(block) for _ in part]
    for i, day in enumerate(block):
        if short[i]:
            day.lasts = day.by_package
    for i, day in enumerate(block):
        if short[i]:
            day.stays = count_stays(i)
    for i, day in enumerate(block):
        if i and short[i] and reach(i - 1) >= gap(i):
            day.begins = False
    found = []
    for part in parts(block):
        last, count = part[-1], len(part)
        lasts = last.lasts
        if count > 2 and last.spread is not None and last.ddd > 0:
            lasts = last.ddd * (1 + last.spread) / (last.average * (1 + math.exp(-count)))
        lasts = min(max(lasts, last.least), last.most)
        if count == 1:
            lasts = min(lasts, limits.longest_single)
        stay = stay_days(last.date, None, last.date + lasts, stays)
        end = last.date + (lasts + min(stay, limits.longest_stay))
        found.append((part[0].date, end, count, last.date, sum(day.ddd for day in part)))
    return found


def parts(block):
    found = []
    for day in block:
        if day.begins:
            found.append([])
        found[-1].append(day)
    return found
