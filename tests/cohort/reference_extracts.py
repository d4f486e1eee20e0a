"""Registers as the store would hold them, made of persons as the reference implementation reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from reference import Person

from sundbench.cohort.persons import REGION_CODES, SEX_CODES

COLUMNS: dict[str, dict[str, Any]] = {
    "bef": {
        "referencetid": pl.Date,
        "foed_dato": pl.Date,
        "koen": pl.String,
        "reg": pl.String,
        "mor_id": pl.Int32,
        "far_id": pl.Int32,
    },
    "dod": {"doddato": pl.Date},
    "vnds": {"haend_dato": pl.Date, "indud_kode": pl.String},
    "lmdb": {"eksd": pl.Date, "atc": pl.String, "vnr": pl.String, "apk": pl.Int32, "eksp": pl.Int64},
    "lpr_diag": {"d_inddto": pl.Date, "recnum": pl.Int64, "c_diag": pl.String, "c_diagtype": pl.String},
    "lpr_sksopr": {"d_odto": pl.Date, "d_inddto": pl.Date, "recnum": pl.Int64, "c_opr": pl.String},
    "lab_forsker": {"samplingdate": pl.Date, "analysiscode": pl.String, "value": pl.String},
}


def registers(persons: Sequence[Person]) -> dict[str, pl.DataFrame]:
    """The registers that tell what happened to these persons."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    sexes = {label: code for code, label in SEX_CODES.items()}
    regions = {label: code for code, label in REGION_CODES.items()}
    for person in persons:
        number = {"person": person.number}
        for day, region in person.snapshots:
            rows["bef"].append(
                number
                | {
                    "referencetid": day,
                    "foed_dato": person.born,
                    "koen": sexes[person.sex],
                    "reg": regions[region],
                    "mor_id": person.mother,
                    "far_id": person.father,
                }
            )
        for nth, h in enumerate(person.life):
            values = dict(h.values)
            row: dict[str, Any]
            match h.view:
                case "deaths":
                    name, row = "dod", {"doddato": h.date}
                case "emigrations":
                    name, row = "vnds", {"haend_dato": h.date, "indud_kode": "U"}
                case "immigrations":
                    name, row = "vnds", {"haend_dato": h.date, "indud_kode": "I"}
                case "dispensings":
                    name = "lmdb"
                    row = {"eksd": h.date, "atc": h.code, "vnr": f"{nth:06d}"}
                    row |= {"apk": int(values.get("packages") or 1), "eksp": values.get("price", 100)}
                case "diagnoses":
                    name = "lpr_diag"
                    row = {"d_inddto": h.date, "recnum": nth, "c_diag": h.code, "c_diagtype": h.type}
                case "procedures":
                    name = "lpr_sksopr"
                    row = {"d_odto": h.date, "d_inddto": h.date, "recnum": nth, "c_opr": h.code}
                case "laboratory":
                    name = "lab_forsker"
                    value = values["value"]
                    row = {"samplingdate": h.date, "analysiscode": h.code}
                    row |= {"value": "Negativ" if value is None else str(value)}
                case _:
                    raise AssertionError(h.view)
            rows[name].append(number | row)
    return {
        name: pl.DataFrame(rows[name], schema={"person": pl.Int32, **columns})
        for name, columns in COLUMNS.items()
    }


ALWAYS = {name: (date(1990, 1, 1), date(2018, 12, 31)) for name in COLUMNS}
"""A coverage that cuts nothing of what the tests draw."""
