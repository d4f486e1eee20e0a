"""Hospital contacts as the National Patient Register has them: LPR2, psychiatry, LPR3 A and F, and their tariffs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from sundbench.registers.synthetic.columns import codes, dates, moments
from sundbench.registers.synthetic.events import KINDS, Contacts
from sundbench.registers.synthetic.figures import Days, Flags, Indices, day, figures, year_of
from sundbench.registers.synthetic.lives import region_of
from sundbench.registers.synthetic.world import World

INPATIENT, OUTPATIENT, EMERGENCY = KINDS["inpatient"], KINDS["outpatient"], KINDS["emergency"]
_VISITS_APART = 21
_SPELLS_FROM = day("2018-01-01")
_SHARED = 10_000_000
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
def _specialties() -> tuple[list[str], list[str], Indices]:
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
        self.specialty = _specialties()[2][letters]
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
        return rows + 1 + self.world.chunk * _SHARED

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
    """SHAK-like hospital codes (numbers of four digits): each specialty of a region at one of its hospitals."""
    table = np.zeros((100, len(_specialties()[0])), dtype=np.int64)
    for code, *hospitals in figures("hospital")["hospitals"]["by_region"]:
        table[code] = [int(hospitals[place % len(hospitals)]) for place in range(table.shape[1])]
    return table[region, specialty]


@dataclass
class Diagnoses:
    """Diagnosis rows: the row of what they belong to, number of the code (-1: missing), type, whether retracted."""

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


def write_lpr2(hospital: Hospital) -> None:
    """Write lpr_adm, lpr_diag, lpr_sksopr, lpr_sksube, t_psyk_adm and t_psyk_diag."""
    old = hospital.when < hospital.change
    for psychiatric in (False, True):
        rows = np.flatnonzero(old & (hospital.psychiatric == psychiatric))
        rows = rows[np.argsort(year_of(hospital.when[rows]), kind="stable")]
        person, when = hospital.person[rows], hospital.when[rows]
        year = year_of(when)
        kind = hospital.kind[rows]
        names = ("v_cpr", "k_recnum") if psychiatric else ("pnr", "recnum")
        # LPR2 had emergencies as a type of their own up to 2013; then as acute outpatients.
        pattern = np.where(kind == INPATIENT, 0, np.where((kind == EMERGENCY) & (year < 2014), 3, 2))
        columns: dict[str, Any] = {
            names[0]: hospital.world.numbers.at(person, when),
            names[1]: hospital.record(rows),
            "d_inddto": dates(when),
            "d_uddto": dates(hospital.end[rows]),
            "c_pattype": pattern,
            "c_indm": np.where(hospital.acute[rows], 1, 2),
            "c_adiag": codes(hospital.names, hospital.table["diagnosis"][rows]),
            "c_spec": codes(_specialties()[0], hospital.specialty[rows]),
            "c_sgh": hospital.hospital[rows],
            "c_afd": pl.Series(hospital.specialty[rows] + 10).cast(pl.String) + "1",
        }
        if not psychiatric:
            columns["v_alder"] = hospital.age(person, when)
        columns["v_sengdage"] = np.where(kind == INPATIENT, hospital.end[rows] - when + 1, 0)
        columns["v_indtime"] = hospital.quarter[rows] // 4
        hospital.world.output.add("t_psyk_adm" if psychiatric else "lpr_adm", pl.DataFrame(columns), year)
        found = diagnoses(hospital, rows, when)
        found_year = year[found.of]
        frame = pl.DataFrame(
            {
                "v_recnum" if psychiatric else "recnum": hospital.record(rows[found.of]),
                "c_diag": codes(hospital.names, found.code),
                "c_diagtype": codes(TYPES, found.type_index),
            }
        ).filter(~pl.Series(found.retracted))
        hospital.world.output.add(
            "t_psyk_diag" if psychiatric else "lpr_diag", frame, found_year[~found.retracted]
        )
    _write_lpr2_procedures(hospital)


def _write_lpr2_procedures(hospital: Hospital) -> None:
    """Operations (K) to lpr_sksopr, treatments and examinations (B, U, Z) to lpr_sksube."""
    surgical = np.array([name.startswith("K") for name in hospital.names])
    coded = hospital.table["procedure"].astype(np.int64)
    old = (hospital.when < hospital.change) & (coded >= 0) & ~hospital.psychiatric
    for register, wanted in (("lpr_sksopr", True), ("lpr_sksube", False)):
        rows = np.flatnonzero(old & (surgical[np.maximum(coded, 0)] == wanted))
        rows = rows[np.argsort(year_of(hospital.when[rows]), kind="stable")]
        when = np.minimum(hospital.when[rows] + (hospital.kind[rows] == INPATIENT), hospital.end[rows])
        frame = pl.DataFrame(
            {
                "recnum": hospital.record(rows),
                "c_opr": codes(hospital.names, coded[rows]),
                "c_oprart": codes(["V", ""], np.full(len(rows), 0 if wanted else 1)),
                "d_odto": dates(when),
                "c_osgh": hospital.hospital[rows],
            }
        )
        hospital.world.output.add(register, frame, year_of(hospital.when[rows]))


def write_lpr3(hospital: Hospital) -> None:
    """Write lpr3a_* and lpr3f_*: the same contacts twice, with the same record numbers."""
    units = hospital.units
    fresh = np.flatnonzero(units.lpr3)
    # Outpatient courses open at the change, and some others, were moved over: they are in LPR2 too.
    course = (hospital.kind == OUTPATIENT) & (hospital.when < hospital.change) & ~hospital.psychiatric
    recent = course & (hospital.when > hospital.change - 400)
    moved = recent & (hospital.rng.random(len(course)) < figures("hospital")["lpr"]["migrated_share"])
    moved[units.contact[units.lpr3]] |= course[units.contact[units.lpr3]]
    moved &= (hospital.world.plan.end >= hospital.change) & ~hospital.own
    old = np.flatnonzero(moved)
    contact = np.concatenate([units.contact[fresh], old])
    when = np.concatenate([units.when[fresh], hospital.when[old]])
    migrated = np.concatenate([np.zeros(len(fresh), dtype=bool), np.ones(len(old), dtype=bool)])
    file_year = np.where(migrated, 2019, year_of(when))
    order = np.argsort(file_year, kind="stable")
    contact, when, migrated, file_year = contact[order], when[order], migrated[order], file_year[order]
    if not len(contact):
        return
    key = np.arange(len(contact)) + 1 + hospital.world.chunk * _SHARED
    kind = hospital.kind[contact]
    inpatient = kind == INPATIENT
    last = np.where(
        migrated, hospital.end[contact], when + np.where(inpatient, hospital.table["stay"][contact], 0)
    )
    system = codes(["LPR3", "LPR2"], migrated.astype(np.int64))
    person = hospital.person[contact]
    pnr = hospital.world.numbers.at(person, when)
    quarter = hospital.quarter[contact]
    acute = codes(["ATA3", "ATA1"], hospital.acute[contact].astype(np.int64))
    adiag = codes(hospital.names, hospital.table["diagnosis"][contact])
    specialty = codes(_specialties()[1], hospital.specialty[contact])
    sor = hospital.hospital[contact] * 10_000_000_000 + hospital.specialty[contact] * 100 + 16
    course_key = hospital.record(contact)
    hospital.world.output.add(
        "lpr3a_kontakt",
        pl.DataFrame(
            {
                "pnr": pnr,
                "dw_ek_kontakt": key,
                "dw_ek_forloeb": course_key,
                "kont_starttidspunkt": moments(when, quarter),
                "kont_sluttidspunkt": moments(last, np.minimum(quarter + 4, 95)),
                # ALCA00: physical attendance; admissions are told apart by their length.
                "kont_type": pl.repeat("ALCA00", len(key), eager=True),
                "kont_patient_type": codes(["Indlagt", "Ambulant", "Akut ambulant"], kind),
                "prioritet": acute,
                "kont_aarsag": pl.repeat("ALCC01", len(key), eager=True),
                "adiag": adiag,
                "kont_ans_hovedspec": specialty,
                "kont_ans": sor,
                "kont_ans_geo_reg": pl.Series(hospital.region[contact] + 1000),
                "borger_koen": codes(
                    ["M", "K"], hospital.world.lives.persons.sex[person].astype(np.int64) - 1
                ),
                "borger_alder_aar_ind": hospital.age(person, when),
                "borger_bo_kom": hospital.home[contact],
                "lprindberetningssystem": system,
            }
        ),
        file_year,
    )
    hospital.world.output.add(
        "lpr3f_kontakter",
        pl.DataFrame(
            {
                "pnr": pnr,
                "dw_ek_kontakt": key,
                "dw_ek_forloeb": course_key,
                "dato_start": dates(when),
                "dato_slut": dates(last),
                "kontakttype": pl.repeat("ALCA00", len(key), eager=True),
                "prioritet": acute,
                "aktionsdiagnose": adiag,
                "hovedspeciale_ans": specialty,
                "sorenhed_ans": sor,
                "lprindberetningssystem": system,
            }
        ),
        file_year,
    )
    found = diagnoses(hospital, contact, when)
    flag = np.where(found.retracted, 0, np.where(found.of % 11 == 0, -1, 1))
    columns = {
        "dw_ek_kontakt": key[found.of],
        "code": codes(hospital.names, found.code),
        "type": codes(TYPES, found.type_index),
        "senere_afkraeftet": codes(["Ja", "Nej"], flag),
        "lprindberetningssystem": system.gather(found.of.astype(np.uint32)),
    }
    frame = pl.DataFrame(columns)
    year = file_year[found.of]
    hospital.world.output.add(
        "lpr3a_diagnose", frame.rename({"code": "diag_kode", "type": "diag_type"}), year
    )
    hospital.world.output.add(
        "lpr3f_diagnoser", frame.rename({"code": "diagnosekode", "type": "diagnosetype"}), year
    )
    coded = np.flatnonzero((hospital.table["procedure"][contact] >= 0) & ~migrated)
    hospital.world.output.add(
        "lpr3a_procregistrering",
        pl.DataFrame(
            {
                "dw_ek_kontakt": key[coded],
                "dw_ek_forloeb": course_key[coded],
                "dw_ek_procedureregistrering": coded + 1 + hospital.world.chunk * _SHARED,
                "proc_kode": codes(hospital.names, hospital.table["procedure"][contact[coded]]),
                "proc_kode_type": pl.repeat("P", len(coded), eager=True),
                "proc_starttidspunkt": moments(when[coded], quarter[coded]),
                "prod_enh": sor[coded],
                "flag_proc_uden_kont": codes(["Nej"], np.zeros(len(coded), dtype=np.int64)),
                "lprindberetningssystem": system.gather(coded.astype(np.uint32)),
            }
        ),
        file_year[coded],
    )


def write_tariffs(hospital: Hospital) -> None:
    """Write the DRG and DAGS tariffs: of contacts in LPR2, of spells in LPR3; not of psychiatry, which has none."""
    units = hospital.units
    priced = (hospital.table["tariff"][units.contact] > 0) & ~hospital.psychiatric[units.contact]
    inpatient = hospital.kind[units.contact] == INPATIENT
    last = np.where(inpatient, units.when + hospital.table["stay"][units.contact], units.when).astype(
        np.int32
    )
    hel = priced & inpatient & ~units.lpr3 & (last < _SPELLS_FROM)
    amb = priced & ~inpatient & ~units.lpr3 & (last < _SPELLS_FROM)
    for register, chosen in (("drgsoma_hel", hel), ("drgsoma_amb", amb)):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(year_of(last[rows]), kind="stable")]
        contact = units.contact[rows]
        person = hospital.person[contact]
        # These two registers give amounts in thousands of kroner.
        price = pl.Series(np.round(hospital.table["tariff"][contact] / 1000, 3))
        columns: dict[str, Any] = {
            "pnr": hospital.world.numbers.at(person, units.when[rows]),
            "recnum": hospital.record(contact),
        }
        if register == "drgsoma_hel":
            columns |= {
                "d_inddto": dates(units.when[rows]),
                "d_uddto": dates(last[rows]),
                "c_drg": pl.Series(hospital.table["drg"][contact]),
                "v_pris": price,
                "v_totpris": price,
                "v_sengdage": last[rows] - units.when[rows] + 1,
            }
        else:
            columns |= {
                "d_ambdto": dates(units.when[rows]),
                "c_drg": pl.Series(hospital.table["drg"][contact]),
                "v_pris": price,
            }
        columns["c_spec"] = codes(_specialties()[0], hospital.specialty[contact])
        columns["c_sgh"] = hospital.hospital[contact]
        hospital.world.output.add(register, pl.DataFrame(columns), year_of(last[rows]))
    _write_spells(hospital, priced, last)


def _write_spells(hospital: Hospital, priced: Flags, last: Days) -> None:
    units = hospital.units
    inpatient = hospital.kind[units.contact] == INPATIENT
    for register, chosen in (
        ("drgsoma_kontakt", priced & ~units.lpr3 & (last >= _SPELLS_FROM)),
        ("drg_forloeb", priced & units.lpr3),
    ):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(year_of(units.when[rows]), kind="stable")]
        contact = units.contact[rows]
        begin = moments(units.when[rows], hospital.quarter[contact])
        finish = moments(last[rows], np.minimum(hospital.quarter[contact] + 4, 95))
        spell = rows + 1 + hospital.world.chunk * _SHARED
        pnr = hospital.world.numbers.at(hospital.person[contact], units.when[rows])
        drg = pl.Series(hospital.table["drg"][contact])
        price = pl.Series(hospital.table["tariff"][contact]).round(2)
        adiag = codes(hospital.names, hospital.table["diagnosis"][contact])
        patient = np.where(inpatient[rows], 0, 2)
        if register == "drgsoma_kontakt":
            frame = pl.DataFrame(
                {
                    "pnr": pnr,
                    "recnum": hospital.record(contact),
                    "id": spell,
                    "sygehusforloeb_id": spell,
                    "indtidspunkt_drgkontakt": begin,
                    "udtidspunkt_drgkontakt": finish,
                    "patienttype": patient,
                    "drg_gruppe": drg,
                    "totalpris_drg": price,
                    "adiag": adiag,
                    "sygehus": hospital.hospital[contact],
                }
            )
        else:
            frame = pl.DataFrame(
                {
                    "pnr": pnr,
                    "sygehusforloeb_id": spell,
                    "forloeb_start": begin,
                    "forloeb_slut": finish,
                    "aktivitetsaar": year_of(units.when[rows]),
                    "drg_gruppe": drg,
                    "totalpris_drg": price,
                    "patienttype": patient,
                    "adiag": adiag,
                    "antal_kontakter": np.ones(len(rows), dtype=np.int64),
                }
            )
        hospital.world.output.add(register, frame, year_of(units.when[rows]))
