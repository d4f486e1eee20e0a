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
"""What every extract of the tests has."""

_MORE: dict[str, dict[str, Any]] = {
    "lmdb": {"strnum": pl.Float64, "strunit": pl.String},
    "lab_forsker": {"unit": pl.String},
    "lpr_adm": {
        "d_inddto": pl.Date,
        "recnum": pl.Int64,
        "d_uddto": pl.Date,
        "c_pattype": pl.String,
        "c_indm": pl.String,
        "c_spec": pl.String,
    },
    "dodsaarsager": {
        "doedsdato": pl.Date,
        "doedsaarsag_tilgrundliggende": pl.String,
        "doedsaarsag_kode_a": pl.String,
    },
    "cancer": {"d_diagnosedato": pl.Date, "c_icd10": pl.String, "c_morfo03": pl.String},
    "sssy": {"honuge": pl.Date, "speciale": pl.String, "ydlant": pl.Int32, "bruhon": pl.Int64},
    "udda": {"aar": pl.Int32, "hfaudd": pl.String},
    "faik": {"aar": pl.Int32, "famaekvivadisp_13": pl.Int64},
}
WHOLE = {name: COLUMNS.get(name, {}) | _MORE.get(name, {}) for name in (*COLUMNS, *_MORE)}
"""What those have that hold all that an event may ask for."""

CONTACTS = 500
"""A person has fewer contacts than this; diagnoses whose contact isn't there have higher numbers."""

PATTYPES = {"inpatient": "0", "outpatient": "2", "emergency": "3", None: None}
MODES = {True: "1", False: "2", None: None}


def number_of(person: int, contact: int) -> int:
    """A contact's number: no two persons' are the same."""
    return 1000 * person + contact


def _bare(code: str | None) -> str | None:
    """A code as causes of death and the cancer registry spell it: without LPR's leading D."""
    return None if code is None else code.removeprefix("D")


def registers(persons: Sequence[Person], whole: bool = False) -> dict[str, pl.DataFrame]:
    """The registers that tell what happened to these persons; those of ``WHOLE`` if ``whole``."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in WHOLE}
    sexes = {label: code for code, label in SEX_CODES.items()}
    regions = {label: code for code, label in REGION_CODES.items()}
    for place, person in enumerate(persons):
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
        for year, education, income in person.years:
            rows["udda"].append(number | {"aar": year, "hfaudd": education})
            rows["faik"].append(number | {"aar": year, "famaekvivadisp_13": income})
        for nth, h in enumerate(person.life):
            values = dict(h.values)
            row: dict[str, Any]
            match h.view:
                case "deaths":
                    name, row = "dod", {"doddato": h.date}
                    causes = {"doedsaarsag_tilgrundliggende": _bare(h["cause"])}
                    causes["doedsaarsag_kode_a"] = _bare(next(iter(h["contributing"] or ()), None))
                    if h["cause"] is not None:
                        rows["dodsaarsager"].append(number | {"doedsdato": h.date} | causes)
                case "emigrations":
                    name, row = "vnds", {"haend_dato": h.date, "indud_kode": "U"}
                case "immigrations":
                    name, row = "vnds", {"haend_dato": h.date, "indud_kode": "I"}
                case "dispensings":
                    name = "lmdb"
                    row = {"eksd": h.date, "atc": h.code, "vnr": h["vnr"] or f"{nth:06d}"}
                    row |= {"strnum": h["strength"], "strunit": h["strength_unit"]}
                    row |= {"apk": int(values.get("packages") or 1), "eksp": values.get("price", 100)}
                case "diagnoses":
                    name = "lpr_diag"
                    key = (
                        number_of(place, CONTACTS + nth)
                        if h["contact"] is None
                        else number_of(place, h["contact"])
                    )
                    row = {"d_inddto": h.date, "recnum": key, "c_diag": h.code, "c_diagtype": h.type}
                case "contacts":
                    name = "lpr_adm"
                    row = {"d_inddto": h.date, "recnum": number_of(place, h["contact"]), "d_uddto": h["end"]}
                    row |= {"c_pattype": PATTYPES[h["class"]], "c_indm": MODES[h["acute"]]}
                    row |= {"c_spec": h["specialty"]}
                case "stays":
                    continue  # made of contacts
                case "tumours":
                    name, row = "cancer", {"d_diagnosedato": h.date, "c_icd10": _bare(h.code or None)}
                    row |= {"c_morfo03": h["morphology"]}
                case "services":
                    name, row = "sssy", {"honuge": h.date, "speciale": h.code}
                    row |= {"ydlant": values["services"], "bruhon": values["fee"]}
                case "procedures":
                    name = "lpr_sksopr"
                    row = {"d_odto": h.date, "d_inddto": h.date, "recnum": nth, "c_opr": h.code}
                case "laboratory":
                    name = "lab_forsker"
                    value = values["value"]
                    row = {"samplingdate": h.date, "analysiscode": h.code}
                    sign = h["operator"] or ""
                    row |= {"value": "Negativ" if value is None else f"{sign}{value}", "unit": h["unit"]}
                case _:
                    raise AssertionError(h.view)
            rows[name].append(number | row)
    return {
        name: pl.DataFrame(rows[name], schema={"person": pl.Int32, **columns})
        for name, columns in (WHOLE if whole else COLUMNS).items()
    }


ALWAYS = {name: (date(1990, 1, 1), date(2018, 12, 31)) for name in WHOLE}
"""A coverage that cuts nothing of what the tests draw."""
