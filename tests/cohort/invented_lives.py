"""Invented lives in which each of the guide's ten studies finds people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

PERSONS = 1500
FIRST, LAST = date(1997, 1, 1), date(2018, 12, 31)
COVERAGE = (date(1980, 1, 1), LAST)

STORIES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("DI489",), ("B01AA03", "B01AE07", "B01AF01", "B01AF02"), ("DI639", "DI500", "C10AA01")),
    (("DE119", "NPU27300"), ("A10BA02",), ("A10BB01", "A10BH01"), ("A10BK01", "A10BJ02"), ("DN179", "DI509")),
    (("C10AA05",), ("C10AA05",), ("C10AA05",), ("DI219", "DI209")),
    (("A02BC01", "DK210"), ("A02BC01", "A02BA02"), ("DJ189",)),
    (("C10AA01", "DJ449"), ("C10AA01", "C07AB02"), ("TUMOUR C50", "TUMOUR C61")),
    (("M01AE01", "C07AB02"), ("DI219",), ("M01AE01", "M01AB05"), ("DI219", "C10AA01")),
    (("DF840", "DF900"),),
    (("A10AB01", "DE109"), ("A10AB01", "DE109"), ("DE109",)),
)
"""One of each group of what may happen, the next group a while later."""


def lives(seed: int = 1) -> dict[str, pl.DataFrame]:
    """The registers of invented people: the same at every call."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "bef",
            "lmdb",
            "lpr_adm",
            "lpr_diag",
            "lab_forsker",
            "cancer",
            "dod",
            "vnds",
            "dodsaarsager",
        )
    }
    for n in range(PERSONS):
        person = 1 + n * 1_400_000
        _one(rng, n, person, rows)
    # A study of procedures and services needs their registers, empty or not.
    rows["lpr_sksopr"] = [{"person": 1, "recnum": 1, "c_opr": "BJFD00", "d_odto": FIRST, "d_inddto": FIRST}]
    rows["sssy"] = [{"person": 1, "honuge": FIRST, "speciale": "540101", "barnmak": "0", "ydlant": 1}]
    return {name: pl.DataFrame(of_register, infer_schema_length=None) for name, of_register in rows.items()}


def _one(rng: np.random.Generator, n: int, person: int, rows: dict[str, list[dict[str, Any]]]) -> None:
    child = n % 5 == 0
    born = date(1998 + n % 12 if child else 1925 + int(rng.integers(0, 50)), 1 + n % 12, 1 + n % 28)
    dies = FIRST + timedelta(days=int(rng.integers(4000, 14_000)))
    family = n // 15
    parents = (
        (1 + (15 * family + 1) * 1_400_000, 1 + (15 * family + 2) * 1_400_000) if child else (None, None)
    )
    for year in range(max(1996, born.year), min(dies.year, 2019)):
        rows["bef"].append(
            {"person": person, "referencetid": date(year, 12, 31), "foed_dato": born, "koen": str(1 + n % 2)}
            | {"reg": f"{81 + n % 5}", "mor_id": parents[0], "far_id": parents[1]}
        )
    if dies <= LAST:
        cause = ("C509", "I219", "J189")[n % 3]
        rows["dod"].append({"person": person, "doddato": dies})
        rows["dodsaarsager"].append(
            {"person": person, "doedsdato": dies, "doedsaarsag_tilgrundliggende": cause}
        )
    if n % 23 == 0:
        rows["vnds"].append({"person": person, "haend_dato": date(2016, 6, 1), "indud_kode": "U"})
    for story in (STORIES[6],) if child else (STORIES[n % 6], STORIES[int(rng.integers(0, len(STORIES)))]):
        day = max(born, date(2006, 1, 1)) + timedelta(days=int(rng.integers(0, 3000)))
        for group in story:
            day += timedelta(days=int(rng.integers(20, 400)))
            if day < min(dies, LAST):
                _happens(group[int(rng.integers(0, len(group)))], day, person, rng, rows)


def _happens(
    what: str, day: date, person: int, rng: np.random.Generator, rows: dict[str, list[dict[str, Any]]]
) -> None:
    if what.startswith("NPU"):
        rows["lab_forsker"].append(
            {
                "person": person,
                "samplingdate": day,
                "analysiscode": what,
                "value": str(40 + int(rng.integers(0, 30))),
            }
        )
    elif what.startswith("TUMOUR"):
        rows["cancer"].append({"person": person, "d_diagnosedato": day, "c_icd10": what.split()[1]})
    elif what.startswith("D"):
        number = len(rows["lpr_adm"]) + 1
        contact = {"person": person, "recnum": number, "d_inddto": day}
        rows["lpr_adm"].append(
            contact | {"d_uddto": day + timedelta(days=3), "c_spec": "08", "c_pattype": "0", "c_indm": "1"}
        )
        rows["lpr_diag"].append(contact | {"c_diag": what, "c_diagtype": "A"})
    else:
        if what.startswith("A10"):
            _happens("NPU27300", day - timedelta(days=10), person, rng, rows)
        for again in range(int(rng.integers(1, 6))):
            bought = {
                "person": person,
                "eksd": day + timedelta(days=80 * again),
                "atc": what,
                "vnr": f"{again:06d}",
            }
            rows["lmdb"].append(
                bought | {"apk": 1, "volume": 90.0, "packsize": 90, "indo": "0000000", "eksp": 10_000}
            )
