"""What a study checks of its follow-up, outcomes and exposures when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sundbench.cohort.events.event import Event
from sundbench.cohort.following.exposures import TAKEN, Exposure
from sundbench.cohort.following.follow_up import FollowUp
from sundbench.cohort.following.outcomes import Outcome
from sundbench.cohort.following.regimen import check_event
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.populations.population import Population


def outcomes_of(outcomes: Mapping[str, object]) -> dict[str, Outcome]:
    """The outcomes of a study, events by themselves too as ``Outcome``.

    Raises:
        StudyError: something that is no event.
    """
    found = {}
    for name, one in outcomes.items():
        if not isinstance(one, Event | Outcome):
            raise StudyError(
                f"study, outcomes[{name!r}]: {one!r} is no event: write sb.diagnosis(...) or the like"
            )
        found[name] = one if isinstance(one, Outcome) else Outcome(one)
    return found


def check_exposures(exposures: Mapping[str, object], follow_up: FollowUp | None) -> dict[str, Exposure]:
    """The exposures of a study.

    Raises:
        StudyError: something that is no exposure, or no follow-up for it to change in.
    """
    found = {}
    for name, one in exposures.items():
        if not isinstance(one, Exposure):
            raise StudyError(
                f"study, exposures[{name!r}]: {one!r} is no exposure: "
                "write sb.exposure(sb.dispensing(...), rules)"
            )
        if name in TAKEN:
            raise StudyError(
                f"study, exposures[{name!r}]: pieces of follow-up have a column of that name: choose another"
            )
        found[name] = one
    if found and follow_up is None:
        raise StudyError("study: exposures without follow_up: add follow_up=sb.follow_up(until=[sb.death()])")
    return found


def check_arms(follow_up: FollowUp | None, population: Population) -> None:
    """Refuse follow-up that ends with the arm where the population's arms don't tell when that is.

    Raises:
        StudyError: nobody can cross to another arm, not every arm is of a drug, or the rules can't read what
            a drug is told from, which is named.
    """
    if follow_up is None:
        return
    if follow_up.crossover and not any(event is not None for event in population.crossings):
        raise StudyError(
            "study, follow_up, crossover: the population doesn't say what would take anybody to another arm: "
            "name what ends follow-up under until="
        )
    if follow_up.on_treatment is None:
        return
    if not population.treatments:
        raise StudyError(
            "study, follow_up, on_treatment: this population's arms aren't all of a drug: "
            "leave it out, or give new users"
        )
    for name, event in population.treatments:
        check_event(follow_up.on_treatment.rules, event, f"study, follow_up, on_treatment, drug {name!r}")
