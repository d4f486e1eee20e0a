"""The population's own registers: bef, vnds, dod, the causes of death, cancer, udda, faik."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from sundbench.registers.catalogue import catalogue
from sundbench.registers.synthetic.columns import codes, dates
from sundbench.registers.synthetic.figures import (
    NEVER,
    Floats,
    Indices,
    day,
    figures,
    year_of,
)
from sundbench.registers.synthetic.health import diseases
from sundbench.registers.synthetic.lives import households, region_of
from sundbench.registers.synthetic.oncology import Tumours
from sundbench.registers.synthetic.persons import CAME
from sundbench.registers.synthetic.world import World

FIFTEEN = 15
"""From this age on a member of a family counts as an adult when income is equivalised."""


def write_population(world: World) -> None:
    """Write bef (yearly, 31 December), udda and faik."""
    rng = world.stream("society")
    size = len(world.lives.frailty)
    skill = rng.random(size)
    means = 0.4 * world.lives.frailty - rng.standard_normal(size)
    everybody = np.arange(size)
    for year in world.plan.years:
        when = day(f"{year}-12-31")
        who = everybody[world.lives.resident(everybody, when)]
        family = households(world.lives, when) + 1 + world.chunk * 100_000
        _bef(world, year, when, who, family)
        _udda(world, year, when, who, skill)
        _faik(world, year, who, family, means)


def _bef(world: World, year: int, when: int, who: Indices, family: Indices) -> None:
    persons = world.lives.persons
    married = (world.lives.wedding[who] <= when) & (world.lives.partner[who] >= 0)
    widowed = married & (world.lives.death[np.maximum(world.lives.partner[who], 0)] <= when)
    married &= ~widowed
    home = world.lives.home(who, when)
    alive = world.lives.death[np.maximum(world.lives.partner[who], 0)] > when
    spouse = np.where(married & alive, world.lives.partner[who], -1)
    # Civil status is missing for a few: a code that is blank.
    status = np.where(who % 997 == 3, -1, np.where(married, 1, np.where(widowed, 2, 0)))
    came = persons.kind[who] == CAME
    since = np.where(
        world.lives.moves[who] <= when,
        world.lives.moves[who],
        np.maximum(persons.birth[who], persons.entry[who]),
    )
    members = np.bincount(family[who] - family.min(initial=1), minlength=1) if len(who) else np.zeros(1)
    frame = pl.DataFrame(
        {
            "pnr": world.numbers.at(who, when),
            "referencetid": pl.repeat(f"{year}1231", len(who), eager=True),
            "aar": np.full(len(who), year, dtype=np.int16),
            "koen": persons.sex[who],
            "foed_dato": dates(persons.birth[who]),
            "alder": np.floor(world.lives.age(who, when)).astype(np.int16),
            "civst": codes(["U", "G", "E"], status),
            "familie_id": family[who],
            "mor_id": world.numbers.at(world.lives.mother[who], when),
            "far_id": world.numbers.at(world.lives.father[who], when),
            "aegte_id": world.numbers.at(spouse, when),
            "kom": home,
            "reg": codes([f"{code:03d}" for code in range(100)], region_of()[home]),
            "antpersf": members[family[who] - family.min(initial=1)].astype(np.int16),
            "ie_type": np.where(came, 2, 1).astype(np.int8),
            "opr_land": np.where(came, 5999, 5100),
            "bop_vfra": dates(since),
        }
    )
    world.output.add("bef", frame, np.full(len(who), year))


def _udda(world: World, year: int, when: int, who: Indices, skill: Floats) -> None:
    table = figures("primary_care")["society"]["educations"]
    age = world.lives.age(who, when)
    adult = who[(age >= 15) & (age < 100)]
    steps = np.cumsum([share for _, share in table])
    highest = np.minimum(np.searchsorted(steps, skill[adult]), len(table) - 1)
    # Longer educations are not over before a certain age: till then lower secondary school counts.
    done = world.lives.age(adult, when) >= np.array([15, 20, 19, 22, 24, 27, 0])[highest]
    place = np.where(done, highest, 0)
    finished = world.lives.persons.birth[adult] + np.array([16, 20, 20, 23, 25, 28, 16])[place] * 365
    frame = pl.DataFrame(
        {
            "pnr": world.numbers.at(adult, when),
            "aar": np.full(len(adult), year, dtype=np.int16),
            "hfaudd": codes([f"{code}00" for code, _ in table], place),
            "hf_vfra": dates(finished),
        }
    )
    world.output.add("udda", frame, np.full(len(adult), year))


def _faik(world: World, year: int, who: Indices, family: Indices, means: Floats) -> None:
    table = figures("primary_care")["society"]
    when = day(f"{year}-12-31")
    keys, first, place = np.unique(family[who], return_index=True, return_inverse=True)
    keeper = who[first]
    # Equivalised as Statistics Denmark does: 1 for the first adult, 0.5 for others over 14, 0.3 for children.
    over_14 = world.lives.age(who, when) >= FIFTEEN
    adults, members = np.bincount(place, over_14), np.bincount(place)
    units = 1 + 0.5 * np.maximum(adults - 1, 0) + 0.3 * (members - np.maximum(adults, 1))
    partner = world.lives.partner[keeper]
    couple = (world.lives.wedding[keeper] <= when) & (partner >= 0)
    couple &= world.lives.death[np.maximum(partner, 0)] > when
    middle = np.exp(
        np.interp(year, (1995, 2025), np.log([table["income_median_1995"], table["income_median_2025"]]))
    )
    equivalised = np.round(middle * np.exp(-table["income_sd_log"] * means[keeper]), 2)
    frame = pl.DataFrame(
        {
            "familie_id": keys,
            "aar": np.full(len(keys), year, dtype=np.int16),
            "famaekvivadisp_13": equivalised,
            "famdisponibel_13": np.round(equivalised * units, 2),
            "famtype": np.where(couple, 1, np.where(world.lives.persons.sex[keeper] == 1, 6, 7)),
        }
    )
    world.output.add("faik", frame, np.full(len(keys), year))


def write_moves(world: World) -> None:
    """Write vnds: emigrations, returns and immigrations, with the register's inconsistent sequences."""
    rng = world.stream("vnds")
    everybody = np.arange(len(world.lives.frailty))
    came = everybody[world.lives.persons.kind == CAME]
    out = everybody[world.lives.out < NEVER]
    back = everybody[world.lives.back < NEVER]
    # Some returns were never registered; some events were registered twice, a few days apart.
    back = back[rng.random(len(back)) >= 0.04]
    person = np.concatenate([came, out, back])
    when = np.concatenate([world.lives.persons.entry[came], world.lives.out[out], world.lives.back[back]])
    code = np.repeat([0, 1, 0], [len(came), len(out), len(back)])
    twice = np.flatnonzero(rng.random(len(person)) < 0.02)
    person = np.concatenate([person, person[twice]])
    when = np.concatenate([when, when[twice] + rng.integers(0, 4, len(twice))]).astype(np.int32)
    code = np.concatenate([code, code[twice]])
    order = np.lexsort((when, person))
    order = order[when[order] <= min(world.plan.end, day("2024-12-31"))]
    person, when, code = person[order], when[order], code[order]
    frame = pl.DataFrame(
        {
            "pnr": world.numbers.at(person, when),
            "haend_dato": dates(when, "iso"),
            "indud_kode": codes(["I", "U"], code),
            "indud_land": np.where(person % 3 == 0, 5120, 5180),
        }
    )
    world.output.add("vnds", frame, np.full(len(person), world.plan.last))


