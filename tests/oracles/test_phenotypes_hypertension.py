"""Hypertension from prescriptions against the R package heaven (oracle danish_registry_heaven)."""

from datetime import date

import pandas as pd
import polars as pl
import pytest

from sundbench.cohort.phenotypes.definitions import definition
from sundbench.cohort.phenotypes.drug_classes import at_index, onset

RULES = definition("hypertension_atc", {})


@pytest.fixture(scope="module")
def data(oracle):
    folder, _ = oracle("danish_registry_heaven")
    rows = pl.read_csv(folder / "prescriptions_bp.csv", try_parse_dates=True)
    return folder, rows.rename({"ptid": "person", "ATC": "atc", "EKSD": "date"}).lazy()


def test_classes_at_index_of_every_person(data):
    folder, rows = data
    theirs = pd.read_csv(folder / "expected_hypertension_index.csv", parse_dates=["index"])
    ours = at_index(rows, rows.select("person", "index"), RULES).collect().to_pandas()
    found = ours[ours["classes"] > 0]
    assert found["person"].to_list() == theirs["ptid"].to_list()
    assert found["classes"].to_list() == theirs["numDrugs"].to_list()
    assert found["present"].astype(int).to_list() == theirs["hypertension"].to_list()


def test_onset_of_every_person_but_one(data):
    folder, rows = data
    theirs = pd.read_csv(folder / "expected_hypertension_date.csv", parse_dates=["hypertension"])
    ours = onset(rows, RULES).collect().to_pandas()
    slip = set(theirs["ptid"]) - set(ours["person"])
    assert slip == {44}
    theirs = theirs[~theirs["ptid"].isin(slip)]
    assert ours["person"].to_list() == theirs["ptid"].to_list()
    assert ours["onset_date"].to_list() == theirs["hypertension"].to_list()
    assert ours["classes"].to_list() == theirs["numDrugs"].to_list()


def test_the_one_has_no_two_quarters_on_end(data):
    # heaven looks at the row before, also where it is another person's: person 43's last quarter with two
    # classes (the first of 2012) comes just before person 44's first (the second of 2012).
    rows = data[1].filter(pl.col("person") == 44)
    two = definition("hypertension_atc", {"quarters": 1})
    days = rows.select("date").unique().collect()["date"]
    quarters = {
        found["onset_date"].item()
        for day in days
        if not (found := onset(rows.filter(_same_quarter(day)), two).collect()).is_empty()
    }
    assert sorted(quarters) == [date(2012, 6, 30), date(2012, 12, 31), date(2013, 9, 30)]


def _same_quarter(day):
    return pl.col("date").dt.truncate("1q") == pl.lit(day).dt.truncate("1q")
