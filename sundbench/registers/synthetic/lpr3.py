"""LPR3 in both its models: A and F hold the same contacts under the same record numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from sundbench.registers.synthetic.columns import codes, dates, moments
from sundbench.registers.synthetic.figures import figures, year_of
from sundbench.registers.synthetic.lpr import (
    INPATIENT,
    OUTPATIENT,
    RECORDS,
    TYPES,
    Hospital,
    diagnoses,
    specialties,
)


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
    key = np.arange(len(contact)) + 1 + hospital.world.chunk * RECORDS
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
    specialty = codes(specialties()[1], hospital.specialty[contact])
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
                "dw_ek_procedureregistrering": coded + 1 + hospital.world.chunk * RECORDS,
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
