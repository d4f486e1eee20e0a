"""The planted drug comparisons and the rare harm: who gets which drug, and what comes of it.

All parameters stand in data/comparisons.toml; each outcome has a constant hazard from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sundbench.registers.synthetic.events import Contacts, PersonYears, scatter
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
from sundbench.registers.synthetic.health import Health, diseases, onset_by_age
from sundbench.registers.synthetic.lives import Lives
from sundbench.registers.synthetic.world import World

COMPARISONS = ("anticoagulants", "glucose_lowering", "antidepressants")

# Diseases (diseases.toml) that are an outcome: a comparison's users get them by the planted hazard alone.
AS_DISEASE = {
    ("anticoagulants", "bleeding"): "bleeding",
    ("anticoagulants", "stroke"): "stroke",
    ("glucose_lowering", "heart_failure"): "heart_failure",
    ("antidepressants", "hip_fracture"): "hip_fracture",
}


@dataclass(frozen=True)
class Users:
    """The new users of one comparison in one chunk, one element a person.

    Attributes:
        who: places in the chunk.
        start: day of the first dispensing.
        age: age then, in years from 70, in tens.
        comorbidity: number of listed diseases before, at most 4.
        probability: of the new drug (0 before it was on the market).
        new: whether it was the new drug.
        events: the day of each outcome's first event, NEVER if it doesn't come before death.
    """

    who: Indices
    start: Days
    age: Floats
    comorbidity: Floats
    probability: Floats
    new: Flags
    events: dict[str, Days]


def begin(world: World, name: str) -> Users:
    """Choose one comparison's users and plant its outcomes; they replace the diseases' ordinary onset."""
    figure = figures("comparisons")
    rule = figure[name]
    rng = world.stream(name)
    start = _starts(rule, world.lives, world.health, rng)
    who = np.flatnonzero((start <= world.plan.end) & (start < world.lives.death))
    who = who[world.lives.resident(who, np.maximum(start[who], world.lives.persons.entry[who]))]
    begun = start[who]
    age = (world.lives.age(who, begun) - 70) / 10
    listed = [diseases().index(disease) for disease in figure["comorbidities"]]
    ill = (world.health.onset[who][:, listed] < begun[:, None]).sum(axis=1)
    comorbidity = np.minimum(ill, 4).astype(np.float64)
    score = rule["intercept"] + rule["age"] * np.clip(age, -3, 2) + rule["comorbidity"] * comorbidity
    score += rule["year"] * (year_of(begun) - rule["year_from"])
    probability = np.clip(1 / (1 + np.exp(-score)), 0.08, 0.92)
    probability = np.where(begun < day(rule["new_since"]), 0.0, probability)
    new = rng.random(len(who)) < probability
    users = Users(who, begun, age, comorbidity, probability, new, {})
    for outcome, table in rule["outcomes"].items():
        days = rng.exponential(size=len(who)) / hazard(table, users) * DAYS_A_YEAR
        when = np.minimum(begun + 1 + days, NEVER).astype(np.int32)
        users.events[outcome] = np.where(when < world.lives.death[who], when, NEVER).astype(np.int32)
        disease = AS_DISEASE[name, outcome]
        first = world.health.first(disease)
        natural = np.where(first[who] < begun, first[who], NEVER)
        first[who] = np.minimum(natural, users.events[outcome])
    return users


def hazard(table: dict[str, Any], users: Users) -> Floats:
    """The planted hazard of an outcome, a year, for each user as treated."""
    effect = np.where(users.new, table["hazard_ratio"], 1.0)
    level = table["age"] * np.clip(users.age, -3, 3) + table["comorbidity"] * users.comorbidity
    return np.asarray(table["per_100_years"] / 100 * np.exp(level) * effect)


def _starts(rule: dict[str, Any], lives: Lives, health: Health, rng: np.random.Generator) -> Days:
    size = len(lives.frailty)
    if "disease" in rule:
        onset = health.first(rule["disease"]).astype(np.int64)
        start = onset + rng.integers(rule["days_after"][0], rule["days_after"][1] + 1, size)
        chosen = rng.random(size) < rule["share_treated"]
    else:
        ages = np.arange(106, dtype=np.float64)
        rate = np.interp(ages[:-1] + 0.5, rule["start_ages"], rule["starts_per_1000"]) / 1000
        both = np.tile(np.r_[0.0, np.cumsum(rate)], (2, 1))
        target = rng.exponential(size=size)
        start = onset_by_age((ages, both), lives.persons.birth, lives.persons.sex, target).astype(np.int64)
        chosen = np.ones(size, dtype=bool)
    since = max(day(rule["standard_since"]), day(rule.get("only_from", "1900-01-01")))
    return np.where(chosen & (start >= since), np.minimum(start, NEVER), NEVER).astype(np.int32)


def admit(world: World, name: str, users: Users, quiet: Days, contacts: Contacts) -> None:
    """Write the planted outcomes as admissions.

    Args:
        world: the chunk.
        name: the comparison.
        users: its users.
        quiet: days from which another part writes a person's events, by place.
        contacts: to add to.
    """
    rng = world.stream(f"{name} outcomes")
    for outcome, table in figures("comparisons")[name]["outcomes"].items():
        when = users.events[outcome]
        pick = rng.choice(len(table["icd10"]), len(when), p=table["weights"])
        tariff = 20000 + 20000 * rng.random(len(when))
        stay = np.minimum(
            1 + rng.exponential(4, len(when)).astype(np.int32), world.lives.death[users.who] - when
        )
        kept = (when <= world.plan.end) & (when < quiet[users.who])
        contacts.add(
            users.who[kept],
            when[kept],
            kind="inpatient",
            diagnosis=contacts.codes(table["icd10"])[pick[kept]],
            tariff=tariff[kept],
            drg="06MA11" if outcome == "bleeding" else "05MA11",
            specialty=np.array([code[1] for code in table["icd10"]])[pick[kept]],
            stay=stay[kept],
        )


def dispense(world: World, name: str, users: Users, until: Days) -> tuple[Indices, Days, Indices]:
    """Dispensings of the comparison's drug from the first on, every three months: places, days, medicines."""
    rule = figures("comparisons")[name]
    rng = world.stream(f"{name} dispensings")
    index = np.array([medicine_index()[rule["standard"]], medicine_index()[rule["new"]]])
    every = DAYS_A_YEAR / rule["refills"]
    use = rng.exponential(size=len(users.who)) * rule.get("years_of_use_mean", np.inf) * DAYS_A_YEAR
    span = np.minimum(until[users.who], world.plan.end + 1) - users.start
    span = np.minimum(span, np.maximum(use, 1))
    count = np.where(span > 0, np.ceil(span / every), 0).astype(np.int64)
    user = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    shift = np.where(number > 0, rng.integers(-12, 13, len(user)), 0)
    when = users.start[user] + np.floor(number * every).astype(np.int32) + shift
    kept = when < np.minimum(until[users.who[user]], world.plan.end + 1)
    return users.who[user[kept]], when[kept].astype(np.int32), index[users.new[user[kept]].astype(np.int64)]


