"""A study compiled against an extract: what is read, what is computed, and until when persons are followed.

A plan is small, immutable and can be pickled: each task gets it whole, with the number of its bucket. It is
made without reading any register: what the extract can't give is refused here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sundbench.cohort import canonical, held
from sundbench.cohort.codes import FIRST_ICD_10, is_icd_8
from sundbench.cohort.database import Database
from sundbench.cohort.events.conditions import codes
from sundbench.cohort.events.event import Event
from sundbench.cohort.events.onsets import OnsetOf, phenotypes_of
from sundbench.cohort.features.attributes import Age, Region, Resident, Sex
from sundbench.cohort.features.composite import Composite
from sundbench.cohort.features.feature import Feature, How, Reduction
from sundbench.cohort.features.society import YEAR, OfYear
from sundbench.cohort.following import needs
from sundbench.cohort.sources import PERSONS, SOURCES
from sundbench.cohort.spans import AnyWindow, Span
from sundbench.cohort.study import Study, leaves, look_back
from sundbench.errors import StudyError


@dataclass(frozen=True)
class Slot:
    """One reduction, computed once however often the protocol names it.

    Attributes:
        name: its column while a bucket is worked on.
        event: what happens.
        window: when.
        how: what is made of the rows.
        value: of which value.
        n: which of the days, for ``nth``.
    """

    name: str
    event: Event
    window: AnyWindow
    how: How
    value: str | None = None
    n: int | None = None


ROWS_A_TASK = 5_000_000
"""Small buckets share a task, as many as hold so many rows of the largest register that is read."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A study compiled against an extract.

    Attributes:
        study: the protocol.
        root: the extract's folder.
        tasks: the numbers of the buckets of each task: one, or a few neighbours where buckets are small.
        registers: each register to read, with the columns that the extract has of it.
        slots: the reductions to compute.
        until: the last day of follow-up: the earliest end of coverage of the registers that it is told from.
        notes: what a reader of the results must know.
    """

    study: Study
    root: Path
    tasks: tuple[tuple[int, ...], ...]
    registers: tuple[tuple[str, tuple[str, ...]], ...]
    slots: tuple[Slot, ...]
    until: date | None
    notes: tuple[str, ...] = ()

    def events(self) -> dict[str, list[Event]]:
        """The distinct simple events by view, those of the population first."""
        of_slots = (slot.event for slot in self.slots)
        return _by_view((*self.study.population.reads, *of_slots, *needs.by_rows(self.study)))

    def population_events(self) -> dict[str, list[Event]]:
        """The distinct simple events that decide who enters, by view."""
        return _by_view(self.study.population.reads)

    def values(self, view: str) -> list[str]:
        """The view's value columns that the slots need."""
        of_view = (slot for slot in self.slots if any(part.view == view for part in slot.event.parts))
        found = {slot.value for slot in of_view if slot.value is not None}
        return sorted(found | needs.values(self.study, view))


def _by_view(events: Iterable[Event]) -> dict[str, list[Event]]:
    """The distinct simple events of several, by view."""
    found: dict[str, list[Event]] = {}
    for event in events:
        for part in event.parts:
            known = found.setdefault(part.view, [])
            if part not in known:
                known.append(part)
    return found


def compile_study(study: Study, db: Database) -> Plan:
    """Compile a study against an extract.

    Raises:
        StudyError: the extract lacks a register or column, or a washout or look-back starts before its
            register does; names the place in the protocol.
        StoreError: a bucket file is missing.
    """
    needed = dict.fromkeys(_of_population(study, db))
    for place, event in _events(study):
        for register in held.registers(db, event, place):
            needed[register] = None
    for place, feature in study.features():
        for leaf in leaves(feature):
            for register in (*_of_persons(db, leaf, place), *_of_values(db, leaf, place)):
                needed[register] = None
    for register in needs.registers(study, db):
        needed[register] = None
    _refuse_truncation(study, db)
    until = _end_of_coverage(study, db)
    needs.refuse_endless(study, until)
    if until is not None and until <= study.first_day:
        raise StudyError(
            f"study, follow_up: the outcomes' registers end on {until}, before anyone could be followed: "
            f"entry begins on {study.first_day}"
        )
    for register in needed:
        db.files(register)
    registers = tuple((name, db.columns(name)) for name in needed)
    return Plan(study, db.root, _tasks(db, list(needed)), registers, _slots(study), until, _notes(study, db))


