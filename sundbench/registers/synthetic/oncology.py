"""Lung cancer and the planted oncology comparison: who is treated, with what, and how long they live.

All parameters stand in data/oncology.toml. ``truth.py`` integrates the same model exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sundbench.registers.synthetic.events import Contacts
from sundbench.registers.synthetic.figures import (
    DAYS_A_YEAR,
    NEVER,
    Days,
    Flags,
    Floats,
    Indices,
    day,
    figures,
    medicine_index,
    year_of,
)
from sundbench.registers.synthetic.health import Health, diseases
from sundbench.registers.synthetic.lives import region_of
from sundbench.registers.synthetic.world import World

LOOK_BACK = round(5 * DAYS_A_YEAR)


@dataclass
class Patients:
    """The enrolled patients of one chunk, one element a patient.

    Attributes:
        who: places in the chunk.
        entry: day of the first administration: day 0 of the comparison.
        age: age at entry in years.
        man: 1 for men.
        comorbidity: Charlson weights of what is recorded in the five years before entry, at most 3.
        squamous: whether the tumour is squamous.
        probability: of pembrolizumab.
        new: whether pembrolizumab was given.
        days: survival from entry in whole days, also where it goes on after the data's end.
    """

    who: Indices
    entry: Days
    age: Floats
    man: Floats
    comorbidity: Floats
    squamous: Flags
    probability: Floats
    new: Flags
    days: Days


@dataclass
class Tumours:
    """The lung cancers of one chunk: place in the chunk, day of diagnosis, ICD-O-3 morphology."""

    who: Indices
    when: Days
    morphology: list[str]


def charlson(health: Health, who: Indices, when: Days) -> Floats:
    """Charlson weights of the diseases found before a day; cancers add nothing to the lung cancer."""
    groups: dict[str, Floats] = {}
    for column, name in enumerate(diseases()):
        entry = figures("diseases")["disease"][name]
        if entry["charlson"] and "cancer" not in entry:
            weight = entry["charlson"] * (health.onset[who, column] <= when - 30)
            group = entry.get("charlson_group", name)
            groups[group] = np.maximum(groups.get(group, np.zeros(len(who))), weight)
    return np.asarray(sum(groups.values()), dtype=np.float64)


def enrol(world: World) -> tuple[Patients, Tumours]:
    """Choose, treat and let die the patients of one chunk; changes the deaths, moves and causes of death.

    Everyone with lung cancer dies by it: the treated after the planted survival time, whatever they would
    have died of otherwise; the others after an exponential time, unless something else comes first.
    """
    figure = figures("oncology")
    rng = world.stream("oncology")
    onset = world.health.first("lung_cancer").copy()
    ill = np.flatnonzero((onset <= world.lives.death) & (onset <= world.plan.end))
    ill = ill[world.lives.resident(ill, onset[ill])]
    size = len(ill)
    rule = figure["enrolment"]
    wait = rng.integers(rule["days_to_treatment"][0], rule["days_to_treatment"][1] + 1, size)
    treated = rng.random(size) < rule["treated_share"]
    squamous = rng.random(size) < figure["morphology"]["squamous_share"]
    choice, survival = rng.random(size), rng.random(size)
    other = 1 + rng.exponential(260, size).astype(np.int32)

    entry = (onset[ill] + wait).astype(np.int32)
    age = world.lives.age(ill, entry)
    treated &= (entry >= day(rule["first"])) & (entry <= world.plan.end) & (world.lives.death[ill] > entry)
    treated &= (age >= rule["ages"][0]) & (age < rule["ages"][1])
    treated &= world.lives.out[ill] > entry
    who = ill[treated]
    patients = _assign(world, who, entry[treated], squamous[treated], choice[treated])
    patients.days = np.ceil(survival_quantile(patients, patients.new, survival[treated])).astype(np.int32)

    rest = ill[~treated]
    world.lives.death[rest] = np.minimum(world.lives.death[rest], onset[rest] + other[~treated])
    world.lives.death[who] = patients.entry + patients.days
    by_cancer = world.lives.death[ill] == np.where(treated, world.lives.death[ill], onset[ill] + other)
    world.health.cause[ill[by_cancer]] = len(figures("diseases")["deaths"]["causes"])
    # Nobody with lung cancer moves abroad afterwards, and the enrolled get no other disease from then on.
    gone = ill[world.lives.out[ill] > onset[ill]]
    world.lives.out[gone], world.lives.back[gone] = NEVER, NEVER
    world.health.onset[who] = np.where(
        world.health.onset[who] > patients.entry[:, None] - 30, NEVER, world.health.onset[who]
    )
    world.health.first("lung_cancer")[who] = onset[who]
    return patients, _tumours(ill, onset[ill], treated, squamous, rng)


def _assign(world: World, who: Indices, entry: Days, squamous: Flags, choice: Floats) -> Patients:
    rule = figures("oncology")["assignment"]
    age = world.lives.age(who, entry)
    man = (world.lives.persons.sex[who] == 1).astype(np.float64)
    comorbidity = np.minimum(charlson(world.health, who, entry), 3)
    score = (
        rule["intercept"]
        + rule["age_per_10_years_from_70"] * (np.clip(age, 50, 88) - 70) / 10
        + rule["comorbidity"] * comorbidity
        + rule["squamous"] * squamous
        + rule["year_from_2021"] * (year_of(entry) - 2021)
        + rule["man"] * man
        + rule["region_84"] * (region_of()[world.lives.home(who, entry)] == 84)
    )
    probability = 1 / (1 + np.exp(-score))
    days = np.zeros(len(who), dtype=np.int32)
    return Patients(who, entry, age, man, comorbidity, squamous, probability, choice < probability, days)


def log_hazard(patients: Patients, new: Flags | bool) -> Floats:
    """Each patient's log-hazard against a woman of 70 on carboplatin, non-squamous, no comorbidity."""
    rule = figures("oncology")["survival"]
    effect = np.where(
        patients.squamous,
        np.log(rule["hazard_ratio_squamous"]),
        np.log(rule["hazard_ratio_non_squamous"]),
    )
    return np.asarray(
        rule["age_per_10_years_from_70"] * (np.clip(patients.age, 50, 88) - 70) / 10
        + rule["comorbidity"] * patients.comorbidity
        + rule["squamous"] * patients.squamous
        + rule["man"] * patients.man
        + effect * new
    )


