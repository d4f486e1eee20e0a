"""What a protocol consists of, in the order in which the engine applies it: one outline for text and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sundbench.cohort.language import Language, day, said
from sundbench.cohort.protocol.code_names import named

if TYPE_CHECKING:
    from sundbench.cohort.study import Study


class Said(Protocol):
    """What says itself in words."""

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""


@dataclass(frozen=True)
class Section:
    """One part of a protocol.

    Attributes:
        title: what it is about.
        said: a sentence without its full stop; empty where the items say it all.
        items: the name that the protocol gives each, and what it is.
    """

    title: str
    said: str = ""
    items: tuple[tuple[str, str], ...] = ()


def sections(study: Study, language: Language) -> list[Section]:
    """The sections that a study has."""
    first, last = day(language, study.first_day), day(language, study.last_day)
    entry = said(
        language,
        f"from {first} to {last}, both days included. The index day is day 0",
        f"fra {first} til {last}, begge dage medregnet. Indeksdatoen er dag 0",
    )
    found = [
        Section(said(language, "Population", "Population"), study.population.in_words(language)),
        Section(said(language, "Entry", "Inklusionsperiode"), entry),
    ]
    found += _items(
        said(language, "Required at index, in this order", "Krav på indeksdatoen, i denne rækkefølge"),
        study.require,
        language,
    )
    found += _items(said(language, "Covariates", "Kovariater"), study.covariates, language)
    if study.follow_up is not None:
        title = said(language, "Follow-up", "Opfølgning")
        found.append(Section(title, study.follow_up.in_words(language)))
    found += _items(
        said(language, "Outcomes, the first in follow-up", "Udfald, det første under opfølgningen"),
        study.endpoints,
        language,
    )
    found += _items(
        said(language, "Measures, never adjusted for", "Øvrige mål, som der aldrig justeres for"),
        study.measures,
        language,
    )
    found += _items(
        said(language, "Exposures during follow-up", "Eksponeringer under opfølgningen"),
        study.exposures,
        language,
    )
    if study.allow_truncated_lookback:
        found.append(
            Section(
                said(language, "Look-back", "Tilbageblik"),
                said(
                    language,
                    "washout and look-back may start before their registers do",
                    "udvaskning og tilbageblik må begynde før deres registre",
                ),
            )
        )
    codes = named(study, language)
    if codes:
        found.append(Section(said(language, "Codes with their names", "Koder og deres navne"), items=codes))
    return found


def _items(title: str, parts: Mapping[str, Said], language: Language) -> list[Section]:
    items = tuple((name, part.in_words(language)) for name, part in parts.items())
    return [Section(title, items=items)] if items else []
