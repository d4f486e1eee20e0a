"""Comorbidity indices and their conditions as features of a study."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from sundbench.cohort import windows
from sundbench.cohort.comorbidity.code_lists import CodeList, Condition, Index, code_list
from sundbench.cohort.comorbidity.counting import counted, total
from sundbench.cohort.events.diagnoses import Diagnosis
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import Feature, Kind
from sundbench.cohort.language import Language, said
from sundbench.cohort.windows import Window

TYPES = ("A", "B", "G")
"""Diagnoses that count as comorbidity: action, secondary and underlying ones."""


class OfConditions(Composite):
    """A feature computed from whether persons have diagnoses of an index's conditions before index."""

    @property
    @abstractmethod
    def score(self) -> Comorbidity:
        """The index that it belongs to."""

    @property
    @abstractmethod
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that it is computed from."""

    @property
    def event(self) -> Diagnosis:
        """A diagnosis of any of its conditions."""
        return event_of(*self.conditions)

    @property
    def events(self) -> tuple[Diagnosis, ...]:
        """A diagnosis of each of its conditions."""
        return tuple(event_of(one) for one in self.conditions)

    @property
    def window(self) -> Window:
        """The look-back."""
        return windows.before(None, self.score.years, self.score.index_day)

    def counts(self, happened: Sequence[pl.Expr]) -> dict[str, pl.Expr]:
        """Which of its conditions count, from which of them a person has."""
        has = {one.name: had for one, had in zip(self.conditions, happened, strict=True)}
        return counted(self.conditions, has, self.score.hierarchy)


@dataclass(frozen=True, eq=False)
class Comorbidity(OfConditions):
    """The score of a comorbidity index before the index day.

    Attributes:
        index: which index.
        codes: whose codes.
        weights: whose weights.
        hierarchy: whether of a condition and its graver form the graver alone counts.
        years: the look-back.
        index_day: whether the index day belongs to the look-back.
    """

    index: Index
    codes: str
    weights: str
    hierarchy: bool
    years: float
    index_day: bool

    def __post_init__(self) -> None:
        self.code_list.weighting(self.weights)
        windows.years_in_days(self.years, f"{self.index}()")

    @property
    def code_list(self) -> CodeList:
        """Its conditions with their codes and weights."""
        return code_list(self.index, self.codes)

    @property
    def score(self) -> Comorbidity:
        """Itself."""
        return self

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "int"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All its conditions."""
        return self.code_list.conditions

    def value(self, happened: Sequence[pl.Expr]) -> pl.Expr:
        """The weights of the conditions that count."""
        return total(self.conditions, self.counts(happened), self.weights)

    def element(self, name: str) -> Feature:
        """Whether one of its conditions counts.

        Example:
            >>> sb.charlson(years=5).element("renal_disease")

        Raises:
            StudyError: the index has no such condition.
        """
        return Element(self, name)

    def elements(self) -> dict[str, Feature]:
        """Whether each of its conditions counts, by name.

        Example:
            >>> sb.Study(..., covariates={"age": sb.age(), **sb.elixhauser(years=5).elements()})
        """
        return {one.name: Element(self, one.name) for one in self.conditions}

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        title = self.code_list.title
        how = said(language, f"{title.en}, weights {self.weights}", f"{title.da}, vægte {self.weights}")
        if not self.hierarchy:
            how += said(language, ", no hierarchy", ", uden hierarki")
        name, when = self.index.title(), self.window.in_words(language)
        return said(
            language,
            f"{name} index ({how}), diagnoses of type A, B or G, {when}",
            f"{name}-indeks ({how}), diagnosetype A, B eller G, {when}",
        )


@dataclass(frozen=True, eq=False)
class Element(OfConditions):
    """Whether one condition of a comorbidity index counts.

    Attributes:
        of: the index.
        name: the condition.
    """

    of: Comorbidity
    name: str

    def __post_init__(self) -> None:
        self.of.code_list.condition(self.name)

    @property
    def score(self) -> Comorbidity:
        """The index that it belongs to."""
        return self.of

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return "bool"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The condition and, under the hierarchy, its graver form."""
        return self.of.code_list.family(self.name, self.of.hierarchy)

    def value(self, happened: Sequence[pl.Expr]) -> pl.Expr:
        """Whether the condition counts."""
        return self.counts(happened)[self.name]

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        condition = self.conditions[0]
        return said(
            language,
            f"{condition.name.replace('_', ' ')} of the {self.of.in_words(language)}",
            f"{condition.danish} af {self.of.in_words(language)}",
        )


def event_of(*conditions: Condition) -> Diagnosis:
    """A diagnosis of any of some conditions."""
    listed = dict.fromkeys(code for one in conditions for code in one.codes)
    return Diagnosis(tuple(listed), TYPES)


def charlson(
    years: float,
    codes: str = "danish",
    *,
    weights: str | None = None,
    hierarchy: bool = True,
    index_day: bool = False,
) -> Comorbidity:
    """Charlson comorbidity index over so many years before the index day; 0 for persons without any code.

    Diagnoses of type A, B and G count. Of mild and severe liver disease, diabetes without and with
    complications, and tumour and metastasis the graver alone counts.

    Example:
        >>> sb.charlson(years=5)
        >>> sb.charlson(years=10, codes="quan", weights="quan")
        >>> sb.charlson(years=5).element("renal_disease")

    Args:
        years: the look-back, in years of 365.25 days, the last whole day included.
        codes: ``danish`` (ICD-8 and ICD-10, Thygesen 2011), ``heaven`` (those of that R package),
            ``quan`` (ICD-10, Quan 2005), ``swedish`` (Ludvigsson 2021) or ``australian`` (Sundararajan 2004).
            ``sundbench/cohort/comorbidity/data`` has them with their sources.
        weights: ``charlson`` (1987, the default), ``quan`` (2011, for the last three lists) or
            ``unweighted``.
        hierarchy: False counts a condition beside its graver form too.
        index_day: whether the index day belongs to the look-back.

    Raises:
        StudyError: a length that isn't positive, or codes or weights that there aren't.
    """
    chosen = code_list("charlson", codes).weighting(weights)
    return Comorbidity("charlson", codes, chosen, hierarchy, years, index_day)


def elixhauser(
    years: float,
    codes: str = "quan",
    *,
    weights: str | None = None,
    hierarchy: bool = True,
    index_day: bool = False,
) -> Comorbidity:
    """Elixhauser comorbidity index over so many years before the index day; 0 for persons without any code.

    Diagnoses of type A, B and G count. Of hypertension and diabetes without and with complications, and of
    solid tumour and metastasis, the graver alone counts. Weights may be negative, and so may the score.

    Example:
        >>> sb.elixhauser(years=5, weights="swiss")
        >>> sb.Study(..., covariates=sb.elixhauser(years=5).elements())

    Args:
        years: the look-back, in years of 365.25 days, the last whole day included.
        codes: ``quan`` (ICD-10, Quan 2005).
        weights: ``van_walraven`` (2009, the default), ``swiss`` (Sharma 2021) or ``unweighted``.
        hierarchy: False counts a condition beside its graver form too.
        index_day: whether the index day belongs to the look-back.

    Raises:
        StudyError: a length that isn't positive, or codes or weights that there aren't.
    """
    chosen = code_list("elixhauser", codes).weighting(weights)
    return Comorbidity("elixhauser", codes, chosen, hierarchy, years, index_day)