def survival_quantile(patients: Patients, new: Flags | bool, tail: Floats) -> Floats:
    """The days after which each patient's survival has fallen to ``tail``."""
    rule = figures("oncology")["survival"]
    return np.asarray(
        rule["scale_days"] * (-np.log(tail) * np.exp(-log_hazard(patients, new))) ** (1 / rule["shape"])
    )


def _tumours(ill: Indices, when: Days, treated: Flags, squamous: Flags, rng: np.random.Generator) -> Tumours:
    kinds = figures("oncology")["morphology"]
    small = rng.random(len(ill)) < kinds["small_cell_share_untreated"]
    unsettled = rng.random(len(ill)) < kinds["placeholder_share_untreated"]
    pick = rng.integers(0, 3, len(ill))
    codes = np.where(squamous, np.array(kinds["squamous"])[pick], np.array(kinds["non_squamous"])[pick])
    codes = np.where(~treated & small, kinds["small_cell"][0], codes)
    codes = np.where(~treated & unsettled, kinds["placeholder"], codes)
    return Tumours(ill, when, [str(code) for code in codes])


@dataclass
class Administrations:
    """Doses of study medicines: place among the patients, day, whether it is the new one."""

    patient: Indices
    when: Days
    new: Flags


def administer(world: World, patients: Patients) -> Administrations:
    """Doses every three weeks from entry, while alive and on treatment."""
    rule = figures("oncology")["treatment"]
    rng = world.stream("administrations")
    size = len(patients.who)
    stop = rng.exponential(rule["pembrolizumab_mean_days_to_stop"], size)
    cycles = rng.choice(rule["carboplatin_cycles"], size)
    step = rule["days_between"]
    planned = np.where(
        patients.new,
        np.minimum(np.ceil(stop / step), rule["pembrolizumab_max"]),
        cycles,
    )
    alive = np.ceil(patients.days / step)
    count = np.maximum(np.minimum(planned, alive), 1).astype(np.int64)
    patient = np.repeat(np.arange(size), count)
    number = np.arange(len(patient)) - np.repeat(np.cumsum(count) - count, count)
    when = (patients.entry[patient] + step * number).astype(np.int32)
    kept = when <= world.plan.end
    return Administrations(patient[kept], when[kept], patients.new[patient[kept]])


