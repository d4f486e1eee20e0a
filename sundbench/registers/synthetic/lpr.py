"""Hospital contacts on their way to the National Patient Register: units, record numbers, diagnoses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from sundbench.registers.synthetic.events import KINDS, Contacts
from sundbench.registers.synthetic.figures import Days, Flags, Indices, day, figures, year_of
from sundbench.registers.synthetic.lives import region_of
from sundbench.registers.synthetic.world import World

INPATIENT, OUTPATIENT, EMERGENCY = KINDS["inpatient"], KINDS["outpatient"], KINDS["emergency"]
_VISITS_APART = 21
RECORDS = 10_000_000
"""Record numbers of a chunk: its number times this, plus a count."""


@dataclass
class Units:
    """What is counted: admissions, emergencies and outpatient visits; an outpatient course has several.

    Attributes:
        contact: row of the contact.
        when: day of the unit.
        lpr3: whether it was reported to LPR3.
    """

    contact: Indices
    when: Days
    lpr3: Flags


@cache
def _changeover() -> Days:
    """The first day of LPR3 by region code."""
    table = np.full(100, day("2019-02-02"), dtype=np.int32)
    for region, first in figures("population")["homes"]["changeover"]:
        table[region] = day(first)
    return table


@cache
def specialties() -> tuple[list[str], list[str], Indices]:
    """LPR2 codes, LPR3 texts, and the place in both by ICD-10 chapter letter."""
    table = figures("hospital")["specialties"]
    place = np.zeros(128, dtype=np.int64)
    for letter, code in table["by_chapter"].items():
        place[ord(letter)] = table["codes"].index(code)
    return table["codes"], table["names"], place


class Hospital:
    """The contacts of one chunk, ready to be written.

    Args:
        world: the chunk.
        contacts: its contacts.
    """

    def __init__(self, world: World, contacts: Contacts) -> None:
        self.world = world
        plan, lives = world.plan, world.lives
        self.rng = world.stream("lpr")
        table = contacts.table()
        kept = (table["when"] >= plan.start) & (table["when"] <= plan.end)
        kept &= lives.resident(table["person"], table["when"])
        order = np.flatnonzero(kept)
        order = order[np.lexsort((table["when"][order], table["person"][order]))]
        self.table = {name: values[order] for name, values in table.items()}
        self.person: Indices = self.table["person"]
        self.when: Days = self.table["when"].astype(np.int32)
        self.kind = self.table["kind"]
        self.own: Flags = self.table["own"].astype(bool)
        self.psychiatric: Flags = self.table["psychiatric"].astype(bool)
        self.names = contacts.names
        for name in _extra_codes():
            contacts.code(name)
        self.home = lives.home(self.person, self.when)
        self.region = region_of()[self.home]
        self.change = _changeover()[self.region]
        letters = np.array([ord(str(c)) for c in self.table["specialty"]], dtype=np.int64)
        self.specialty = specialties()[2][letters]
        self.hospital = _hospital_codes(self.region, self.specialty)
        self.units = self._units()
        self.end = self._ends()
        self.quarter = self.rng.integers(28, 80, len(self.when))
        unplanned = (self.kind == INPATIENT) & (self.quarter % 3 > 0)
        self.acute: Flags = (self.kind == EMERGENCY) | unplanned

    def _units(self) -> Units:
        visits = np.where(self.kind == OUTPATIENT, self.table["visits"], 1).astype(np.int64)
        contact = np.repeat(np.arange(len(visits)), visits)
        number = np.arange(len(contact)) - np.repeat(np.cumsum(visits) - visits, visits)
        shift = np.where(number > 0, self.rng.integers(-6, 7, len(contact)), 0)
        when = (self.when[contact] + number * _VISITS_APART + shift).astype(np.int32)
        kept = (when <= self.world.plan.end) & self.world.lives.resident(self.person[contact], when)
        contact, when = contact[kept], when[kept]
        return Units(contact, when, when >= self.change[contact])

    def _ends(self) -> Days:
        """The last day of each LPR2 contact: discharge, or the last visit before the change to LPR3."""
        end = (self.when + np.where(self.kind == INPATIENT, self.table["stay"], 0)).astype(np.int32)
        old = ~self.units.lpr3
        np.maximum.at(end, self.units.contact[old], self.units.when[old])
        return end

    def record(self, rows: Indices) -> Indices:
        """LPR2 record numbers of contacts."""
        return rows + 1 + self.world.chunk * RECORDS

    def age(self, person: Indices, when: Days) -> Indices:
        """Whole ages."""
        return np.floor(self.world.lives.age(person, when)).astype(np.int64)


@cache
def _extra_codes() -> list[str]:
    """Codes that only diagnoses beside the action diagnosis use."""
    extra = [code for entry in figures("diseases")["disease"].values() for code in entry["icd10"]]
    extra += [code for code, _ in figures("hospital")["diagnoses"]["outpatient"]]
    return extra


def _hospital_codes(region: Indices, specialty: Indices) -> Indices:
    """SHAK-like hospital codes (four digits): each specialty of a region at one of its hospitals."""
    table = np.zeros((100, len(specialties()[0])), dtype=np.int64)
    for code, *hospitals in figures("hospital")["hospitals"]["by_region"]:
        table[code] = [int(hospitals[place % len(hospitals)]) for place in range(table.shape[1])]
    return table[region, specialty]


@dataclass
class Diagnoses:
    """Diagnosis rows: what row each belongs to, its code (-1: missing), its type, whether retracted."""

    of: Indices
    code: Indices
    type: list[str]
    type_index: Indices
    retracted: Flags


TYPES = ["A", "B", "G", "H"]


def diagnoses(hospital: Hospital, contact: Indices, when: Days) -> Diagnoses:
    """Draw the diagnoses of rows (LPR2 contacts or LPR3 units).

    Args:
        hospital: the chunk's contacts.
        contact: the contact behind each row.
        when: its day.

    Returns:
        Action diagnoses; secondary and underlying ones, of which more in 2019 and 2020; referral diagnoses
        (type H) and retracted ones that the person doesn't have; missing codes.
    """
    rng, rule = hospital.rng, figures("hospital")["diagnoses"]
    size = len(contact)
    rows = np.arange(size)
    free = ~hospital.own[contact]
    year = year_of(when)
    share = np.where((year == 2019) | (year == 2020), figures("hospital")["lpr"]["diagnosis_jump"], 0.0)
    share = np.where(hospital.units.lpr3.any() & (when >= hospital.change[contact]), share, 0.0)
    more = rng.random(size)
    secondary = rows[free & (more < rule["secondary_share"] + share)]
    underlying = rows[free & (rng.random(size) < 0.05)]
    outpatient = hospital.kind[contact] == OUTPATIENT
    referral = rows[free & outpatient & (rng.random(size) < rule["referral_share"])]
    retracted = rows[free & (rng.random(size) < rule["retracted_share"])]
    missing = rows[free & (rng.random(size) < rule["missing_share"])]
    numbers = {name: place for place, name in enumerate(hospital.names)}
    table = figures("diseases")["disease"].values()
    main = np.array([numbers[entry["icd10"][0]] for entry in table])
    other = np.array([numbers[code] for code, _ in rule["outpatient"]])

    def own_or_other(chosen: Indices) -> Indices:
        person, day_of = hospital.person[contact[chosen]], when[chosen]
        code = other[rng.integers(0, len(other), len(chosen))]
        for _ in range(3):
            column = rng.integers(0, len(main), len(chosen))
            has = hospital.world.health.onset[person, column] <= day_of
            code = np.where(has, main[column], code)
        return code

    parts = [
        (rows, hospital.table["diagnosis"][contact], 0, False),
        (secondary, own_or_other(secondary), 1, False),
        (underlying, own_or_other(underlying), 2, False),
        (referral, main[rng.integers(0, len(main), len(referral))], 3, False),
        (retracted, main[rng.integers(0, len(main), len(retracted))], 1, True),
        (missing, np.full(len(missing), -1), 1, False),
    ]
    of = np.concatenate([part[0] for part in parts])
    order = np.argsort(of, kind="stable")
    code = np.concatenate([np.asarray(part[1], dtype=np.int64) for part in parts])[order]
    kinds = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])[order]
    gone = np.concatenate([np.full(len(part[0]), part[3]) for part in parts])[order]
    return Diagnoses(of[order], code, TYPES, kinds, gone)