def write_deaths(world: World) -> None:
    """Write dod and the causes of death: dodsaars to 2001, dodsaasg to 2022, dodsaarsager from 2022."""
    rng = world.stream("deaths")
    dead = np.flatnonzero((world.lives.death >= world.plan.start) & (world.lives.death <= world.plan.end))
    dead = dead[np.argsort(world.lives.death[dead], kind="stable")]
    when = world.lives.death[dead]
    year = year_of(when)
    pnr = world.numbers.at(dead, when)
    age = np.floor(world.lives.age(dead, when)).astype(np.int16)
    pick = rng.random(len(dead))
    world.output.add("dod", pl.DataFrame({"pnr": pnr, "doddato": dates(when), "alder_haend": age}), year)
    names, cause = _cause_codes(world.health.cause[dead], pick)
    under = codes(names, cause)
    also = codes(["I109", "J189", "E119"], np.where(pick < 0.3, (pick * 10).astype(np.int64), -1))
    sex = world.lives.persons.sex[dead]
    home = world.lives.home(dead, when)
    tables: dict[str, dict[str, Any]] = {
        "dodsaars": {
            "pnr": pnr,
            "d_dodsdto": dates(when),
            "daar": year,
            "c_dod1": under,
            "c_dod2": also,
            "c_sex": sex,
            "v_alder": age,
            "c_bopkom": home,
        },
        "dodsaasg": {
            "pnr": pnr,
            "d_dodsdato": dates(when),
            "aar": year,
            "c_dodtilgrundl_acme": under,
            "c_dod_1a": under,
            "c_dod_21": also,
        },
        "dodsaarsager": {
            "pnr": pnr,
            "doedsdato": dates(when, "iso"),
            "doedsaarsag_tilgrundliggende": under,
            "doedsaarsag_kode_1": also,
        },
    }
    for register, columns in tables.items():
        coverage = catalogue()[register].coverage
        rows = np.flatnonzero(
            (year >= coverage.since.year)
            & (year <= (coverage.until.year if coverage.until is not None else world.plan.last))
        )
        world.output.add(register, pl.DataFrame(columns)[rows], year[rows])


