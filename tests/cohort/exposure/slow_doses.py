"""Daily doses by the Danish rules, one person's purchases in plain Python.

``heaven`` follows the R package's program (2026.04.16) instead of the published text, in the points that
docs/exposure.md lists; so the oracle tests show that these points are all that differs.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Heaven:
    """What the program does otherwise; each can be set by itself."""

    listed_order: bool = True  # strengths are taken in the order of listing, as if it were ascending
    depot_as_days: bool = True  # what is left over (milligrams) is added to a number of days
    left_over: bool = True  # only whole days' doses, and lessened by days in hospital, even below zero


PUBLISHED = Heaven(listed_order=False, depot_as_days=False, left_over=False)


def danish_doses(purchases, ranges, depot, window, stays=(), follow=PUBLISHED):
    """Periods (dose, first day, day after the last) of one person.

    ``purchases``: (day, strength, packages, package_size); ``ranges``: (strength, lowest, highest, typical);
    ``stays``: (admitted, discharged), not overlapping.
    """
    if not follow.listed_order:
        ranges = sorted(ranges)
    by_strength = {one[0]: one for one in ranges}
    days = sorted({purchase[0] for purchase in purchases})
    bought, longest, nearest = [], [], []
    for day in days:
        of_day = [purchase for purchase in purchases if purchase[0] == day]
        bought.append(sum(strength * packages * size for _, strength, packages, size in of_day))
        longest.append(sum(s * packages * size / by_strength[s][1] for _, s, packages, size in of_day))
        average = sum(strength for _, strength, _, _ in of_day) / len(of_day)
        nearest.append([one for one in ranges if one[0] <= average][-1])
    last = len(days) - 1

    def in_hospital(k):
        if k == last:
            return 0
        return sum(max(0, min(out, days[k + 1]) - max(into, days[k])) for into, out in stays)

    def outside(k):
        return max(1, days[k + 1] - days[k] - in_hospital(k))

    left, doses, ends, reaches = [0.0], [], [], []
    for k, day in enumerate(days):
        supply = bought[k] + left[k]
        _, lowest, highest, typical = nearest[k]
        reach = longest[k] + (left[k] if follow.depot_as_days else 0)
        reaches.append(k < last and reach > outside(k))
        dose = typical
        if k and reaches[k - 1]:
            same = nearest[k] == nearest[k - 1]
            total, time = 0.0, 0
            for back in range(k - 1, max(k - 1 - window, -1), -1):
                if not reaches[back] or (same and nearest[back] != nearest[back + 1]):
                    break
                total += bought[back]
                time += outside(back)
            mean = total / time
            if mean > highest:
                dose = highest
            elif mean < lowest:
                dose = lowest
            elif same:
                dose = math.floor(mean / lowest + 0.5) * lowest
        doses.append(dose)
        end = day + math.floor(supply / dose)
        if k == last:
            ends.append(end)
            break
        if follow.left_over:
            spare = dose * (end - days[k + 1] - in_hospital(k)) if end >= days[k + 1] else 0.0
        else:
            used = min(end, days[k + 1]) - day
            spare = max(supply - dose * max(used - in_hospital(k), 0), 0) if reaches[k] else 0.0
        left.append(min(spare, depot))
        ends.append(min(end, days[k + 1]))

    periods = []
    for k, day in enumerate(days):
        pieces = [(doses[k], day, ends[k])]
        if k < last and ends[k] < days[k + 1]:
            pieces.append((0, ends[k], days[k + 1]))
        for dose, first, stop in pieces:
            if periods and periods[-1][0] == dose and periods[-1][2] == first:
                periods[-1] = (dose, periods[-1][1], stop)
            else:
                periods.append((dose, first, stop))
    return [period for period in periods if period[2] > period[1]]
