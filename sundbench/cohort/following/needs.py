"""What follow-up needs of an extract: events, reductions, columns, registers, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from sundbench.cohort.events.event import Event, either_of
from sundbench.cohort.events.vital import Death
from sundbench.cohort.features.feature import How
from sundbench.cohort.following.follow_up import FollowUp
from sundbench.cohort.following.regimen import DISPENSED, Regimen, columns
from sundbench.cohort.held import refuse_lacking
from sundbench.cohort.views.contact_class import COLUMNS as CONTACTS
from sundbench.cohort.windows import Window
from sundbench.errors import StudyError

if TYPE_CHECKING:
    from sundbench.cohort.database import Database
    from sundbench.cohort.study import Study

Wanted = tuple[Event, Window, How]

_ENDS = {
    "lpr_adm": "d_uddto",
    "t_psyk_adm": "d_uddto",
    "lpr3a_kontakt": "kont_sluttidspunkt",
    "lpr3f_kontakter": "dato_slut",
}
"""The columns that say when a contact ends."""


CROSSING = Window(1, None)
"""When a crossing to another arm ends follow-up: what one enters with may be of several arms."""

EARLIER = Window(None, 0)
"""When an event is no outcome: it came before follow-up."""


def until(event: Event) -> Iterator[tuple[Event, Window]]:
    """What ends follow-up, and when: from the index day; death always, so that no one is followed dead."""
    dead = [part for part in event.parts if isinstance(part, Death)]
    others = [part for part in event.parts if not isinstance(part, Death)]
    for parts, first in ((dead, None), (others, 0)):
        if parts:
            yield either_of(parts), Window(first, None)


def crossings(study: Study) -> list[Event | None]:
    """For each arm the event that ends its follow-up as a crossing to another; empty if none is asked for."""
    asked = study.follow_up is not None and study.follow_up.crossover
    return list(study.population.crossings) if asked else []


def outcome_window(follow_up: FollowUp) -> Window:
    """When an outcome counts: from day 1, or after a later start before which outcomes are ignored."""
    return Window(1 + (follow_up.start_day if follow_up.earlier_outcomes == "ignore" else 0), None)


def reductions(study: Study) -> Iterator[Wanted]:
    """The first days that outcomes and the end of follow-up are told from."""
    if study.follow_up is None:
        return
    for outcome in study.endpoints.values():
        if not after_any_start(study.follow_up):
            yield from ((event, outcome_window(study.follow_up), "first") for event in outcome.events)
    yield from ((event, EARLIER, "any") for _, event in had_before(study))
    for event in study.follow_up.until:
        yield from ((part, window, "first") for part, window in until(event))
    for crossing in crossings(study):
        if crossing is not None:
            yield crossing, CROSSING, "first"


def had_before(study: Study) -> Iterator[tuple[str, Event]]:
    """Outcomes of which it is counted who had them before follow-up: not death, nor those that may recur."""
    for name, outcome in study.endpoints.items():
        mortal = all(isinstance(part, Death) for part in outcome.event.parts)
        if not mortal and not outcome.recurrent:
            yield name, outcome.event


def after_any_start(follow_up: FollowUp) -> bool:
    """Whether the first outcome after each person's own start is sought, whatever came before it."""
    return follow_up.start is not None and follow_up.earlier_outcomes == "ignore"


def by_rows(study: Study) -> list[Event]:
    """Simple events whose every day is needed, as of exposures, treatment and recurrent outcomes."""
    found = [part for one in study.exposures.values() for part in one.parts]
    if study.follow_up is not None:
        if study.follow_up.on_treatment is not None:
            found += [part for _, event in study.population.treatments for part in event.parts]
        for outcome in study.endpoints.values():
            if outcome.recurrent or after_any_start(study.follow_up):
                found += outcome.parts
    return list(dict.fromkeys(found))


def events(study: Study) -> Iterator[tuple[str, Event]]:
    """The simple events of outcomes, exposures and the end of follow-up, with their places."""
    for name, outcome in study.endpoints.items():
        yield from ((f"outcomes[{name!r}]", part) for part in outcome.event.parts)
        for event in outcome.competing:
            yield from ((f"outcomes[{name!r}], competing", part) for part in event.parts)
    if study.follow_up is not None:
        yield from (("follow_up, until", part) for event in study.follow_up.until for part in event.parts)
    for crossing in crossings(study):
        if crossing is not None:
            yield from (("follow_up, crossover", part) for part in crossing.parts)
    for name, exposure in study.exposures.items():
        yield from ((f"exposures[{name!r}]", part) for part in exposure.parts)


def covering(study: Study) -> list[Event]:
    """The events by whose registers' coverage follow-up ends."""
    found = [part for _, part in events(study)]
    follow_up = study.follow_up
    if follow_up is not None and (follow_up.on_treatment is not None or not found):
        found += [part for event in study.population.events for part in event.parts]
    return found


def regimens(study: Study) -> Iterator[tuple[str, Regimen, bool, list[Event]]]:
    """Where rules are kept: the place, the rules, whether hospital days count, and the simple events."""
    follow_up = study.follow_up
    if follow_up is not None and follow_up.on_treatment is not None:
        treatment = follow_up.on_treatment
        parts = [part for _, event in study.population.treatments for part in event.parts]
        yield "follow_up, on_treatment", treatment.rules, treatment.outside_hospital, parts
    for name, exposure in study.exposures.items():
        place = f"exposures[{name!r}]"
        yield place, exposure.rules, exposure.outside_hospital, list(exposure.parts)


def values(study: Study, view: str) -> set[str]:
    """The view's columns that rules read, besides the code."""
    return {
        name
        for _, rules, _, parts in regimens(study)
        if any(part.view == view for part in parts)
        for name in columns(rules)
        if name != "atc"
    }


def reads_stays(study: Study) -> bool:
    """Whether days in hospital are taken out of any rules' time."""
    return any(outside for _, _, outside, _ in regimens(study))


def registers(study: Study, db: Database) -> list[str]:
    """The registers that follow-up reads besides those of its events.

    Raises:
        StudyError: the extract lacks a column that rules read, or what tells stays in hospital.
    """
    for place, rules, outside, parts in regimens(study):
        if any(part.view == "dispensings" for part in parts):
            read = dict.fromkeys(c for name in columns(rules) for c in DISPENSED.get(name, ()))
            refuse_lacking(db, "lmdb", read, f"study, {place}")
        if outside:
            held = [name for name in CONTACTS if name in db.registers]
            if not held:
                names = " or ".join(CONTACTS)
                raise StudyError(
                    f"study, {place}: outside_hospital=True: the extract has no hospital contacts: "
                    f"the permit must ask for {names}"
                )
            for name in held:
                refuse_lacking(db, name, [*CONTACTS[name], _ENDS[name]], f"study, {place}")
    return [name for name in CONTACTS if name in db.registers] if reads_stays(study) else []


def refuse_endless(study: Study, until: date | None) -> None:
    """Refuse exposures of a follow-up that nothing ends.

    Raises:
        StudyError: the extract doesn't say what its registers cover, and no day ends follow-up.
    """
    if study.exposures and until is None and study.follow_up is not None and study.follow_up.max_days is None:
        raise StudyError(
            "study, exposures: the extract doesn't say when its registers end: give follow_up(max_days=...)"
        )