def poisson_days(
    world: World, patients: Patients, per_year: Floats, rng: np.random.Generator
) -> tuple[Indices, Days]:
    """Events of a Poisson process while alive after entry: the patients' places and the days."""
    span = np.minimum(patients.days, world.plan.end - patients.entry + 1)
    count = rng.poisson(per_year * span / DAYS_A_YEAR)
    patient = np.repeat(np.arange(len(span)), count)
    when = patients.entry[patient] + np.floor(rng.random(len(patient)) * span[patient]).astype(np.int32)
    return patient, when.astype(np.int32)


def care(world: World, patients: Patients, doses: Administrations, contacts: Contacts) -> None:
    """Add the hospital contacts after entry: administrations, acute admissions, controls."""
    figure = figures("oncology")
    rng = world.stream("oncology care")
    visit, spells, visits = figure["visit"], figure["spells"], figure["visits"]
    sks = [figure["medicine"][name]["sks"] for name in ("carboplatin", "pembrolizumab")]
    contacts.add(
        patients.who[doses.patient],
        doses.when,
        kind="outpatient",
        diagnosis=contacts.code("DC349"),
        tariff=visit["tariff"],
        drg=visit["drg"],
        specialty="C",
        procedure=np.where(doses.new, contacts.code(sks[1]), contacts.code(sks[0])),
        own=True,
    )
    rate = np.where(patients.new, spells["per_year_pembrolizumab"], spells["per_year_carboplatin"])
    patient, when = poisson_days(
        world, patients, rate * np.exp(spells["comorbidity"] * patients.comorbidity), rng
    )
    pick = rng.choice(len(spells["drg"]), len(when), p=spells["weights"])
    last = (patients.entry + patients.days)[patient]
    stay = np.minimum(1 + rng.exponential(spells["mean_days"] - 1, len(when)).astype(np.int32), last - when)
    reasons = contacts.codes(spells["diagnoses"])
    contacts.add(
        patients.who[patient],
        when,
        kind="inpatient",
        diagnosis=reasons[rng.integers(0, len(reasons), len(when))],
        tariff=np.array(spells["tariffs"], dtype=np.float64)[pick],
        drg=np.array(spells["drg"])[pick],
        specialty="J",
        stay=stay,
        own=True,
    )
    patient, when = poisson_days(world, patients, np.full(len(patients.who), visits["per_year"]), rng)
    contacts.add(
        patients.who[patient],
        when,
        kind="outpatient",
        diagnosis=contacts.code(visits["diagnosis"]),
        tariff=visits["tariff"],
        drg=visits["drg"],
        specialty="C",
        own=True,
    )


def prescriptions(world: World, patients: Patients) -> tuple[Indices, Days, Indices]:
    """Dispensings after entry: places in the chunk, days, and places in ``medicines()``."""
    rule: dict[str, Any] = figures("oncology")["prescriptions"]
    rng = world.stream("oncology prescriptions")
    rate = rule["per_year"] + rule["per_year_comorbidity"] * patients.comorbidity
    patient, when = poisson_days(world, patients, rate, rng)
    index = np.array([medicine_index()[atc] for atc in rule["atc"]])
    drug = index[rng.choice(len(index), len(when), p=rule["weights"])]
    return patients.who[patient], when, drug


def services(world: World, patients: Patients) -> tuple[Indices, Days]:
    """Primary-care services after entry: places in the chunk and days."""
    rule = figures("oncology")["primary_care"]
    rng = world.stream("oncology services")
    rate = rule["per_year"] + rule["per_year_comorbidity"] * patients.comorbidity
    patient, when = poisson_days(world, patients, rate, rng)
    return patients.who[patient], when
