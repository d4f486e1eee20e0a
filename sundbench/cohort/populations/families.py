"""Families: a population's siblings, parents or children, by the parents in the population register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from sundbench.cohort.language import Language, said
from sundbench.cohort.populations.population import Population
from sundbench.cohort.populations.sets import AroundCases, checked_cases
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.database import Database

Kinship = Literal["siblings", "parents", "children"]
SiblingKind = Literal["any", "full", "maternal half", "paternal half"]

RELATIONS: Mapping[Kinship, tuple[str, ...]] = {
    "siblings": ("full sibling", "maternal half-sibling", "paternal half-sibling", "sibling"),
    "parents": ("mother", "father"),
    "children": ("child",),
}
"""What a relative can be; ``sibling`` where the other parent of one of the two is unknown."""

DANISH: Mapping[Kinship, str] = {"siblings": "søskende", "parents": "forældre", "children": "børn"}

PROBAND = "proband"


@dataclass(frozen=True)
class Relatives(AroundCases):
    """Persons (probands) and their relatives, who get the proband's index day.

    Attributes:
        kinship: which relatives.
        siblings: which siblings.
    """

    kinship: Kinship
    siblings: SiblingKind | None = None

    columns: ClassVar[tuple[str, ...]] = (*AroundCases.columns, "relation")
    found: ClassVar[str] = "relative"

    def needs(self, db: Database) -> Mapping[str, tuple[str, ...]]:
        """The parents."""
        columns = ("foed_dato", "mor_id", "far_id")
        others = self.cases.needs(db)
        return {**others, "bef": (*columns, *others.get("bef", ()))}

    @property
    def relations(self) -> tuple[str, ...]:
        """What the column ``relation`` can say."""
        return (PROBAND, *RELATIONS[self.kinship])

    def last_step(self, language: Language = "en") -> str:
        """Relatives join."""
        return said(
            language,
            f"with their {self.kinship} (who may be in several families)",
            f"med deres {DANISH[self.kinship]} (som kan være i flere familier)",
        )

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        kin = said(language, self.kinship, DANISH[self.kinship])
        if self.siblings not in (None, "any"):
            halves = {"full": "hel", "maternal half": "halv", "paternal half": "halv"}[str(self.siblings)]
            through = {"maternal half": " gennem moderen", "paternal half": " gennem faderen"}
            kin = said(
                language,
                f"{self.siblings} siblings".replace("half siblings", "half-siblings"),
                f"{halves}søskende{through.get(str(self.siblings), '')}",
            )
        probands = self.cases.in_words(language)
        return said(
            language,
            f"probands: {probands}. Each with their {kin} born by the index day, which becomes theirs",
            f"probander: {probands}. Hver med deres {kin} født senest på indeksdagen, som bliver deres",
        )


def siblings(of: Population, *, kind: SiblingKind = "any") -> Relatives:
    """Persons and their siblings, by the parents in the population register.

    The cohort holds the persons (``case``, ``relation`` "proband") and their siblings, in a ``set`` each,
    with the proband's index day for all. Siblings are those whom the extract's population register
    shows, born by the index day, alive or not: require ``sb.resident(0)`` of those who are to be followed.
    Who is in several families has several rows.

    Args:
        of: the probands: any population but one of sets.
        kind: ``"full"``: both parents known and the same; ``"maternal half"``: the same mother, and fathers
            who are known and differ; ``"paternal half"``; ``"any"``: at least one parent in common.

    Raises:
        StudyError: no population, or no such kind.
    """
    if kind not in get_args(SiblingKind):
        raise StudyError(f"siblings(): kind={kind!r}: choose among {', '.join(get_args(SiblingKind))}")
    return Relatives(checked_cases("siblings(): of", of), "siblings", kind)


def parents(of: Population) -> Relatives:
    """Persons and their parents, as ``siblings`` gives siblings."""
    return Relatives(checked_cases("parents(): of", of), "parents")


def children(of: Population) -> Relatives:
    """Persons and their children born by the index day, as ``siblings`` gives siblings."""
    return Relatives(checked_cases("children(): of", of), "children")
