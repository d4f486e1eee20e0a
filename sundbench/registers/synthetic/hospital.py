"""Hospital contacts of ordinary life: chance admissions, visits and emergencies, and the diseases'."""

from __future__ import annotations

from typing import Any

import numpy as np

from sundbench.registers.synthetic.events import Contacts, PersonYears, scatter
from sundbench.registers.synthetic.figures import Days, Floats, Indices, figures
from sundbench.registers.synthetic.health import diseases
from sundbench.registers.synthetic.lives import Lives
from sundbench.registers.synthetic.oncology import LOOK_BACK, Patients
from sundbench.registers.synthetic.plan import Plan
from sundbench.registers.synthetic.world import World

_INPATIENT_ONSET = 0.45
"""Share of first diagnoses made during an admission, where the disease doesn't say."""


def ordinary(world: World, years: PersonYears, contacts: Contacts) -> None:
    """Add contacts for what diseases.toml doesn't name."""
    rng = world.stream("ordinary contacts")
    table = figures("hospital")
    rates = table["rates"]
    times = np.exp(rates["frailty"] * world.lives.frailty[years.person] - rates["frailty"] ** 2 / 2)
    ailments = (world.health.onset[years.person] < years.begin[:, None]).sum(axis=1)
    times *= 1 + rates["ill_times"] * ailments
    last_year = world.lives.death[years.person] - years.begin < 365
    times *= np.where(last_year, rates["last_year_of_life_times"], 1.0)
    for kind, column in (
        ("inpatient", "inpatient"),
        ("emergency", "emergency"),
        ("outpatient", "outpatient_courses"),
    ):
        # The rates count everybody; the ill and the dying have more, so the base lies lower.
        rate = np.interp(years.age, rates["ages"], rates[column]) * times * _BASE
        _, who, when = scatter(years, rate, rng)
        codes, weights = zip(*table["diagnoses"][kind], strict=True)
        pick = rng.choice(len(codes), len(who), p=np.array(weights) / sum(weights))
        tariff, drg = _tariffs(table["tariffs"], kind, len(who), rng)
        stay, visits = _lengths(kind, len(who), rng)
        contacts.add(
            who,
            when,
            kind=kind,
            diagnosis=contacts.codes(list(codes))[pick],
            tariff=tariff,
            drg=drg,
            specialty=np.array([code[1] for code in codes])[pick],
            stay=np.minimum(stay, world.lives.death[who] - when),
            visits=visits,
            procedure=_procedures(table["procedures"], kind, len(who), contacts, rng),
        )
        if kind == "inpatient":
            _emergencies_before(who, when, contacts, rng)
    _births(world.plan, world.lives, contacts, rng)


_BASE = 0.85


