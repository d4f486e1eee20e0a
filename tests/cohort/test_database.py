"""Opening an extract and reading its registers as they are."""

import re
from datetime import date

import polars as pl
import pytest

import sundbench as sb
from sundbench.errors import StoreError, StudyError


@pytest.fixture
def root(write_extract):
    lmdb = pl.DataFrame(
        {
            "person": [5, 2**31 - 5],
            "eksd": [date(2012, 1, 1), date(2013, 1, 1)],
            "atc": ["B01AF02", "C10AA01"],
        }
    )
    return write_extract({"lmdb": lmdb}, buckets=3)


def test_connect_by_path_or_environment(root, monkeypatch):
    assert sb.connect(root).registers == ("lmdb",)
    monkeypatch.setenv("SUNDBENCH_EXTRACT", str(root))
    assert sb.connect().root == root
    assert sb.connect().buckets == [0, 1, 2]


def test_connect_to_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("SUNDBENCH_EXTRACT", raising=False)
    with pytest.raises(StudyError, match="which extract"):
        sb.connect()
    with pytest.raises(StudyError, match="is no extract"):
        sb.connect(tmp_path)
    (tmp_path / "extract.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        _ = sb.connect(tmp_path).registers


def test_a_register_as_dask_and_polars(root):
    db = sb.connect(root)
    frame = db["lmdb"]
    assert frame.npartitions == 3
    assert frame.compute()["atc"].to_list() == ["B01AF02", "C10AA01"]
    assert db.lazy("lmdb").select("person").collect().height == 2
    assert db["LMDB"].npartitions == 3


def test_a_register_that_is_not_there(root):
    db = sb.connect(root)
    with pytest.raises(
        StudyError, match=re.escape("register dod: the permit doesn't give it: the extract has lmdb")
    ):
        db["dod"]
    with pytest.raises(StudyError, match="no register has that name"):
        db.lazy("nonsense")
    with pytest.raises(StudyError, match="numbered from 0"):
        db.bucket(3)


def test_a_file_that_was_exchanged_for_another_is_found_by_its_digest(root):
    db = sb.connect(root)
    db.verify()
    files = db.files("lmdb")
    files[0].write_bytes(files[1].read_bytes())
    with pytest.raises(StoreError, match=r"lmdb/bucket-00000.parquet of the extract is damaged"):
        db.verify()
    files[2].unlink()
    files[0].unlink()
    with pytest.raises(StoreError, match=r"lmdb/bucket-00000.parquet of the extract is missing"):
        db.verify()
