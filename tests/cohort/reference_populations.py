"""Every kind of population, read slowly and obviously: plain Python over all persons at once.

Shares nothing with the engine but the protocol's dataclasses; see ``reference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from reference import Person, days, entry, value_of
from reference_following import follow

import sundbench as sb
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.following.ending import step_names
from sundbench.cohort.populations.families import Relatives
from sundbench.cohort.populations.matched import Matched
from sundbench.cohort.populations.new_users import NewUsers
from sundbench.cohort.populations.onset import Onset
from sundbench.cohort.populations.population import Population
from sundbench.cohort.populations.prevalent import PrevalentNewUsers
from sundbench.cohort.populations.residents import Residents

ONE = timedelta(days=1)


@dataclass
class World:
    """All persons, the days of all population snapshots, and the last day that BEF covers."""

    persons: Sequence[Person]
    until: date
    snapshots: list[date] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.snapshots = sorted({day for person in self.persons for day, _ in person.snapshots})

    def resident(self, person: Person, day: date) -> bool:
        """Whether a person lives in Denmark on a day: docs/views.md, for people who leave at most once."""
        left = min((h.date for h in person.life if h.view == "emigrations"), default=None)
        died = min((h.date for h in person.life if h.view == "deaths"), default=date.max)
        seen = [shown for shown, _ in person.snapshots]
        home = [shown for shown in seen if left is None or shown <= left]
        back = [shown for shown in seen if left is not None and shown > left]
        spans = []
        if home:
            first = min(home)
            earlier = [one for one in self.snapshots if one < first]
            if earlier and earlier[-1] < person.born <= first:
                first = person.born
            spans.append((first, left - ONE if left is not None else self.lasts(max(home))))
        if back:
            spans.append((min(back), self.lasts(max(back))))
        return any(first <= day <= min(last, died) for first, last in spans)

    def lasts(self, shown: date) -> date:
        """The day before the snapshot that follows one; the end of coverage after the last."""
        later = [one for one in self.snapshots if one > shown]
        return later[0] - ONE if later else max(shown, self.until)


def enters(study: sb.Study, population: Population, person: Person, world: World) -> tuple[int, Any]:
    """The steps of a population's rule that a person passes, and the row that they enter with, if any."""
    first, last = study.first_day, study.last_day
    match population:
        case NewUsers():
            passed, drug, index, _ = entry(study, person, population)
            passed = min(passed, len(population.steps((first, last))))
            return passed, None if drug is None else {"drug": drug, "index": index}
        case Residents(on):
            if world.resident(person, on):
                return 2, {"drug": "resident", "index": on}
            # A day on which they are resident is one of their snapshots' if there is any.
            alive = [shown for shown, _ in person.snapshots]
            return int(any(world.resident(person, shown) for shown in alive)), None
        case Onset(event, nth, None):
            happened = days(person, event)
            if len(happened) < nth:
                return 0, None
            index = happened[nth - 1]
            inside = first <= index <= last
            return 1 + inside, {"drug": "onset", "index": index} if inside else None
        case Onset(event, _, washout, length):
            happened = days(person, event)
            within = [day for day in happened if first <= day <= last]
            for day in within:
                if not any(day - timedelta(length) <= other < day for other in days(person, washout)):
                    return 3, {"drug": "onset", "index": day}
            return (2 if within else 1 if happened else 0), None
        case PrevalentNewUsers():
            passed, history = base(study, population, person)
            if history is None:
                return passed, None
            if not history["study"]:
                return passed, None
            index = history["study"][0]
            return 5, {"drug": population.drug[0], "index": index} | prior(history, index)
    raise AssertionError(population)