def _lengths(kind: str, size: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    none, one = np.zeros(size, dtype=np.int64), np.ones(size, dtype=np.int64)
    if kind == "inpatient":
        mean = figures("hospital")["stay"]["mean_days"]
        return 1 + np.floor(rng.exponential(mean - 0.5, size)).astype(np.int64), one
    if kind == "outpatient":
        more = rng.geometric(1 / figures("hospital")["rates"]["visits_a_course_mean"], size)
        return none, np.minimum(more, 8)
    return none, one


def _tariffs(
    table: dict[str, Any], kind: str, size: int, rng: np.random.Generator
) -> tuple[Floats, np.ndarray[Any, np.dtype[np.str_]]]:
    groups, prices, weights = zip(*table[kind], strict=True)
    pick = rng.choice(len(groups), size, p=np.array(weights) / sum(weights))
    spread = np.exp(table["spread"] * rng.standard_normal(size) - table["spread"] ** 2 / 2)
    return np.round(np.array(prices)[pick] * spread), np.array(groups)[pick]


def _procedures(
    table: dict[str, Any], kind: str, size: int, contacts: Contacts, rng: np.random.Generator
) -> Indices:
    if kind not in table:
        return np.full(size, -1, dtype=np.int64)
    codes, weights = zip(*table[kind], strict=True)
    pick = rng.choice(len(codes), size, p=np.array(weights) / sum(weights))
    has = rng.random(size) < table["share"]
    return np.where(has, contacts.codes(list(codes))[pick], -1)


def _emergencies_before(who: Indices, when: Days, contacts: Contacts, rng: np.random.Generator) -> None:
    """One admission in five begins in the emergency room: a contact of the same day, without a tariff."""
    chosen = rng.random(len(who)) < 0.2
    contacts.add(
        who[chosen],
        when[chosen],
        kind="emergency",
        diagnosis=contacts.code("DZ038"),
        tariff=0.0,
        drg="",
        specialty="Z",
    )


def _births(plan: Plan, lives: Lives, contacts: Contacts, rng: np.random.Generator) -> None:
    """The mothers' admissions: one a birth, so that twins share it."""
    persons = lives.persons
    born = (persons.birth >= plan.start) & (persons.birth <= plan.end) & (lives.mother >= 0)
    children = np.flatnonzero(born & (persons.twin < 0))
    mothers, when = lives.mother[children], persons.birth[children]
    kept = lives.resident(mothers, when)
    mothers, when = mothers[kept], when[kept]
    codes, weights = zip(*figures("hospital")["diagnoses"]["childbirth"], strict=True)
    pick = rng.choice(len(codes), len(when), p=np.array(weights) / sum(weights))
    contacts.add(
        mothers,
        when,
        kind="inpatient",
        diagnosis=contacts.codes(list(codes))[pick],
        tariff=np.where(pick == 0, 14500.0, 32000.0),
        drg=np.where(pick == 0, "14MA02", "14MP05"),
        specialty="O",
        stay=rng.integers(1, 4, len(when)),
    )


def of_diseases(world: World, years: PersonYears, skip: dict[str, Indices], contacts: Contacts) -> None:
    """Add each disease's first contact and its yearly outpatient courses.

    Args:
        world: the chunk.
        years: their years of ordinary care.
        skip: by disease, the persons whose first contact is a planted outcome, written elsewhere.
        contacts: to add to.
    """
    rng = world.stream("disease contacts")
    for column, (name, entry) in enumerate(figures("diseases")["disease"].items()):
        onset = world.health.onset[:, column]
        chapter = "F" if entry.get("psychiatric") else entry["icd10"][0][1]
        codes = contacts.codes(entry["icd10"])
        first = np.flatnonzero((onset >= world.plan.start) & (onset <= world.plan.end))
        first = first[world.lives.resident(first, onset[first])]
        inpatient = np.full(len(first), bool(entry.get("inpatient")))
        inpatient |= rng.random(len(first)) < _INPATIENT_ONSET
        written = ~np.isin(first, skip.get(name, np.zeros(0, dtype=np.int64)))
        for kind, some in (("inpatient", inpatient & written), ("outpatient", ~inpatient & written)):
            _disease_contacts(
                world, first[some], onset[first[some]], rng, contacts, kind=kind, codes=codes, chapter=chapter
            )
        since = onset[years.person]
        rate = np.where(since < years.begin - 20, entry["follow_up"], 0.0)
        if name == "lung_cancer":
            rate = np.where(since < years.begin, 4.0, 0.0)
        _, who, when = scatter(years, rate, rng)
        _disease_contacts(world, who, when, rng, contacts, kind="outpatient", codes=codes, chapter=chapter)


def _disease_contacts(
    world: World,
    who: Indices,
    when: Days,
    rng: np.random.Generator,
    contacts: Contacts,
    *,
    kind: str,
    codes: Indices,
    chapter: str,
) -> None:
    tariff, drg = _tariffs(figures("hospital")["tariffs"], kind, len(who), rng)
    stay, visits = _lengths(kind, len(who), rng)
    contacts.add(
        who,
        when,
        kind=kind,
        diagnosis=codes[np.where(rng.random(len(who)) < 0.75, 0, len(codes) - 1)],
        tariff=tariff,
        drg=drg,
        specialty=chapter,
        stay=np.minimum(stay + (kind == "inpatient"), world.lives.death[who] - when),
        visits=np.minimum(visits, 3),
        psychiatric=chapter == "F",
    )


def before_entry(world: World, patients: Patients, contacts: Contacts) -> None:
    """See to it that all comorbidity behind the planted truth is recorded in the five years before entry."""
    rng = world.stream("before entry")
    for column, name in enumerate(diseases()):
        entry = figures("diseases")["disease"][name]
        ill = world.health.onset[patients.who, column] <= patients.entry - 30
        ill &= world.health.onset[patients.who, column] < patients.entry
        chosen = np.flatnonzero(ill & (entry["charlson"] > 0))
        earliest = np.maximum(patients.entry[chosen] - LOOK_BACK + 40, world.plan.start)
        latest = patients.entry[chosen] - 31
        when = latest - np.floor(rng.random(len(chosen)) ** 2 * np.maximum(latest - earliest, 1))
        contacts.add(
            patients.who[chosen],
            when.astype(np.int32),
            kind="outpatient",
            diagnosis=contacts.code(entry["icd10"][0]),
            tariff=1800.0,
            drg="23MA98",
            specialty="I",
            own=True,
        )
    tariff, drg = _tariffs(figures("hospital")["tariffs"], "outpatient", len(patients.who), rng)
    contacts.add(
        patients.who,
        (patients.entry - rng.integers(3, 14, len(patients.who))).astype(np.int32),
        kind="outpatient",
        diagnosis=contacts.code("DC349"),
        tariff=tariff,
        drg=drg,
        specialty="C",
        own=True,
    )