def _tasks(db: Database, registers: list[str]) -> tuple[tuple[int, ...], ...]:
    """The buckets cut into runs; never into fewer than there are processors, if there are as many."""
    buckets = db.buckets
    rows = max(int(db.manifest["registers"][name].get("rows", 0)) for name in registers) / len(buckets)
    together = int(ROWS_A_TASK // max(rows, 1))
    together = max(1, min(together, len(buckets) // (4 * (os.cpu_count() or 1))))
    return tuple(tuple(buckets[start : start + together]) for start in range(0, len(buckets), together))


def key(event: Event, window: AnyWindow, how: How, value: str | None = None, n: int | None = None) -> str:
    """What makes two reductions the same."""
    return canonical.text((event, window, how, value, n))


def key_of(one: Reduction) -> str:
    """The key of a reduction that a protocol names."""
    return key(one.occurrences.event, one.occurrences.window, one.how, one.value, one.n)


def slot_keys(slots: tuple[Slot, ...]) -> Mapping[str, str]:
    """The column of each reduction by its key."""
    return {key(slot.event, slot.window, slot.how, slot.value, slot.n): slot.name for slot in slots}


def _slots(study: Study) -> tuple[Slot, ...]:
    wanted: dict[str, tuple[Event, AnyWindow, How, str | None, int | None]] = {}

    def add(
        event: Event, window: AnyWindow, how: How, value: str | None = None, n: int | None = None
    ) -> None:
        wanted.setdefault(key(event, window, how, value, n), (event, window, how, value, n))

    for _, feature in study.features():
        for leaf in leaves(feature):
            if isinstance(leaf, Reduction):
                add(leaf.occurrences.event, leaf.occurrences.window, leaf.how, leaf.value, leaf.n)
            elif isinstance(leaf, Composite):
                for event in leaf.events:
                    add(event, leaf.window, "any")
    for wanted_of_follow_up in needs.reductions(study):
        add(*wanted_of_follow_up)
    return tuple(Slot(f"slot_{n}", *what) for n, what in enumerate(wanted.values()))


def _events(study: Study) -> Iterator[tuple[str, Event]]:
    """All simple events with their places."""
    for place, event in study.population.places():
        yield from ((place, part) for part in event.parts)
    for place, feature in study.features():
        for leaf in leaves(feature):
            looked = look_back(leaf)
            if looked is not None and looked[0] is not None:
                yield from ((place, part) for part in looked[0].parts)
    yield from needs.events(study)


def _of_values(db: Database, leaf: Feature, place: str) -> list[str]:
    """The registers of the values that a reduction is made of."""
    if not isinstance(leaf, Reduction):
        return []
    asked = [leaf.value] if leaf.value is not None else ["code"] if leaf.how == "distinct" else []
    parts = leaf.occurrences.event.parts if asked else ()
    return [name for part in parts for name in held.registers(db, part, place, asked)]


def _of_population(study: Study, db: Database) -> Iterator[str]:
    """The registers that the population reads besides those of its events."""
    population = study.population
    for feature in population.attributes:
        yield from _of_persons(db, feature, "population")
    for register, columns in population.needs(db).items():
        there = db.columns(register) if register in db.registers else ()
        missing = [column for column in columns if column not in there]
        if register not in db.registers or missing:
            raise StudyError(
                f"study, population: {type(population).__name__.lower()}: the permit must ask for {register} "
                f"with {', '.join(missing or columns)}"
            )
        yield register


_ATTRIBUTES: Mapping[type[Feature], str] = {Age: "foed_dato", Sex: "koen", Region: "reg"}


def _of_persons(db: Database, leaf: Feature, place: str) -> list[str]:
    """The registers that a feature of the person itself reads."""
    if isinstance(leaf, Resident):
        if PERSONS not in db.registers or "referencetid" not in db.columns(PERSONS):
            raise StudyError(
                f"study, {place}: {leaf.in_words()}: the permit must ask for {PERSONS} with referencetid"
            )
        return [name for name in (PERSONS, "vnds", *SOURCES["deaths"].registers) if name in db.registers]
    if isinstance(leaf, OfYear):
        missing = (
            [name for name in (leaf.column, YEAR) if name not in db.columns(leaf.register)]
            if (leaf.register in db.registers)
            else [leaf.column, YEAR]
        )
        if missing:
            raise StudyError(
                f"study, {place}: {leaf.in_words()}: the permit must ask for {leaf.register} with "
                f"{', '.join(missing)}"
            )
        return [leaf.register]
    column = _ATTRIBUTES.get(type(leaf))
    if column is None:
        return []
    if PERSONS not in db.registers or column not in db.columns(PERSONS):
        raise StudyError(
            f"study, {place}: {leaf.in_words()}: the permit must ask for {PERSONS} with {column}"
        )
    return [PERSONS]


def _covered(db: Database, event: Event | None) -> tuple[date, date] | None:
    """The first and last day of an event, or of residence, over those of its registers that there are."""
    telling = SOURCES["residence"].registers if event is None else held.telling(event)
    spans = [db.coverage(name) for name in telling if name in db.registers]
    known = [span for span in spans if span is not None]
    if not known:
        return None
    since, until = min(span[0] for span in known), max(span[1] for span in known)
    listed = codes(event) if event is not None and event.view == "diagnoses" else ()
    if listed and not any(is_icd_8(code) for code in listed):
        since = max(since, date.fromisoformat(FIRST_ICD_10))
    return since, until


def _refuse_truncation(study: Study, db: Database) -> None:
    if study.allow_truncated_lookback:
        return
    looked: list[tuple[str, str, Event | None, AnyWindow]] = [
        (place, "the washout", part, window)
        for place, event, window in study.population.look_backs()
        for part in event.parts
    ]
    for place, feature in study.features():
        for leaf in leaves(feature):
            found = look_back(leaf)
            if found is not None:
                parts: tuple[Event | None, ...] = found[0].parts if found[0] is not None else (None,)
                looked += [(place, "the look-back", part, found[1]) for part in parts]
    entry = study.first_day.toordinal()
    for place, what, event, window in looked:
        begins = window.bounds(entry)[0]
        if not math.isfinite(begins) or begins >= entry:
            continue
        view = event.view if event is not None else "residence"
        covered = _covered(db, event)
        if covered is None or begins >= covered[0].toordinal():
            continue
        earliest = entry + int(covered[0].toordinal() - begins)
        helps = window.bounds(earliest)[0] >= covered[0].toordinal()
        later = f"let entry begin on {date.fromordinal(earliest)} or later, " if helps else ""
        raise StudyError(
            f"study, {place}: {what} of a person who enters on {study.first_day} starts on "
            f"{date.fromordinal(max(int(begins), 1))}, but {view} begin on {covered[0]}: {later}look back "
            "less, or say allow_truncated_lookback=True"
        )


def _notes(study: Study, db: Database) -> tuple[str, ...]:
    """What can't be refused, but must be known: look-backs from dates that may lie at any time."""
    entry, found = study.first_day.toordinal(), {}
    for place, feature in study.features():
        for leaf in leaves(feature):
            looked = look_back(leaf)
            if looked is None or not isinstance(looked[1], Span) or looked[1].first is None:
                continue
            if looked[1].bounds(entry)[0] == -math.inf:
                found[place] = (
                    f"{place}: a window hangs on a date that may lie at any time before the index day: it "
                    "may begin before its register does"
                )
    told = (note for one in phenotypes_of(event for _, event in _events(study)) for note in one.notes(db))
    return (*found.values(), *told)


def _end_of_coverage(study: Study, db: Database) -> date | None:
    """The earliest end of coverage of what outcomes, exposures and the end of follow-up are told from."""
    if study.follow_up is None:
        return None
    ends = [_end_of(db, part) for part in needs.covering(study)]
    if not ends:
        covered = _covered(db, None)
        ends.append(covered[1] if covered is not None else None)
    return min((end for end in ends if end is not None), default=None)


def _end_of(db: Database, event: Event) -> date | None:
    """The last day on which the extract's registers can tell an event."""
    if isinstance(event, OnsetOf):
        return event.phenotype.until(db)
    covered = _covered(db, event)
    return covered[1] if covered is not None else None