def _cause_codes(cause: Indices, pick: Floats) -> tuple[list[str], Indices]:
    table = figures("diseases")["deaths"]
    names: list[str] = []
    first, count = [], []
    for kind in [*table["causes"], "lung_cancer"]:
        first.append(len(names))
        count.append(len(table["icd10"][kind]))
        names += table["icd10"][kind]
    return names, np.array(first)[cause] + (pick * np.array(count)[cause]).astype(np.int64)


def write_cancer(world: World, lung: Tumours) -> None:
    """Write cancer: one row a tumour, lung cancers with the morphology that the planted truth depends on."""
    rng = world.stream("cancer")
    person, when, icd, morphology = [lung.who], [lung.when], ["C349"] * len(lung.who), list(lung.morphology)
    for column, name in enumerate(diseases()):
        entry = figures("diseases")["disease"][name]
        if "cancer" in entry:
            ill = np.flatnonzero(
                (world.health.onset[:, column] >= world.plan.start)
                & (world.health.onset[:, column] <= world.plan.end)
            )
            ill = ill[world.lives.resident(ill, world.health.onset[ill, column])]
            person.append(ill)
            when.append(world.health.onset[ill, column])
            icd += [entry["cancer"]] * len(ill)
            morphology += [entry["morphology"]] * len(ill)
    who, at = np.concatenate(person), np.concatenate(when)
    order = np.lexsort((at, who))
    who, at = who[order], at[order]
    home = world.lives.home(who, at)
    stage = rng.integers(0, 4, len(who))
    frame = pl.DataFrame(
        {
            "k_cprnr": world.numbers.at(who, at),
            "k_tumornr": np.arange(len(who)) + 1 + world.chunk * 100_000,
            "d_diagnosedato": dates(at, "iso"),
            "v_diagaar": year_of(at),
            "v_diagnosealder": np.floor(world.lives.age(who, at)).astype(np.int16),
            "c_icd10": pl.Series(icd, dtype=pl.String).gather(order.astype(np.uint32)),
            "c_morfo03": pl.Series(morphology, dtype=pl.String).gather(order.astype(np.uint32)),
            "c_tnm_t": codes(["AZCD13", "AZCD14", "AZCD15", "AZCD16"], stage),
            "c_tnm_m": codes(["AZCD40", "AZCD41"], (stage > 1).astype(np.int64)),
            "c_sex": world.lives.persons.sex[who],
            "c_kommune": home,
        }
    )
    world.output.add("cancer", frame, np.full(len(who), world.plan.last))
