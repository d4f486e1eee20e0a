"""The designs that a checklist can name: a closed list, so that no other words get into its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sundbench.cohort.language import Language, said
from sundbench.cohort.populations.matched import Matched
from sundbench.cohort.populations.new_users import NewUsers
from sundbench.cohort.populations.population import Population
from sundbench.cohort.populations.prevalent import PrevalentNewUsers
from sundbench.errors import StudyError


@dataclass(frozen=True)
class Design:
    """One design.

    Attributes:
        name: its usual name, in English and Danish.
        within_persons: whether each person is compared with him- or herself.
    """

    name: tuple[str, str]
    within_persons: bool = False

    def in_words(self, language: Language) -> str:
        """Its usual name."""
        return said(language, *self.name)


DESIGNS: Mapping[str, Design] = {
    one.name[0]: one
    for one in (
        Design(("cohort study", "kohortestudie")),
        Design(("new-user cohort study", "kohortestudie af nye brugere")),
        Design(("prevalent new-user cohort study", "kohortestudie af nye og skiftende brugere")),
        Design(("matched cohort study", "matchet kohortestudie")),
        Design(("nested case-control study", "indlejret case-kontrol-studie")),
        Design(("self-controlled case series", "selvkontrolleret case-serie"), within_persons=True),
        Design(("case-crossover study", "case-crossover-studie"), within_persons=True),
        Design(("sequence symmetry analysis", "sekvenssymmetrianalyse"), within_persons=True),
    )
}


def chosen(names: Sequence[str] | None, population: Population) -> tuple[Design, ...]:
    """The designs of an analysis; the population's own where none is named.

    Raises:
        StudyError: a name that isn't in the list.
    """
    if names is None:
        return (DESIGNS[_own(population)],)
    given = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in given if name not in DESIGNS]
    if unknown or not given:
        raise StudyError(f"checklist: designs={names!r}: choose among {', '.join(DESIGNS)}")
    return tuple(DESIGNS[name] for name in given)


def _own(population: Population) -> str:
    for kind, name in (
        (NewUsers, "new-user cohort study"),
        (PrevalentNewUsers, "prevalent new-user cohort study"),
        (Matched, "matched cohort study"),
    ):
        if isinstance(population, kind):
            return name
    return "cohort study"
