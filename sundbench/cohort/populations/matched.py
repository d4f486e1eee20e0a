"""Matched cohorts and nested case-control designs: controls drawn from those at risk on the case's day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from sundbench.cohort.events.event import Event, either_of
from sundbench.cohort.features.attributes import Age, Region, Resident, Sex
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.language import Language, listed, said
from sundbench.cohort.populations.checking import happens, seeded, whole
from sundbench.cohort.populations.onset import Onset
from sundbench.cohort.populations.population import Population
from sundbench.cohort.populations.sets import AroundCases, checked_cases
from sundbench.errors import StudyError

Variable = Literal["sex", "birth_year", "region"]


@dataclass(frozen=True)
class Matched(AroundCases):
    """Cases and, for each, controls drawn from those at risk on the case's index day.

    Attributes:
        ratio: how many controls a case gets at most.
        on: what controls share exactly with their case.
        at_risk: what a control hasn't had up to and including the index day, or what must be true of it; None
            for what makes a case.
        seed: by which controls are drawn.
    """

    ratio: int
    on: tuple[Variable, ...]
    at_risk: Event | Feature | None
    seed: int

    found: ClassVar[str] = "control"

    @property
    def free_of(self) -> Event | None:
        """What a control hasn't had; None where a feature says who is at risk, or nothing makes a case."""
        if isinstance(self.at_risk, Feature):
            return None
        return self.at_risk if self.at_risk is not None else self.cases.ends_risk

    @property
    def crossings(self) -> tuple[Event | None, ...]:
        """Controls get what they mustn't have had; cases cross as in their own population."""
        of_cases = self.cases.crossings if self.cases.compares else (None,)
        nth = self.at_risk is None and isinstance(self.cases, Onset) and self.cases.nth > 1
        return None if nth else self.free_of, *of_cases

    @property
    def most(self) -> int:
        """How many controls a case gets."""
        return self.ratio

    @property
    def drawing(self) -> int:
        """The seed."""
        return self.seed

    def last_step(self, language: Language = "en") -> str:
        """Controls join."""
        return said(
            language,
            "with their controls (who may be in several sets)",
            "med deres kontroller (som kan være i flere sæt)",
        )

    def places(self) -> Iterator[tuple[str, Event]]:
        """The cases' events and what controls haven't had."""
        yield from self.cases.places()
        if self.free_of is not None:
            yield "population, at_risk", self.free_of

    def features(self) -> Iterator[tuple[str, Feature]]:
        """What must be true of controls."""
        yield from self.cases.features()
        if isinstance(self.at_risk, Feature):
            yield "population, at_risk", self.at_risk

    @property
    def attributes(self) -> tuple[Feature, ...]:
        """Where people live, and what they are matched on."""
        of = {"sex": Sex(), "birth_year": Age(), "region": Region()}
        return (*self.cases.attributes, Resident(0), *(of[name] for name in self.on))

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        danish = {"sex": "køn", "birth_year": "fødselsår", "region": "region"}
        shared = [said(language, one.replace("_", " "), danish[one]) for one in self.on]
        alike = listed(language, shared, "and")
        if isinstance(self.at_risk, Feature):
            risk = said(language, "with ", "med ") + self.at_risk.in_words(language)
        elif self.at_risk is not None:
            risk = said(language, "without ", "uden ") + self.at_risk.in_words(language)
        else:
            risk = said(language, "without what makes a case", "uden det, der gør til case")
        of_same = said(language, f" of the same {alike}", f" af samme {alike}") if alike else ""
        cases = self.cases.in_words(language)
        return said(
            language,
            f"cases: {cases}. For each up to {self.ratio} controls{of_same}, drawn at random (seed"
            f" {self.seed}) from those alive, resident and {risk} up to and including the case's index day,"
            " which becomes theirs; a control is once in a set, may be in several, and may become a case"
            " later",
            f"cases: {cases}. Til hver op til {self.ratio} kontroller{of_same}, trukket tilfældigt"
            f" (seed {self.seed}) blandt dem, der er i live, har bopæl og er {risk} til og med casens"
            " indeksdag, som bliver deres; en kontrol er én gang i et sæt, kan være i flere og kan senere"
            " blive case",
        )


def matched(
    cases: Population,
    ratio: int,
    *,
    on: Iterable[Variable] = ("sex", "birth_year"),
    at_risk: Event | Iterable[Event] | Feature | None = None,
    seed: int,
) -> Matched:
    """Cases and, for each, controls drawn from those at risk on the case's index day (risk-set sampling).

    With ``cases=sb.onset(...)`` it is incidence density sampling: nested case-control studies, cohorts of ill
    and comparable people. With ``cases=sb.new_users(...)`` it is a cohort of exposed and unexposed.

    A control, on its case's index day, is alive and resident, has not had what makes a case, is not its own
    case, and meets all of the study's ``require`` and is followed for at least a day. Its index day is its
    case's. It is drawn without replacement within a set, with replacement across sets, and may become a case
    later; ``follow_up(crossover=True)`` ends its follow-up as a control then. Cases that find fewer than
    ``ratio`` keep those they have; ``cohort.notes`` counts them.

    Controls don't depend on buckets, workers or other cases: see "Matched cohorts" in docs/cohorts.md.

    Example:
        >>> sb.matched(cases=sb.onset(sb.diagnosis("DC50")), ratio=10, on=("sex", "birth_year"), seed=1)

    Args:
        cases: who the cases are: any population but one of sets.
        ratio: how many controls each case gets.
        on: what a control shares exactly with its case: ``sex``, ``birth_year``, ``region`` (by the last
            population snapshot at or before the index day). What is missing is shared with nobody.
        at_risk: what a control hasn't had up to and including the index day, instead of what makes a case
            (the drugs of new users; the event of an onset, the n-th where it is the n-th); or a feature of
            yes and no that holds of it on the index day.
        seed: the draws' seed.

    Raises:
        StudyError: what is given makes no sense.
    """
    where = "matched()"
    if isinstance(on, str):
        raise StudyError(f"{where}: on={on!r}: give several in brackets, as ('sex', 'birth_year')")
    names = tuple(on)
    for name in names:
        if name not in get_args(Variable):
            raise StudyError(f"{where}: on: {name!r}: choose among {', '.join(get_args(Variable))}")
    if len(set(names)) < len(names):
        raise StudyError(f"{where}: on={names!r}: list each once")
    return Matched(
        checked_cases(f"{where}: cases", cases),
        whole(where, "ratio", ratio, 1),
        tuple(name for name in get_args(Variable) if name in names),
        _risk(where, at_risk),
        seeded(where, seed),
    )


def _risk(where: str, at_risk: object) -> Event | Feature | None:
    if at_risk is None:
        return None
    if isinstance(at_risk, Feature):
        if at_risk.kind != "bool":
            raise StudyError(f"{where}: at_risk: is no yes or no: compare it, as in sb.age() >= 18")
        return at_risk
    events = (at_risk,) if isinstance(at_risk, Event) else at_risk
    if not isinstance(events, Iterable):
        raise StudyError(f"{where}: at_risk={at_risk!r}: give an event, several, or a feature of yes and no")
    listed_events = [happens(f"{where}: at_risk", event) for event in events]
    if not listed_events:
        raise StudyError(f"{where}: at_risk: no events: leave it out for what makes a case")
    return either_of(listed_events)
