"""How the persons live: death, moves abroad, couples, parents, homes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from sundbench.registers.synthetic.figures import (
    DAYS_A_YEAR,
    NEVER,
    Days,
    Flags,
    Floats,
    Indices,
    When,
    day,
    figures,
    year_start,
)
from sundbench.registers.synthetic.persons import CAME, Persons
from sundbench.registers.synthetic.plan import Plan

VNDS_END = day("2024-12-31")
"""The migration register ends here; nobody moves abroad later, so that no move goes unregistered."""

_FRAILTY_OF_DEATH = 0.2


@dataclass
class Lives:
    """The lives of one chunk's persons, one element a person; NEVER for days that don't come.

    Attributes:
        persons: who they are.
        frailty: a standard normal score that raises death, illness and use of care alike.
        death: day of death.
        out, back: the day of emigration and of the return.
        mother, father: places of the parents in the chunk, or -1.
        partner: place of the partner, or -1; couple from ``couple`` on, married from ``wedding`` on.
        wedding: the day of the wedding.
        couple: the day they moved together.
        leaves_home: the day a child gets a household of its own.
        municipality, new_municipality: where the person lives, and from ``moves`` on.
        moves: the day of the move within Denmark.
        renumbering: the day of a new person number.
    """

    persons: Persons
    frailty: Floats
    death: Days
    out: Days
    back: Days
    mother: Indices
    father: Indices
    partner: Indices
    couple: Days
    wedding: Days
    leaves_home: Days
    municipality: Indices
    new_municipality: Indices
    moves: Days
    renumbering: Days

    def resident(self, who: Indices, when: When) -> Flags:
        """Whether the persons ``who`` live in Denmark on the days ``when``."""
        entry, death = self.persons.entry[who], self.death[who]
        abroad = (when >= self.out[who]) & (when < self.back[who])
        return np.asarray((when >= entry) & (when <= death) & ~abroad)

    def age(self, who: Indices, when: When) -> Floats:
        """Ages in years."""
        return np.asarray((when - self.persons.birth[who]) / DAYS_A_YEAR)

    def home(self, who: Indices, when: When) -> Indices:
        """Municipality codes on the days ``when``."""
        return np.where(when >= self.moves[who], self.new_municipality[who], self.municipality[who])


@cache
def region_of() -> Indices:
    """Region codes (81-85) by municipality code."""
    table = np.zeros(1000, dtype=np.int64)
    for region, municipality, _ in figures("population")["homes"]["municipalities"]:
        table[municipality] = region
    return table


def live(plan: Plan, chunk: int, persons: Persons) -> Lives:
    """Draw the lives of one chunk's persons."""
    rng = plan.stream(chunk, "lives")
    size = len(persons.birth)
    frailty = rng.standard_normal(size)
    death = _deaths(plan, persons, frailty, rng)
    if chunk % 20 == 0:
        death[0] = max(int(death[0]), plan.start + 400)  # the woman of 105 turns 106
    out, back = _abroad(plan, persons, death, rng)
    partner, couple, wedding = _couples(persons, rng)
    never = np.full(size, -1, dtype=np.int64)
    lives = Lives(
        persons=persons,
        frailty=frailty,
        death=death,
        out=out,
        back=back,
        mother=never,
        father=never.copy(),
        partner=partner,
        couple=couple,
        wedding=wedding,
        leaves_home=(persons.birth + (18.5 + 3 * rng.random(size)) * DAYS_A_YEAR).astype(np.int32),
        municipality=never,
        new_municipality=never,
        moves=np.full(size, NEVER, dtype=np.int32),
        renumbering=np.full(size, NEVER, dtype=np.int32),
    )
    lives.mother = _mothers(lives, rng)
    _fathers(lives)
    _homes(plan, lives, rng)
    span = np.maximum(np.minimum(death, plan.end) - persons.entry, 1)
    at = persons.entry + 1 + (rng.random(size) * 0.9 * span).astype(np.int32)
    lives.renumbering = np.where(persons.renumbered, at, NEVER).astype(np.int32)
    return lives


@cache
def death_rates() -> Floats:
    """Deaths a person-year in the reference year, by sex (0 men, 1 women) and whole age."""
    table = figures("population")["mortality"]
    ages = np.arange(121) + 0.5
    ages[0] = 0.0
    logs = [np.interp(ages, table["ages"], np.log(np.array(table[sex]) / 1000)) for sex in ("men", "women")]
    return np.asarray(np.exp(np.array(logs)))


@cache
def death_trend() -> Floats:
    """How much of its level mortality loses a year, by whole age."""
    table = figures("population")["mortality"]
    return np.asarray(np.interp(np.arange(121), table["fall_ages"], table["fall_a_year"]))


