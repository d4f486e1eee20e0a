"""The Open-Source Diabetes Classifier over its authors' edge cases, person by person.

What is expected is what the R package osdc publishes of them (its ``edge_cases()``).
"""

from datetime import date

import pandas as pd
import pytest

import sundbench as sb
from sundbench.errors import StoreError, StudyError

RAW = {
    "01": ("2019-01-01", 1),
    "02": ("2012-06-16", 2),
    "03": ("2018-01-01", 2),
    "04": ("2004-12-27", 1),
    "05": ("2013-02-21", 2),
    "06": ("2019-01-01", 2),
    "07": ("2012-04-23", 2),
    "08": ("2014-01-20", 1),
    "09": ("2019-01-01", 2),
    "10": ("2019-01-01", 2),
    "11": ("2000-04-23", 2),
    "13": ("2007-12-31", 2),
    "14": ("2013-04-01", 2),
    "15": ("2023-01-01", 2),
    "16": ("2013-04-01", 2),
    "18": ("2023-04-01", 2),
    "23": ("1995-06-16", 2),
    "24": ("2025-02-01", 2),
}
"""Raw inclusion date and type by the first two characters of the person; the other six have no diabetes."""


def by_person(found, people):
    names = {number: text for text, number in people.items()}
    return {
        names[row.pid][:2]: (
            row.raw_inclusion_date.date(),
            row.stable_inclusion_date,
            row.has_t1d,
            row.has_t2d,
        )
        for row in found.itertuples()
    }


def test_everybody_is_right(as_extract, osdc):
    db, people = as_extract(osdc)
    found = sb.phenotype("diabetes_osdc").collect(db)
    assert list(found.columns) == [
        "pid",
        "raw_inclusion_date",
        "stable_inclusion_date",
        "has_t1d",
        "has_t2d",
    ]
    assert len(people) == 24
    ours = by_person(found, people)
    assert {who: (str(raw), 1 if one else 2) for who, (raw, _, one, _) in ours.items()} == RAW
    assert all(one != two for _, _, one, two in ours.values())
    assert all(
        pd.isna(stable) if who == "23" else stable.date() == raw for who, (raw, stable, _, _) in ours.items()
    )


def test_cut_into_buckets_it_is_the_same(as_extract, osdc):
    one, people = as_extract(osdc)
    many, spread = as_extract(osdc, buckets=7, spread=89_000_000)
    whole = sb.phenotype("diabetes_osdc").collect(one)
    cut = sb.phenotype("diabetes_osdc").collect(many, workers=1)
    assert by_person(cut, spread) == by_person(whole, people)
    assert cut["pid"].is_monotonic_increasing


def test_the_result_says_where_it_came_from(as_extract, osdc):
    db, _ = as_extract(osdc)
    found = sb.phenotype("diabetes_osdc").collect(db)
    again = sb.phenotype("diabetes_osdc").collect(db)
    later = sb.phenotype("diabetes_osdc", stable_from="2014-01-01").collect(db)
    assert found.fingerprint == again.fingerprint != later.fingerprint
    assert found.frame.equals(again.frame)
    assert type(found.frame) is pd.DataFrame
    assert str(found.table.schema.field("raw_inclusion_date").type) == "date32[day]"
    assert found.notes == ()
    assert later["stable_inclusion_date"].min().date() == date(2014, 1, 20)


@pytest.mark.parametrize(
    ("register", "column"),
    [
        ("lpr_adm", "c_spec"),
        ("lpr3a_diagnose", "senere_afkraeftet"),
        ("sssy", "barnmak"),
        ("lmdb", "indo"),
        ("lmdb", "volume"),
        ("bef", "foed_dato"),
    ],
)
def test_an_extract_without_a_column_is_refused(as_extract, osdc, register, column):
    osdc[register] = [{name: text for name, text in row.items() if name != column} for row in osdc[register]]
    db, _ = as_extract(osdc)
    with pytest.raises(StudyError, match=f"the extract's register {register} lacks {column}"):
        sb.phenotype("diabetes_osdc").check(db)


def test_an_extract_without_a_register_is_refused(as_extract, osdc):
    db, _ = as_extract({name: rows for name, rows in osdc.items() if name != "lab_forsker"})
    with pytest.raises(StudyError, match="the extract lacks lab_forsker: the permit must ask for that"):
        sb.phenotype("diabetes_osdc").collect(db)


def test_one_version_of_the_patient_register_is_enough(as_extract, osdc):
    db, people = as_extract({name: rows for name, rows in osdc.items() if not name.startswith("lpr3")})
    found = by_person(sb.phenotype("diabetes_osdc").collect(db), people)
    assert set(RAW) - set(found) == {"15", "24"}  # whose second diagnosis is of LPR3


def test_a_damaged_bucket_is_named(as_extract, osdc):
    db, _ = as_extract(osdc)
    (db.root / "lmdb" / "bucket-00000.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match=r"lmdb/bucket-00000\.parquet of the extract is damaged"):
        sb.phenotype("diabetes_osdc").collect(db)


@pytest.mark.parametrize(("said", "counts"), [("Nej", True), ("Ja", False), ("", False)])
def test_a_diagnosis_counts_if_it_is_said_to_stand(as_extract, osdc, said, counts):
    for name in ("lpr3a_diagnose", "lpr3f_diagnoser"):
        for row in osdc[name]:
            if row["dw_ek_kontakt"] == "pnr15_dw01" and "DE110" in row.values():
                row["senere_afkraeftet"] = said
    db, people = as_extract(osdc)
    assert ("15" in by_person(sb.phenotype("diabetes_osdc").collect(db), people)) == counts


def test_services_of_both_registers_count_in_the_years_that_both_report(as_extract, osdc):
    osdc["sysi"].append(
        {"pnr": "22_nodm_female_blank", "barnmak": "0", "speciale": "540001", "honuge": "0510"}
    )
    osdc["sssy"].append(
        {"pnr": "22_nodm_female_blank", "barnmak": "0", "speciale": "540001", "honuge": "0510"}
    )
    db, people = as_extract(osdc)
    assert "22" not in by_person(sb.phenotype("diabetes_osdc").collect(db), people)
    osdc["sysi"].append(
        {"pnr": "22_nodm_female_blank", "barnmak": "0", "speciale": "540001", "honuge": "0511"}
    )
    db, people = as_extract(osdc)
    raw = by_person(sb.phenotype("diabetes_osdc").collect(db), people)["22"][0]
    assert raw == date(2005, 3, 14)  # the Monday of week 11, though SSSY lacks that service


def test_a_register_that_begins_too_late_for_stable_dates_is_noted(as_extract, osdc):
    db, _ = as_extract(osdc)
    manifest = db.manifest
    manifest["registers"]["lmdb"]["coverage"]["since"] = "2004-01-01"
    (note,) = sb.phenotype("diabetes_osdc").collect(db).notes
    assert note.startswith("lmdb begins on 2004-01-01: stable inclusion dates need it from 1997-01-01 on")
    assert sb.phenotype("diabetes_osdc", stable_from="2005-01-01").collect(db).notes == ()


def test_by_the_texts_reading_what_was_bought_before_1997_does_not_count(as_extract, osdc):
    db, people = as_extract(osdc)
    found = by_person(sb.phenotype("diabetes_osdc", purchases_from="1997-01-01").collect(db), people)
    assert {who: (str(raw), 1 if one else 2) for who, (raw, _, one, _) in found.items()} == RAW | {
        "23": ("1997-06-16", 2)
    }
