"""Who gets which disease when, and what people die of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from sundbench.registers.synthetic.figures import (
    DAYS_A_YEAR,
    NEVER,
    Days,
    Floats,
    Indices,
    Sexes,
    day,
    figures,
)
from sundbench.registers.synthetic.lives import Lives
from sundbench.registers.synthetic.plan import Plan

OLDEST = 115


@cache
def diseases() -> list[str]:
    """The names of the diseases, in the order of the data file."""
    return list(figures("diseases")["disease"])


@cache
def enriched() -> dict[str, tuple[int, float]]:
    """Diseases made more frequent than they are, for enough patients: from which day on, how many times."""
    planted = {"lung_cancer": figures("oncology")["enrolment"]}
    for rule in figures("comparisons").values():
        if isinstance(rule, dict) and "disease" in rule and "enrichment" in rule:
            planted[rule["disease"]] = rule
    return {name: (day(rule["enriched_from"]), rule["enrichment"]) for name, rule in planted.items()}


@dataclass
class Health:
    """The diseases of one chunk's persons.

    Attributes:
        onset: first day of each disease, NEVER if it doesn't come; one row a person, one column a disease.
        cause: index of the cause of death (deaths.causes of diseases.toml; one past the end: lung cancer).
    """

    onset: Days
    cause: Indices

    def first(self, disease: str) -> Days:
        """The first days of one disease (a view: what is written to it stays)."""
        return self.onset[:, diseases().index(disease)]


@cache
def _cumulative(disease: str) -> tuple[Floats, Floats]:
    """Ages and the cumulative hazard up to them, by sex (two columns)."""
    table = figures("diseases")
    entry = table["disease"][disease]
    ages = np.arange(OLDEST + 1, dtype=np.float64)
    middle = ages[:-1] + 0.5
    kept = 1 - entry["from_deaths"]
    rates = np.array([np.interp(middle, table["ages"], entry[sex]) for sex in ("men", "women")]) / 1000 * kept
    return ages, np.concatenate([np.zeros((2, 1)), np.cumsum(rates, axis=1)], axis=1)


def onset_by_age(
    hazards: tuple[Floats, Floats],
    birth: Days,
    sex: Sexes,
    target: Floats,
    boost: tuple[int, float] | None = None,
) -> Days:
    """The days on which persons' cumulative hazards reach their targets.

    Args:
        hazards: whole ages, and the cumulative hazard up to each, one row a sex (men, women).
        birth: days of birth.
        sex: 1 or 2.
        target: exponential draws, divided by the person's own multiplier.
        boost: from which day the hazard is how many times as high; None where it stays.

    Returns:
        Day numbers; NEVER where the target isn't reached by the oldest age.
    """
    ages, cumulative = hazards
    result = np.full(len(birth), NEVER, dtype=np.int32)
    for code in (1, 2):
        own = np.flatnonzero(sex == code)
        hazard, goal = cumulative[code - 1], target[own]
        if boost is not None:
            since, times = boost
            at_change = np.interp((since - birth[own]) / DAYS_A_YEAR, ages, hazard)
            goal = np.where(goal > at_change, at_change + (goal - at_change) / times, goal)
        reached = goal < hazard[-1]
        # np.interp needs rising abscissae: flat stretches at the start are skipped.
        rising = np.r_[np.diff(hazard) > 0, True]
        age = np.interp(goal, hazard[rising], ages[rising])
        result[own] = np.where(reached, birth[own] + age * DAYS_A_YEAR, NEVER).astype(np.int32)
    return result


def fall_ill(plan: Plan, chunk: int, lives: Lives) -> Health:
    """Draw the diseases and causes of death of one chunk's persons."""
    rng = plan.stream(chunk, "health")
    table = figures("diseases")["disease"]
    persons = lives.persons
    size = len(persons.birth)
    onset = np.full((size, len(table)), NEVER, dtype=np.int32)
    for column, (name, entry) in enumerate(table.items()):
        loading = entry["frailty"]
        target = rng.exponential(size=size) / np.exp(loading * lives.frailty - loading**2 / 2)
        boost = enriched().get(name)
        onset[:, column] = onset_by_age(_cumulative(name), persons.birth, persons.sex, target, boost=boost)
    health = Health(onset, _causes(lives, plan, rng))
    _illness_before_death(lives, health, plan, rng)
    onset[onset > lives.death[:, None]] = NEVER
    return health


def _causes(lives: Lives, plan: Plan, rng: np.random.Generator) -> Indices:
    table = figures("diseases")["deaths"]
    age = (np.minimum(lives.death, plan.end) - lives.persons.birth) / DAYS_A_YEAR
    shares = np.array([np.interp(age, table["ages"], column) for column in np.array(table["shares"]).T])
    steps = np.cumsum(shares, axis=0) / shares.sum(axis=0)
    return np.asarray((rng.random(len(age)) > steps).sum(axis=0), dtype=np.int64)


def _illness_before_death(lives: Lives, health: Health, plan: Plan, rng: np.random.Generator) -> None:
    """Let those who die of a disease have had it, as often as the disease's ``from_deaths`` allows for."""
    table: dict[str, Any] = figures("diseases")["deaths"]
    size = len(lives.frailty)
    for place, cause in enumerate(table["causes"]):
        behind = table["behind"].get(cause)
        pick, lag, draws = rng.random(size), rng.exponential(table["years_ill_mean"], size), rng.random(size)
        if behind is None:
            continue
        dying = np.flatnonzero((health.cause == place) & (lives.death <= plan.end) & (draws < 0.6))
        chosen = np.minimum((pick[dying] * len(behind)).astype(np.int64), len(behind) - 1)
        for number, name in enumerate(behind):
            if name == "prostate_cancer":
                fit = lives.persons.sex[dying] == 1
            elif name == "breast_cancer":
                fit = lives.persons.sex[dying] == 2
            else:
                fit = np.ones(len(dying), dtype=bool)
            who = dying[(chosen == number) & fit]
            first = health.first(name)
            adult = lives.persons.birth[who] + 30 * 365
            fallen = np.maximum(lives.death[who] - 5 - (lag[who] * DAYS_A_YEAR).astype(np.int32), adult)
            first[who] = np.minimum(first[who], np.minimum(fallen, lives.death[who]))