def base(study: sb.Study, population: PrevalentNewUsers, person: Person) -> tuple[int, Any]:
    """A person's history from the first day in the base cohort on."""
    first, last = study.first_day, study.last_day
    old, new = days(person, population.comparator[1]), days(person, population.drug[1])
    either = sorted({*old, *new})
    if not either:
        return 0, None
    within = [day for day in either if first <= day <= last]
    if not within:
        return 1, None
    length = timedelta(population.washout_days)
    starts = [day for day in within if not any(day - length <= other < day for other in either)]
    if not starts:
        return 2, None
    start = starts[0]
    if start in old and start in new:
        return 3, None
    history = {
        "start": start,
        "old": [day for day in old if start <= day <= last],
        "study": [day for day in new if start <= day <= last],
    }
    return 4, history


def prior(history: dict[str, Any], day: date) -> dict[str, int]:
    """How long a history is on a day."""
    return {
        "prior_days": (day - history["start"]).days,
        "prior_dispensings": sum(other < day for other in history["old"]),
    }


def rank(seed: int, case: int, person: int) -> int:
    """The place of a person in a case's random order, as docs/cohorts.md tells it."""
    return mixed(mixed(person) + mixed(mixed(seed + 0x9E3779B97F4A7C15) + case))


def mixed(value: int) -> int:
    """SplitMix64's finaliser."""
    value %= 2**64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
    return value ^ (value >> 31)


def at_risk(population: Matched, case: Person, person: Person, day: date, world: World) -> bool:
    """Whether a person may be a case's control."""
    died = min((h.date for h in person.life if h.view == "deaths"), default=date.max)
    if person.number == case.number or died <= day or not world.resident(person, day):
        return False
    if isinstance(population.at_risk, Feature):
        if value_of(population.at_risk, person, day) is not True:
            return False
    else:
        cases = population.cases
        event = population.at_risk if population.at_risk is not None else cases.ends_risk
        nth = cases.nth if isinstance(cases, Onset) and population.at_risk is None else 1
        if event is not None and sum(other <= day for other in days(person, event)) >= nth:
            return False
    for name in population.on:
        own, other = alike(name, case, day), alike(name, person, day)
        if own is None or own != other:
            return False
    return True


def alike(name: str, person: Person, day: date) -> Any:
    """What a person is matched on."""
    if name == "region":
        return value_of(sb.region(), person, day)
    return person.sex if name == "sex" else person.born.year


def candidates(study: sb.Study, case: dict[str, Any], world: World) -> list[dict[str, Any]]:
    """All who may be found for a case, in the order in which they are tried."""
    population, own = study.population, case["person"]
    found = []
    match population:
        case Matched():
            of = next(person for person in world.persons if person.number == own)
            found = [
                {"person": person.number, "drug": "control", "index": case["index"]}
                for person in world.persons
                if at_risk(population, of, person, case["index"], world)
            ]
            found.sort(key=lambda row: rank(population.seed, own, row["person"]))
        case PrevalentNewUsers():
            for person in world.persons:
                _, history = base(study, population, person)
                if person.number != own and history is not None:
                    found += nearest(population, case, person, history)
            found.sort(key=lambda row: rank(population.seed, own, row["person"]))
        case Relatives():
            of = next(person for person in world.persons if person.number == own)
            for person in world.persons:
                relation = related(population, of, person)
                if relation is not None and person.born <= case["index"]:
                    row = {"person": person.number, "drug": "relative", "index": case["index"]}
                    found.append(row | {"relation": relation})
    return found


def nearest(
    population: PrevalentNewUsers, case: dict[str, Any], person: Person, history: dict[str, Any]
) -> list[dict[str, Any]]:
    """A comparator's one day in a case's exposure set, if any."""
    begun = min(history["study"], default=date.max)
    there = []
    for day in history["old"]:
        told = prior(history, day)
        apart = abs(told["prior_days"] - case["prior_days"])
        if population.sets == "dispensings":
            same = told["prior_dispensings"] == case["prior_dispensings"]
        else:
            same = apart <= population.within_days
            same = same and (told["prior_days"] > 0) == (case["prior_days"] > 0)
        if population.calendar_days is not None:
            same = same and abs((day - case["index"]).days) <= population.calendar_days
        if same and day < begun:
            row = {"person": person.number, "drug": population.comparator[0], "index": day}
            there.append((apart, day, row | told))
    return [min(there, key=lambda one: one[:2])[2]] if there else []


