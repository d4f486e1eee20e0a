"""Rules on sums: no single contribution may be read off one (the p% and the (n,k) rule).

Source: Hundepool et al., Statistical Disclosure Control, Wiley 2012, section 4.2. With the sum X and its two
largest contributions x1 >= x2, the second-largest contributor can bound the largest to within p percent where
X - x1 - x2 < p/100 * x1. A remainder of exactly p percent passes; so does a share of exactly k percent.
"""

from __future__ import annotations

from collections.abc import Iterator

from sundbench.disclosure.findings import Finding
from sundbench.disclosure.outbox import Emitted
from sundbench.disclosure.profile import Profile

_REMEDY = "merge cells or leave the value out (null)"


def dominated(output: Emitted, profile: Profile) -> Iterator[Finding]:
    """Sums and means in which one or two persons weigh too much, or whose contributions were not stated."""
    card = output.card
    for name in card.having("value"):
        column = card.columns[name]
        if column.largest is None or column.total is None or column.persons is None:
            if card.kind == "magnitudes":
                yield Finding(card.name, name, "its largest contributions are not stated", "give largest=")
            continue
        stated = zip(
            output.behind(name),
            output.behind(column.persons),
            *map(output.behind, column.largest),
            strict=True,
        )
        for row, (value, persons, first, second) in enumerate(stated):
            if value is None or not persons:
                continue
            place = f"{output.place(row)}, {name}"
            if first is None or second is None or not 0 <= second <= first:
                rule = "its two largest contributions are not stated, in absolute value, the largest first"
                yield Finding(card.name, place, rule, "give both")
                continue
            total = abs(value) * (persons if column.total == "mean" else 1.0)
            if first * persons < total * (1 - 1e-7):
                rule = "no contribution can all be smaller than the mean: the largest is misstated"
                yield Finding(card.name, place, rule, "take the largest over the same persons")
            elif total - first - second < profile.p_percent / 100 * first:
                rule = (
                    f"the largest contribution can be told to within {profile.p_percent:g} percent (p% rule)"
                )
                yield Finding(card.name, place, rule, _REMEDY)
            elif sum((first, second)[: profile.dominance_n]) > profile.dominance_k / 100 * total:
                rule = (
                    f"the {profile.dominance_n} largest contributions make more than {profile.dominance_k:g} "
                    "percent of it ((n,k) rule)"
                )
                yield Finding(card.name, place, rule, _REMEDY)
