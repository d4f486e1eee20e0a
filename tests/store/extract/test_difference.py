import json
from datetime import date

import polars as pl

from sundbench.store.extract import extract

LUNG_CANCER = '{ ever = { register = "lpr_diag", column = "c_diag", prefixes = ["DC34"] } }'


def test_an_amended_permit_gives_a_new_extract_and_what_it_adds_and_drops(site, register, rows, tables):
    register(registers={"lmdb": ["eksd", "atc"], "udda": ["aar", "hfaudd"]}, until="2014-12-31")
    old = extract(site, "lung", "f1")
    register(registers={"lmdb": ["eksd", "vnr"], "bef": ["koen"]}, since="2013-01-01")

    new = extract(site, "lung", "f1")

    assert new.made
    difference = json.loads((new.path / "extract-diff.json").read_text())
    assert difference == new.difference
    assert difference["old"]["permit_digest"] == old.manifest["permit_digest"]
    assert difference["new"]["permit_digest"] == new.manifest["permit_digest"]
    assert (difference["old"]["permit_version"], difference["new"]["permit_version"]) == (1, 2)
    assert difference["registers_added"] == ["bef"]
    assert difference["registers_dropped"] == ["udda"]
    bought = tables["lmdb"]["eksd"]
    assert difference["registers"]["lmdb"] == {
        "columns_added": ["vnr"],
        "columns_dropped": ["atc"],
        "rows_added": (bought > date(2014, 12, 31)).sum(),
        "rows_dropped": (bought < date(2013, 1, 1)).sum(),
    }
    assert difference["registers"]["udda"]["rows_dropped"] == 10_400
    assert difference["registers"]["bef"]["rows_added"] == 10_400  # the snapshot of 2015
    assert rows("lung", "lmdb").columns == ["person", "eksd", "vnr"]
    assert not (new.path / "udda").exists()


def test_a_wider_population_adds_persons_across_another_number_of_buckets(site, register, tables):
    register(population=LUNG_CANCER)
    extract(site, "lung", "f1")
    register()

    difference = extract(site, "lung", "f1").difference

    assert (difference["persons_added"], difference["persons_dropped"]) == (10_400 - 104, 0)
    added = tables["lmdb"].filter(pl.col("person") % 100 > 0)
    assert difference["registers"]["lmdb"]["rows_added"] == len(added)
    assert difference["registers"]["lmdb"]["rows_dropped"] == 0

    register(population=LUNG_CANCER, until="2026-12-31")
    difference = extract(site, "lung", "f1").difference
    assert (difference["persons_added"], difference["persons_dropped"]) == (0, 10_400 - 104)


def test_made_again_without_a_change_nothing_differs(site, register):
    register()
    assert extract(site, "lung", "f1").difference is None

    difference = extract(site, "lung", "f1", again=True).difference

    assert difference["persons_added"] == difference["persons_dropped"] == 0
    assert {entry["rows_added"] + entry["rows_dropped"] for entry in difference["registers"].values()} == {0}
    assert difference["old"] == difference["new"]
