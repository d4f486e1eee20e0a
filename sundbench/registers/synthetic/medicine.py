"""Medicines dispensed at pharmacies (lmdb) and given in hospitals (smr)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtr

from sundbench.registers.synthetic.columns import codes, dates, moments
from sundbench.registers.synthetic.events import PersonYears
from sundbench.registers.synthetic.figures import (
    DAYS_A_YEAR,
    Days,
    Floats,
    Indices,
    day,
    figures,
    medicines,
    year_of,
)
from sundbench.registers.synthetic.oncology import Administrations, Patients
from sundbench.registers.synthetic.world import World

Dispensings = tuple[Indices, Days, Indices]
"""Places in the chunk, days, and places in ``medicines()``."""

_AGES = ("a0", "a20", "a40", "a60", "a75", "a90")
_AT = (0, 20, 40, 60, 75, 90)
_PACKAGES = np.array([1, 1, 1, 1, 1, 1, 2, 2, 2, 3])
_CORRECTED = 0.003
_MISSING_INDICATION = 0.2
_LINKED = 0.25
"""Correlation of a person's use of any regular medicine with the person's frailty."""


def ordinary(world: World, years: PersonYears) -> list[Dispensings]:
    """Dispensings of drugs.csv: regular users, users by disease, and single courses."""
    rng = world.stream("dispensings")
    result = []
    size = len(world.lives.frailty)
    woman = world.lives.persons.sex == 2
    for index, row in enumerate(medicines()):
        if row["kind"] == "planted":
            continue
        trend = np.interp(years.year, (1995, 2020), (float(row["y1995"]), 1.0))
        trend = np.where(years.year < int(row["since"]), 0.0, np.minimum(trend, 1.6))
        if row["kind"] == "ill":
            first = world.health.first(row["disease"])
            chosen = rng.random(size) < float(row["p_ill"])
            ill = chosen[years.person] & (first[years.person] + 20 < years.begin)
            use = ill & (rng.random(size)[years.person] < trend)
        else:
            level = np.interp(years.age, _AT, [float(row[a]) for a in _AGES]) / 100
            ratio = float(row["women"])
            sexes = np.where(woman, 2 * ratio / (1 + ratio), 2 / (1 + ratio))[years.person]
            level = np.minimum(level * trend * sexes, 0.9)
            if row["kind"] == "course":
                result.append(_courses(years, level, index, rng))
                continue
            # A person uses the medicine in the years in which its prevalence exceeds the person's own level:
            # so prevalences are met, use lasts, and the frail use more of everything.
            normal = rng.standard_normal(size)
            own = ndtr(-(_LINKED * world.lives.frailty + np.sqrt(1 - _LINKED**2) * normal))
            use = own[years.person] < level
        result.append(_refills(years, np.flatnonzero(use), float(row["refills"]), index, rng))
    return result


def _courses(years: PersonYears, rate: Floats, index: int, rng: np.random.Generator) -> Dispensings:
    count = rng.poisson(rate * years.days / DAYS_A_YEAR)
    row = np.repeat(np.arange(len(count)), count)
    when = years.begin[row] + np.floor(rng.random(len(row)) * years.days[row])
    return years.person[row], when.astype(np.int32), np.full(len(row), index)


def _refills(
    years: PersonYears, rows: Indices, refills: float, index: int, rng: np.random.Generator
) -> Dispensings:
    """Dispensings at even distances, give or take ten days, in the user's years."""
    every = DAYS_A_YEAR / refills
    # The phase goes on from year to year: a person's first day of a year is that person's place in the cycle.
    phase = (years.person[rows] * 37 % 1000) / 1000 * every
    count = np.floor((years.days[rows] - phase) / every + 1).astype(np.int64)
    count = np.maximum(count, 0)
    row = np.repeat(rows, count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    offset = np.repeat(phase, count) + number * every + rng.integers(-10, 11, len(row))
    offset = np.clip(offset, 0, years.days[row] - 1)
    when = years.begin[row] + offset.astype(np.int32)
    return years.person[row], when.astype(np.int32), np.full(len(row), index)


@cache
def _product() -> dict[str, pl.Series]:
    """The text of each product column, by medicine; prices by medicine and packages (-3 to 3)."""
    rows = medicines()
    columns = {name: pl.Series([row[name] for row in rows]) for name in ("atc", "vnr", "packsize", "strnum")}
    columns["strunit"] = pl.Series([row["strunit"] for row in rows])
    columns["indo"] = pl.Series([*(row["indo"] or None for row in rows), None], dtype=pl.String)
    columns["volume"] = pl.Series([row["volume"] for row in rows])
    columns["eksp"] = pl.Series(
        [f"{float(row['price']) * packs:.2f}" for row in rows for packs in range(-3, 4)]
    )
    return columns


def write_lmdb(world: World, parts: list[Dispensings], single: Indices) -> None:
    """Write lmdb.

    Args:
        world: the chunk.
        parts: the dispensings.
        single: persons whose every dispensing is one package (the enrolled: their costs are planted).
    """
    rng = world.stream("lmdb")
    person = np.concatenate([part[0] for part in parts])
    when = np.concatenate([part[1] for part in parts])
    drug = np.concatenate([part[2] for part in parts])
    kept = (when >= world.plan.start) & (when <= world.plan.end) & world.lives.resident(person, when)
    person, when, drug = person[kept], when[kept], drug[kept]
    packs = _PACKAGES[rng.integers(0, len(_PACKAGES), len(person))]
    alone = np.zeros(len(world.lives.frailty), dtype=bool)
    alone[single] = True
    packs = np.where(alone[person], 1, packs)
    # A dispensing registered twice is corrected by negative packages: together they add nothing.
    wrong = np.flatnonzero(rng.random(len(person)) < _CORRECTED)
    later = np.minimum(
        when[wrong] + rng.integers(0, 2, len(wrong)) * rng.integers(0, 9, len(wrong)), world.plan.end
    )
    correction = np.repeat([0, 1], [len(person) + len(wrong), len(wrong)])
    person = np.concatenate([person, person[wrong], person[wrong]])
    drug = np.concatenate([drug, drug[wrong], drug[wrong]])
    packs = np.concatenate([packs, packs[wrong], -packs[wrong]])
    when = np.concatenate([when, when[wrong], later]).astype(np.int32)
    year = year_of(when)
    order = np.argsort(year.astype(np.int16), kind="stable")
    person, when, drug, packs, year = person[order], when[order], drug[order], packs[order], year[order]
    product = _product()
    place = drug.astype(np.uint32)
    amount = (drug * 7 + packs + 3).astype(np.uint32)
    none = len(medicines())
    unknown = (year < 2004) | (rng.random(len(drug)) < _MISSING_INDICATION)
    indication = np.where(unknown, none, drug).astype(np.uint32)
    frame = pl.DataFrame(
        {
            "pnr": world.numbers.at(person, when),
            "eksd": dates(when),
            "atc": product["atc"].gather(place),
            "vnr": product["vnr"].gather(place),
            "apk": packs.astype(np.int8),
            "volume": product["volume"].gather(place),
            "packsize": product["packsize"].gather(place),
            "strnum": product["strnum"].gather(place),
            "strunit": product["strunit"].gather(place),
            "indo": product["indo"].gather(indication),
            "eksp": product["eksp"].gather(amount),
            "aldr": np.floor(world.lives.age(person, when)).astype(np.int16),
            "korr": correction[order].astype(np.int8),
        }
    )
    world.output.add("lmdb", frame, year)


_WARD = ("N02BE01", "J01CR05", "B01AB05", "C03CA01", "N02AA01", "A04AA01", "J01DC02", "B05BB01")
_WARD_NAMES = ("Paracetamol", "Piperacillin/tazobactam", "Enoxaparin", "Furosemid", "Morfin", "Ondansetron",
               "Cefuroxim", "Natriumchlorid")  # fmt: skip


def write_smr(
    world: World, patients: Patients, doses: Administrations, admissions: tuple[Indices, Days]
) -> None:
    """Write smr: study medicines, and ordinary medicines at admissions from May 2018.

    Args:
        world: the chunk.
        patients: the enrolled.
        doses: their study medicines.
        admissions: places and days of admissions at which ordinary medicines are given.
    """
    rng = world.stream("smr")
    figure: dict[str, Any] = figures("oncology")["medicine"]
    since = day("2018-05-15")
    who, begun = admissions
    given = rng.poisson(1.2, len(who))
    person = np.concatenate([patients.who[doses.patient], np.repeat(who, given)])
    when = np.concatenate([doses.when, np.repeat(begun, given)]).astype(np.int32)
    names = [*_WARD, figure["carboplatin"]["atc"], figure["pembrolizumab"]["atc"]]
    names.append(figure["pembrolizumab"]["atc_before_2022"])
    study = np.where(doses.new, np.where(doses.when < day("2022-01-01"), 10, 9), 8)
    drug = np.concatenate([study, rng.integers(0, len(_WARD), int(given.sum()))])
    label = [*_WARD_NAMES, "Carboplatin", "Keytruda", "Keytruda"]
    dose = np.array([1000, 4000, 40, 40, 10, 4, 1500, 9000, figure["carboplatin"]["dose_mg"]] + [200] * 2)
    kept = (when >= since) & (when <= world.plan.end)
    person, when, drug = person[kept], when[kept], drug[kept]
    order = np.argsort(year_of(when), kind="stable")
    person, when, drug = person[order], when[order], drug[order]
    quarter = rng.integers(32, 80, len(when))
    frame = pl.DataFrame(
        {
            "v_cpr": world.numbers.at(person, when),
            "k_adm_id": np.arange(len(when)) + 1 + world.chunk * 10_000_000,
            "d_adm": moments(when, quarter),
            "c_atc": codes(names, drug),
            "v_laegemiddelnavn": codes(label, drug),
            "v_adm_dosis": pl.Series(dose[drug].astype(np.float64)),
            "v_adm_dosis_enhed": codes(["mg"], np.zeros(len(when), dtype=np.int64)),
            "c_adm_vej": codes(["IV"], np.zeros(len(when), dtype=np.int64)),
            "c_ord_type": codes(["F"], np.zeros(len(when), dtype=np.int64)),
        }
    )
    world.output.add("smr", frame, year_of(when))
