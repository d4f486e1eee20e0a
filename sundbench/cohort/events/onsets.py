"""The onset of a phenotype as an event of a study: it happens to a person on one day, or never.

Each bucket's phenotypes are found once, whatever a protocol asks of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl

from sundbench.cohort import windows
from sundbench.cohort.events.event import EitherOf, Event
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import Kind
from sundbench.cohort.language import Language, said
from sundbench.cohort.windows import Window

if TYPE_CHECKING:
    from sundbench.cohort.bucket import Bucket
    from sundbench.cohort.phenotypes import Phenotype

Told = Literal["raw", "stable"]
"""Which date: the day on which the rule is fulfilled, or the same where it tells incidence."""

TYPES = ("type 1", "type 2")
"""The types of a phenotype that has any."""

_DATES = {
    "raw": ("raw date", "rå dato"),
    "stable": ("date where incidence can be told", "sikker incidensdato"),
}


@dataclass(frozen=True)
class OnsetOf(Event):
    """The day from which a person has a phenotype.

    Attributes:
        phenotype: the phenotype.
        told: which of its dates.
        type: of that type alone; None for all.
    """

    phenotype: Phenotype
    told: Told
    type: str | None = None

    view: ClassVar[str] = "phenotypes"

    @property
    def codes(self) -> tuple[str, ...]:
        """What the rows of the view that are of it carry as code."""
        return (_code(self.phenotype, self.told, self.type),)

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        title = self.phenotype.rules.title
        of_type = f", {self.type}" if self.type is not None else ""
        date = said(language, *_DATES[self.told])
        return f"{said(language, f'onset of {title.en}', f'debut af {title.da}')}{of_type} ({date})"


@dataclass(frozen=True, eq=False)
class TypeAtIndex(Composite):
    """The type of a phenotype in those who have it at index; missing in those who don't."""

    phenotype: Phenotype

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "text"

    @property
    def labels(self) -> tuple[str, ...]:
        """The types."""
        return TYPES

    @property
    def events(self) -> tuple[Event, ...]:
        """The onset of each type."""
        return tuple(OnsetOf(self.phenotype, "raw", one) for one in TYPES)

    @property
    def event(self) -> Event:
        """The onset of any type."""
        return EitherOf(self.events)

    @property
    def window(self) -> Window:
        """Any time up to the index day, that day in it."""
        return windows.before(None, None, index_day=True)

    def value(self, happened: Sequence[pl.Expr]) -> pl.Expr:
        """The type that has begun."""
        return pl.coalesce(pl.when(has).then(pl.lit(one)) for has, one in zip(happened, TYPES, strict=True))

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it, in English or Danish."""
        title = self.phenotype.rules.title
        return said(language, f"type of {title.en} on the index day", f"type af {title.da} på indeksdatoen")


def phenotypes_of(events: Iterable[Event]) -> tuple[Phenotype, ...]:
    """The different phenotypes among events."""
    return tuple(dict.fromkeys(event.phenotype for event in events if isinstance(event, OnsetOf)))


def rows(bucket: Bucket, phenotypes: Iterable[Phenotype]) -> pl.LazyFrame:
    """The onsets in a bucket: the view ``phenotypes``.

    Returns:
        ``person`` int32, ``date``, ``code``: a row for each of a person's dates, and for each of their types.
    """
    empty = pl.LazyFrame(schema={"person": pl.Int32, "date": pl.Date, "code": pl.String})
    parts = [empty]
    for phenotype in phenotypes:
        found = phenotype.onsets(bucket).lazy()
        for told in _DATES:
            dated = found.select(pl.col("person").cast(pl.Int32), pl.col(told).alias("date"), "type")
            for one in (None, *TYPES):
                code = pl.lit(_code(phenotype, told, one)).alias("code")
                of_type = dated if one is None else dated.filter(pl.col("type") == one)
                parts.append(of_type.select("person", "date", code))
    return pl.concat(parts)


def _code(phenotype: Phenotype, told: str, kind: str | None) -> str:
    return "/".join((phenotype.name, phenotype.digest, told, kind or ""))
