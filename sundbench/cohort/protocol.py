"""A study protocol in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sundbench.cohort.events import Event
from sundbench.cohort.features import Feature

if TYPE_CHECKING:
    from sundbench.cohort.study import Study


def in_words(study: Study) -> str:
    """The protocol as numbered English sentences, in the order in which the engine applies them."""
    lines = [
        "Study protocol",
        f"Population: {study.population.in_words()}.",
        f"Entry: from {study.first_day} to {study.last_day}, both days included. The index day is day 0.",
    ]
    lines += _section("Required at index, in this order", study.require)
    lines += _section("Covariates", study.covariates)
    if study.follow_up is not None:
        lines.append(f"Follow-up: {study.follow_up.in_words()}.")
    lines += _section("Outcomes, the first in follow-up", study.outcomes)
    lines += _section("Measures, never adjusted for", study.measures)
    if study.allow_truncated_lookback:
        lines.append("Washout and look-back may start before their registers do.")
    lines.append(f"Digest: {study.digest}")
    return "\n".join(lines)


def _section(title: str, parts: Mapping[str, Feature] | Mapping[str, Event]) -> list[str]:
    if not parts:
        return []
    said = [f"{name}: {part.in_words()}" for name, part in parts.items()]
    return [f"{title}:", *(f"  {n}. {words}" for n, words in enumerate(said, 1))]