def related(population: Relatives, of: Person, person: Person) -> str | None:
    """What a person is to another, if it is wanted."""
    if of.number == person.number:
        return None
    if population.kinship == "parents":
        return {of.father: "father", of.mother: "mother"}.get(person.number)
    if population.kinship == "children":
        return "child" if of.number in (person.mother, person.father) else None
    mothers = of.mother is not None and of.mother == person.mother
    fathers = of.father is not None and of.father == person.father
    if not mothers and not fathers:
        return None
    unknown = None in ((of.father, person.father) if mothers else (of.mother, person.mother))
    if mothers and fathers:
        kind = "full"
    elif unknown:
        kind = "unknown"
    else:
        kind = "maternal half" if mothers else "paternal half"
    if population.siblings not in ("any", kind):
        return None
    names = {"full": "full sibling", "unknown": "sibling"}
    return names.get(kind, f"{kind}-sibling")


def completed(study: sb.Study, person: Person, row: dict[str, Any], until: date) -> tuple[int, Any]:
    """How many requirements a person meets in a row, and the whole row if it stays."""
    index = row["index"]
    for step, requirement in enumerate(study.require.values()):
        if value_of(requirement, person, index) is not True:
            return step, None
    row = dict(row)
    for name, feature in (*study.covariates.items(), *study.measures.items()):
        row[name] = value_of(feature, person, index)
    if study.follow_up is None:
        return len(study.require), row
    passed, followed = follow(study, person, row["drug"], index, until, value_of)
    passed = len(study.require) + min(passed, len(step_names(study)))
    return passed, None if followed is None else row | followed


def collect(
    study: sb.Study, persons: Sequence[Person], until: date
) -> tuple[list[dict[str, Any]], list[int]]:
    """The cohort's rows in their order, and the rows left after each step."""
    world = World(persons, until)
    by_number = {person.number: person for person in persons}
    population = study.population
    around = isinstance(population, Matched | Relatives)
    own = population.cases if around else population
    own_steps = len(own.steps((study.first_day, study.last_day)))
    left = [0] * (own_steps + len(study.require) + len(step_names(study)))
    rows = []
    for person in sorted(persons, key=lambda one: one.number):
        passed, entered = enters(study, own, person, world)
        row = None
        if entered is not None:
            met, row = completed(study, person, {"person": person.number} | entered, until)
            passed += met
        for step in range(passed):
            left[step] += 1
        if row is not None:
            rows.append(row)
    if not around and not isinstance(population, PrevalentNewUsers):
        return [shown(study, row) for row in rows], left
    sets = []
    for number, row_of_case in enumerate(rows, 1):
        case, found = dict(row_of_case), []
        for row in candidates(study, case, world):
            _, whole = completed(study, by_number[row["person"]], row, until)
            if whole is not None:
                found.append(whole)
        ratio = getattr(population, "ratio", None)
        found = sorted(found[:ratio], key=lambda row: row["person"])
        named = {"relation": "proband"} if isinstance(population, Relatives) else {}
        if around and not population.cases.compares:
            case["drug"] = "case"
        sets.append(case | named | {"set": number, "case": True})
        sets += [row | {"set": number, "case": False} for row in found]
    return [shown(study, row) for row in sets], [*left, len(sets)]


def shown(study: sb.Study, row: dict[str, Any]) -> dict[str, Any]:
    """A row as the cohort shows it."""
    return row if study.population.compares else {k: v for k, v in row.items() if k != "drug"}


def short(rows: list[dict[str, Any]], ratio: int) -> int:
    """How many sets have fewer than they should."""
    sets: dict[int, int] = {}
    for row in rows:
        sets[row["set"]] = sets.get(row["set"], -1) + 1
    return sum(many < ratio for many in sets.values())
