"""The views over real register formats: the edge cases of the R package osdc, made by others.

That delivery has keys, dates, codes and specialties and little else: what a view can do without is null, what
it can't is refused.
"""

import csv
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.errors import StudyError

Rows = list[dict[str, str]]


def numbers(texts: list[str]) -> dict[str, int]:
    """Whole numbers for opaque strings, in order of appearance."""
    return {text: number for number, text in enumerate(dict.fromkeys(texts), start=1)}


def day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007


def monday(week: str) -> date:
    """The Monday of a fee week yyww."""
    year = int(week[:2])
    return date.fromisocalendar(year + (1900 if year > 50 else 2000), int(week[2:]), 1)


@pytest.fixture
def delivery(shared: Path) -> Callable[[str], Rows]:
    def read(register: str) -> Rows:
        path = shared / "deliveries" / "osdc" / f"{register}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


PARENTS = {"lpr_diag": "lpr_adm", "lpr3a_diagnose": "lpr3a_kontakt", "lpr3f_diagnoser": "lpr3f_kontakter"}
KEYS = ("recnum", "dw_ek_kontakt")
DATES = ("d_inddto", "kont_starttidspunkt", "dato_start", "eksd", "foed_dato", "samplingdate")


@pytest.fixture
def osdc(delivery, write_extract) -> Bucket:
    """The delivery as an extract holds it: persons and keys numbered, children with their parent's person."""
    registers = {
        name: delivery(name) for name in (*PARENTS.values(), "bef", "lmdb", "lab_forsker", "sysi", "sssy")
    }
    for child, parent in PARENTS.items():
        key = "recnum" if child == "lpr_diag" else "dw_ek_kontakt"
        contacts = {row[key]: row for row in registers[parent]}
        registers[child] = [
            {name: text for name, text in contacts[row[key]].items() if name in {"pnr", *DATES}} | row
            for row in delivery(child)
            if row[key] in contacts
        ]
    every = [row for rows in registers.values() for row in rows]
    persons = numbers([row["pnr"] for row in every])
    keys = numbers([row[key] for row in every for key in KEYS if key in row])

    def stored(column: str, text: str) -> int | date | str:
        if column == "pnr":
            return persons[text]
        if column in KEYS:
            return keys[text]
        if column in DATES:
            return day(text)
        return monday(text) if column == "honuge" else text

    tables = {
        name: pl.DataFrame([{column: stored(column, text) for column, text in row.items()} for row in rows])
        for name, rows in registers.items()
    }
    return Bucket(write_extract({name: table.rename({"pnr": "person"}) for name, table in tables.items()}), 0)


def test_diagnoses_count_once_and_retracted_ones_not_at_all(osdc, delivery):
    in_a = {row["dw_ek_kontakt"] for row in delivery("lpr3a_kontakt")}
    in_f = {row["dw_ek_kontakt"] for row in delivery("lpr3f_kontakter")}
    expected = {
        "lpr2": len(delivery("lpr_diag")),
        "lpr3a": sum(
            row["senere_afkraeftet"] != "Ja" and row["dw_ek_kontakt"] in in_a
            for row in delivery("lpr3a_diagnose")
        ),
        "lpr3f": sum(
            row["senere_afkraeftet"] != "Ja" and row["dw_ek_kontakt"] in in_f - in_a
            for row in delivery("lpr3f_diagnoser")
        ),
    }
    found = dict(views.diagnoses(osdc).collect()["source"].value_counts().iter_rows())
    assert found == {source: count for source, count in expected.items() if count}


def test_icd_8_stands_apart(osdc):
    found = views.diagnoses(osdc).filter(pl.col("icd") == "8").collect()
    assert set(found["code"]) == {"24901", "250"}


def test_specialties_of_both_versions_under_one_name(osdc):
    found = views.diagnoses(osdc, contact=["specialty_name"]).collect()
    endocrine = found.filter(pl.col("specialty_name") == "medicinsk endokrinologi")
    assert set(endocrine["source"]) == {"lpr2", "lpr3a"}


def test_the_contact_class_can_not_be_had(osdc):
    assert set(views.contacts(osdc).collect()["class"]) == {None}
    with pytest.raises(StudyError, match="lpr_adm lacks c_pattype"):
        views.stays(osdc)


def test_undated_population_rows_give_no_residence(osdc):
    with pytest.raises(StudyError, match="bef lacks referencetid"):
        views.residence(osdc)


def test_dispensings_services_and_results(osdc, delivery):
    assert views.dispensings(osdc).collect().height == len(delivery("lmdb"))
    own = [row for name in ("sysi", "sssy") for row in delivery(name) if row["barnmak"] == "0"]
    assert views.services(osdc).collect().height == len(own)
    assert views.laboratory(osdc).collect()["value"].null_count() == 0