def _deaths(plan: Plan, persons: Persons, frailty: Floats, rng: np.random.Generator) -> Days:
    years = np.array(plan.years)
    begins = year_start(np.append(years, years[-1] + 1))
    from_day = np.maximum(begins[:-1], persons.entry[:, None])
    exposure = np.clip(begins[1:] - from_day, 0, None) / DAYS_A_YEAR
    age = np.clip(np.floor((from_day - persons.birth[:, None]) / DAYS_A_YEAR), 0, 120).astype(np.int64)
    rate = death_rates()[persons.sex[:, None] - 1, age]
    rate *= np.exp(-death_trend()[age] * (years - figures("population")["mortality"]["year"]))
    # Mean one at birth: the frail die first, so that the survivors' mean is a little lower.
    rate *= np.exp(_FRAILTY_OF_DEATH * frailty - _FRAILTY_OF_DEATH**2 / 2)[:, None]
    cumulative = np.cumsum(rate * exposure, axis=1)
    target = rng.exponential(size=len(frailty))
    return invert(cumulative, target, from_day, begins[1:])


def invert(cumulative: Floats, target: Floats, begins: Days, ends: Days) -> Days:
    """The days on which cumulative hazards, one row a person and one column a period, reach their targets."""
    reached = cumulative >= target[:, None]
    column = reached.argmax(axis=1)
    rows = np.arange(len(target))
    before = np.where(column > 0, cumulative[rows, column - 1], 0.0)
    step = np.maximum(cumulative[rows, column] - before, 1e-300)
    begins = np.broadcast_to(begins, cumulative.shape)[rows, column]
    ends = np.broadcast_to(ends, cumulative.shape)[rows, column]
    when = begins + np.floor((target - before) / step * (ends - begins) * (1 - 1e-9))
    return np.where(reached.any(axis=1), np.where(reached.any(axis=1), when, 0), NEVER).astype(np.int32)


def _abroad(plan: Plan, persons: Persons, death: Days, rng: np.random.Generator) -> tuple[Days, Days]:
    table = figures("population")["emigration"]
    years = np.array(plan.years)
    begins = year_start(np.append(years, years[-1] + 1))
    from_day = np.maximum(begins[:-1], persons.entry[:, None] + 1)
    exposure = np.clip(begins[1:] - from_day, 0, None) / DAYS_A_YEAR
    age = (from_day - persons.birth[:, None]) / DAYS_A_YEAR
    band = np.clip(np.searchsorted(table["age_bands"], age, side="right") - 1, 0, None)
    rate = np.array(table["per_1000"])[band] / 1000
    rate *= np.where(persons.kind == CAME, table["immigrants_times"], 1.0)[:, None]
    size = len(death)
    out = invert(np.cumsum(rate * exposure, axis=1), rng.exponential(size=size), from_day, begins[1:])
    out = np.where((out < death) & (out <= min(plan.end, VNDS_END)), out, NEVER).astype(np.int32)
    stay = 30 + rng.exponential(table["years_abroad_mean"] * DAYS_A_YEAR, size)
    returns = rng.random(size) < table["returning"]
    home = np.where(returns, out + stay, NEVER).astype(np.int64)
    back = np.where((home < death) & (home <= min(plan.end, VNDS_END)), home, NEVER).astype(np.int32)
    # Those who die abroad are not known to the registers: they are taken never to die.
    death[(out < NEVER) & (back == NEVER)] = NEVER
    return out, back


def _couples(persons: Persons, rng: np.random.Generator) -> tuple[Indices, Days, Days]:
    table = figures("population")["couples"]
    size = len(persons.birth)
    chosen = rng.random(size) < table["share_partnered"]
    chosen &= persons.kind != CAME
    noise = rng.normal(0, 700, size)
    women = np.flatnonzero(chosen & (persons.sex == 2))
    men = np.flatnonzero(chosen & (persons.sex == 1))
    women = women[np.argsort(persons.birth[women] + noise[women], kind="stable")]
    shifted = persons.birth + table["age_gap_mean"] * DAYS_A_YEAR + noise
    men = men[np.argsort(shifted[men], kind="stable")]
    pairs = min(len(women), len(men))
    # The youngest of the larger sex stay single; then the k-th woman lives with the k-th man.
    women, men = women[:pairs], men[:pairs]
    partner = np.full(size, -1, dtype=np.int64)
    couple = np.full(size, NEVER, dtype=np.int32)
    wedding = np.full(size, NEVER, dtype=np.int32)
    younger = np.maximum(persons.birth[women], persons.birth[men])
    start = (
        younger
        + np.clip(rng.normal(table["age_at_start_mean"], table["age_at_start_sd"], pairs), 19, 60)
        * DAYS_A_YEAR
    )
    married = np.where(rng.random(pairs) < table["share_married"], start + rng.exponential(900, pairs), NEVER)
    for one, other in ((women, men), (men, women)):
        partner[one] = other
        couple[one] = start.astype(np.int32)
        wedding[one] = np.minimum(married, NEVER).astype(np.int32)
    return partner, couple, wedding


