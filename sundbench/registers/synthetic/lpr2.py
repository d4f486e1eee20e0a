"""LPR2: somatic (lpr_*) and psychiatric (t_psyk_*) contacts, diagnoses and procedures."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from sundbench.registers.synthetic.columns import codes, dates
from sundbench.registers.synthetic.figures import year_of
from sundbench.registers.synthetic.lpr import (
    EMERGENCY,
    INPATIENT,
    TYPES,
    Hospital,
    diagnoses,
    specialties,
)


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
            "c_spec": codes(specialties()[0], hospital.specialty[rows]),
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