def rare_harm(
    world: World, years: PersonYears, contacts: Contacts
) -> tuple[tuple[Indices, Days, Indices], dict[str, float]]:
    """Courses of the harmful drug, and tendon ruptures that they make more frequent.

    Returns:
        The dispensings (places, days, medicines), and counts for the truth: courses, ruptures in and outside
        the risk window.
    """
    rule = figures("comparisons")["tendon_rupture"]
    rng = world.stream("tendon_rupture")
    courses = np.interp(years.age, rule["course_ages"], rule["courses_per_100"]) / 100
    _, who, when = scatter(years, courses, rng)
    rate = np.interp(years.age, rule["rate_ages"], rule["per_1000_years"]) / 1000
    _, hurt, at = scatter(years, rate, rng)
    # The background rate everywhere, and rate_ratio - 1 times as much again in each risk window.
    first, last = rule["risk_days"]
    own = _rate_at(years, rate, who, when)
    extra = rng.poisson((rule["rate_ratio"] - 1) * own * (last - first + 1) / DAYS_A_YEAR)
    course = np.repeat(np.arange(len(who)), extra)
    after = when[course] + rng.integers(first, last + 1, len(course))
    ends = np.zeros(int(years.person.max(initial=0)) + 1, dtype=np.int64)
    np.maximum.at(ends, years.person, years.begin + years.days - 1)
    kept = after <= ends[who[course]]
    person = np.concatenate([hurt, who[course][kept]])
    day_of = np.concatenate([at, after[kept]]).astype(np.int32)
    pick = rng.choice(len(rule["icd10"]), len(person), p=rule["weights"])
    contacts.add(
        person,
        day_of,
        kind="emergency",
        diagnosis=contacts.codes(rule["icd10"])[pick],
        tariff=1100,
        drg="AA01A",
        specialty="S",
    )
    drug = np.full(len(who), medicine_index()[rule["drug"]], dtype=np.int64)
    counts = {"courses": len(who), "ruptures": len(person), "ruptures_caused": int(kept.sum())}
    return (who, when, drug), {name: float(count) for name, count in counts.items()}


def _rate_at(years: PersonYears, rate: Floats, who: Indices, when: Days) -> Floats:
    """The rates of the person-years in which persons' days fall."""
    key = years.person * 100_000 + years.begin
    place = np.searchsorted(key, who * 100_000 + when, side="right") - 1
    return rate[place]


def summary(world: World, name: str, users: Users) -> dict[str, float]:
    """Counts of one comparison for truth.json: users and first events by drug, of those who could choose."""
    both = users.probability > 0
    end = np.minimum(world.lives.death[users.who], world.plan.end)
    counts: dict[str, float] = {}
    for arm, chosen in (("new", users.new & both), ("standard", ~users.new & both)):
        counts[f"{name}.{arm}"] = float(chosen.sum())
        for outcome, when in users.events.items():
            counts[f"{name}.{arm}.{outcome}"] = float((chosen & (when <= end)).sum())
    return counts


def planted(users: dict[str, Users]) -> dict[str, Indices]:
    """By disease, those whose first contact is a planted outcome: ``admit`` writes it."""
    result: dict[str, list[Indices]] = {}
    for (comparison, outcome), disease in AS_DISEASE.items():
        group = users[comparison]
        result.setdefault(disease, []).append(group.who[group.events[outcome] < NEVER])
    return {disease: np.concatenate(parts) for disease, parts in result.items()}
