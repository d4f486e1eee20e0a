"""A bucket: what the extract has of a register, and a clear refusal of what it lacks."""

import pickle
from datetime import date

import polars as pl
import pytest

from sundbench.cohort.bucket import Bucket
from sundbench.errors import StoreError, StudyError

DEATHS = pl.DataFrame({"person": [2, 1], "doddato": [date(2015, 1, 1), date(2016, 1, 1)]})


def test_scan_gives_the_rows_of_a_register(bucket):
    rows = bucket(dod=DEATHS).scan("dod").collect()
    assert rows.rows() == [(1, date(2016, 1, 1)), (2, date(2015, 1, 1))]
    assert rows.schema == {"person": pl.Int32, "doddato": pl.Date}


def test_a_register_that_the_extract_lacks(bucket):
    one = bucket(dod=DEATHS)
    assert one.scan("lmdb") is None
    assert one.columns("lmdb") == {}
    assert not one.has("lmdb")
    with pytest.raises(StudyError, match="no register lmdb"):
        one.need("lmdb")


def test_columns_that_the_extract_lacks(bucket):
    one = bucket(dod=DEATHS)
    assert one.has("dod", "doddato")
    assert not one.has("dod", "doddato", "alder_haend")
    with pytest.raises(StudyError, match="dod lacks alder_haend"):
        one.need("dod", "doddato", "alder_haend")


def test_persons_fall_into_buckets_by_their_pseudonym(write_extract):
    low, high = 5, 2**31 - 5
    root = write_extract({"dod": DEATHS.with_columns(pl.Series("person", [low, high]))}, buckets=4)
    persons = [Bucket(root, number).scan("dod").collect()["person"].to_list() for number in range(4)]
    assert persons == [[low], [], [], [high]]


def test_coverage_is_what_the_extract_says(write_extract):
    since, until = date(2010, 1, 1), date(2020, 12, 31)
    root = write_extract({"dod": DEATHS}, coverage={"dod": (since, until)})
    assert Bucket(root, 0).coverage("dod") == (since, until)
    assert Bucket(root, 0).coverage("lmdb") is None


def test_a_missing_bucket_file_is_named(bucket):
    one = bucket(dod=DEATHS)
    one.path("dod").unlink()
    with pytest.raises(StoreError, match=r"dod/bucket-00000.parquet of the extract is missing"):
        one.scan("dod")


def test_a_damaged_bucket_file_is_named(bucket):
    one = bucket(dod=DEATHS)
    one.path("dod").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(StoreError, match=r"dod/bucket-00000.parquet of the extract is damaged"):
        one.scan("dod")


def test_a_bucket_travels_to_a_worker(bucket):
    one = bucket(dod=DEATHS)
    assert one.has("dod")
    copy = pickle.loads(pickle.dumps(one))
    assert copy == one
    assert copy.scan("dod").collect().height == 2
