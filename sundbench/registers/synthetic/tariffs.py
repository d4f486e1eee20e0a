"""DRG and DAGS tariffs of hospital contacts and spells."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from sundbench.registers.synthetic.columns import codes, dates, moments
from sundbench.registers.synthetic.figures import Days, Flags, day, year_of
from sundbench.registers.synthetic.lpr import (
    INPATIENT,
    RECORDS,
    Hospital,
    specialties,
)

_SPELLS_FROM = day("2018-01-01")


def write_tariffs(hospital: Hospital) -> None:
    """Write the DRG and DAGS tariffs: of contacts in LPR2, of spells in LPR3; psychiatry has none."""
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
        columns["c_spec"] = codes(specialties()[0], hospital.specialty[contact])
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
        spell = rows + 1 + hospital.world.chunk * RECORDS
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
