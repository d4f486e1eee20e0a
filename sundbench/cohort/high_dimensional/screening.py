"""What is screened, and by which rules: the protocol of high-dimensional covariates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from sundbench.cohort import canonical
from sundbench.cohort.high_dimensional.dimensions import Dimension, dimension
from sundbench.cohort.language import Language, number, said
from sundbench.errors import StudyError

Ranking = Literal["folded", "prevalence"]
"""By which share codes are ranked: the smaller of p and 1 - p, or p."""


@dataclass(frozen=True)
class Screening:
    """The rules by which codes become columns.

    Attributes:
        dimensions: the data dimensions, in the columns' order.
        top: how many codes at most are taken of each.
        days: the window is [index - days, index - 1].
        minimum: codes of fewer persons are left out.
        ranking: by which share codes are ranked.
    """

    dimensions: tuple[Dimension, ...]
    top: int
    days: int
    minimum: int
    ranking: Ranking

    @property
    def digest(self) -> str:
        """SHA-256 of the rules: equal rules have equal digests."""
        return canonical.digest(self)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        top, days, minimum = (number(language, one) for one in (self.top, self.days, self.minimum))
        folded = self.ranking == "folded"
        ranked = ("the smaller of p and 1 - p", "det mindste af p og 1 - p") if folded else ("p", "p")
        lines = [
            said(
                language,
                f"High-dimensional covariates, from day -{days} to day -1: in each data dimension the {top} "
                f"codes that rank highest by {ranked[0]}, p being the share of the cohort that has the code, "
                f"among codes of at least {minimum} persons. Each code gives up to three covariates: once "
                "(at least once), sporadic (at least as often as the median of those who have it) and "
                "frequent (at least as often as their 75th percentile); those that equal an earlier one are "
                "left out.",
                f"Højdimensionale kovariater, fra dag -{days} til dag -1: i hver datadimension de {top} "
                f"koder, der rangerer højest efter {ranked[1]}, hvor p er den andel af kohorten, der har "
                f"koden, blandt koder med mindst {minimum} personer. Hver kode giver op til tre kovariater: "
                "én gang (mindst én gang), sporadisk (mindst så ofte som medianen af dem, der har den) og "
                "hyppig (mindst så ofte som deres 75-percentil); de, der er lig en tidligere, udelades.",
            )
        ]
        lines += [f"  {one.name}: {one.in_words(language)}" for one in self.dimensions]
        return "\n".join(lines)


def screening(
    where: str,
    dimensions: str | Dimension | Iterable[str | Dimension],
    *,
    top: int,
    days: int,
    minimum: int,
    ranking: Ranking,
) -> Screening:
    """The checked rules.

    Raises:
        StudyError: a dimension that doesn't exist or is named twice, or a number that isn't positive.
    """
    given = (dimensions,) if isinstance(dimensions, str | Dimension) else tuple(dimensions)
    if not given:
        raise StudyError(f"{where}: no dimensions: give at least one, as dimensions=['diagnoses']")
    chosen = tuple(one if isinstance(one, Dimension) else dimension(one) for one in given)
    names = [one.name for one in chosen]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(
                f"{where}: two dimensions are named {name!r}: say sb.dimension(..., name=...) for one of them"
            )
    for what, many in (("top", top), ("days", days), ("minimum", minimum)):
        if isinstance(many, bool) or not isinstance(many, int) or many < 1:
            raise StudyError(f"{where}: {what}={many!r}: give a whole number, 1 or more")
    if ranking not in get_args(Ranking):
        raise StudyError(f"{where}: ranking={ranking!r}: choose among {', '.join(get_args(Ranking))}")
    return Screening(chosen, top, days, minimum, ranking)