def _mothers(lives: Lives, rng: np.random.Generator) -> Indices:
    persons = lives.persons
    table = figures("population")["births"]
    mother = np.full(len(persons.birth), -1, dtype=np.int64)
    children = np.flatnonzero((persons.kind != CAME) & (persons.birth >= day("1960-01-01")))
    women = np.flatnonzero((persons.sex == 2) & (persons.kind != CAME))
    women = women[np.argsort(persons.birth[women], kind="stable")]
    if not len(women) or not len(children):
        return mother
    births = persons.birth[women]
    seeking = children[persons.twin[children] < 0]
    for _ in range(8):
        ages = np.clip(rng.normal(table["mothers_age_mean"], table["mothers_age_sd"], len(seeking)), 16, 46)
        wanted = persons.birth[seeking] - ages * DAYS_A_YEAR
        place = np.searchsorted(births, wanted) + rng.integers(-2, 3, len(seeking))
        candidate = women[np.clip(place, 0, len(women) - 1)]
        at = persons.birth[seeking]
        age = (at - persons.birth[candidate]) / DAYS_A_YEAR
        there = (lives.death[candidate] > at) & ((lives.out[candidate] > at) | (lives.back[candidate] <= at))
        # Most children are born to couples.
        coupled = lives.couple[candidate] <= at + 200
        coupled |= rng.random(len(seeking)) < figures("population")["couples"]["mothers_alone"]
        good = (age > 15.5) & (age < 49) & there & coupled
        mother[seeking] = np.where(good, candidate, -1)
        seeking = np.concatenate([seeking[~good], _too_close(persons.birth, mother, children)])
        mother[seeking] = -1
        if not len(seeking):
            break
    twins = np.flatnonzero(persons.twin >= 0)
    mother[twins] = mother[persons.twin[twins]]
    return mother


def _too_close(birth: Days, mother: Indices, children: Indices) -> Indices:
    """Children born less than ten months after another child of the same mother."""
    known = children[mother[children] >= 0]
    order = known[np.lexsort((birth[known], mother[known]))]
    close = (np.diff(mother[order]) == 0) & (np.diff(birth[order]) < 300)
    return np.asarray(order[1:][close], dtype=np.int64)


def _fathers(lives: Lives) -> None:
    has = np.flatnonzero(lives.mother >= 0)
    mothers = lives.mother[has]
    partner = lives.partner[mothers]
    birth = lives.persons.birth[has]
    fit = (partner >= 0) & (lives.couple[mothers] <= birth + 200)
    fit &= lives.death[np.maximum(partner, 0)] > birth
    fit &= lives.persons.birth[np.maximum(partner, 0)] < birth - 15 * 365
    lives.father[has] = np.where(fit, partner, -1)


def _homes(plan: Plan, lives: Lives, rng: np.random.Generator) -> None:
    table = figures("population")["homes"]
    rows = np.array(table["municipalities"], dtype=np.float64)
    codes = rows[:, 1].astype(np.int64)
    share = dict(zip(table["regions"], table["region_share"], strict=True))
    weights = np.array([t * share[int(r)] / rows[rows[:, 0] == r, 2].sum() for r, _, t in rows])
    size = len(lives.frailty)
    own = rng.choice(codes, size, p=weights / weights.sum())
    later = rng.choice(codes, size, p=weights / weights.sum())
    moves = rng.random(size) < table["moves_share"]
    when = np.where(moves, plan.start + rng.integers(0, plan.end - plan.start + 1, size), NEVER)
    # A couple and its children share their home: men follow their partner, children their mother.
    for follow in (np.where(lives.persons.sex == 1, lives.partner, -1), lives.mother, lives.mother):
        leader = np.where(follow >= 0, follow, np.arange(size))
        own, later, when = own[leader], later[leader], when[leader]
    lives.municipality, lives.new_municipality, lives.moves = own, later, when.astype(np.int32)


def households(lives: Lives, when: int) -> Indices:
    """The household of each person on a day: the place of the woman, or else the man, who keeps it."""
    places = np.arange(len(lives.frailty))
    together = (lives.partner >= 0) & (lives.couple <= when)
    together &= (lives.death[lives.partner] > when) & (lives.death > when)
    keeper = np.where(together & (lives.persons.sex == 1), lives.partner, places)
    at_home = (lives.mother >= 0) & (lives.leaves_home > when) & (lives.death[lives.mother] > when)
    return np.asarray(np.where(at_home, keeper[lives.mother], keeper), dtype=np.int64)
