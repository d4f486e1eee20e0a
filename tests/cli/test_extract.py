from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sundbench.registers.catalogue import catalogue

TEXT = """
id = "statins"
title = { da = "Statiner", en = "Statins" }
purpose = "To learn."
basis = "FSEID-1"
members = [{ user = "bo", role = "researcher" }]
period = { since = 2010-01-01, until = 2025-12-31 }
expires = 2999-12-31
population = { ever = { register = "lmdb", column = "atc", prefixes = ["C10AA"] } }
registers.lmdb = { columns = ["eksd", "atc", "volume"] }
"""


@pytest.fixture
def delivery(tmp_path) -> Path:
    """Thirty persons who buy something three times a year; every third a statin."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    rows = [
        {
            "PNR": f"{61 + n % 28}01{50 + n % 40}{1000 + n}",
            "EKSD": date(2009 + year, 3 + n % 9, 1 + visit),
            "ATC": "C10AA01" if n % 3 == 0 else "N02BE01",
            "VNR": "100001",
            "APK": 1,
        }
        for n in range(30)
        for year in range(3)
        for visit in range(3)
    ]
    names = {name.upper() for name in catalogue()["lmdb"].columns}
    assert set(rows[0]) <= names
    pl.DataFrame(rows).write_csv(folder / "lmdb.csv", date_format="%Y%m%d")
    return folder


def test_from_delivery_to_extract(sundbench, delivery, tmp_path):
    file = tmp_path / "statins.toml"
    file.write_text(TEXT)
    assert sundbench("vault", "key", str(tmp_path / "key"))[0] == 0
    code, _, err = sundbench("freeze", "create", str(delivery), "--id", "f1")
    assert code == 0, err
    assert sundbench("permit", "create", str(file))[0] == 0

    code, out, err = sundbench("extract", "statins", "--freeze", "f1")

    assert code == 0, err
    place = tmp_path / "home" / "extracts" / "statins" / "f1"
    assert str(place) in out
    assert "10 persons in 1 buckets" in out
    assert "left out: 20 persons outside population" in out
    assert "left out: 30 rows outside period" in out
    assert "not in the freeze: lmdb: volume" in out
    lmdb = pl.read_parquet(place / "lmdb" / "bucket-00000.parquet")
    assert lmdb.columns == ["person", "eksd", "atc"]
    assert len(lmdb) == 10 * 2 * 3  # the purchases of 2009 are before the period
    assert lmdb["person"].n_unique() == 10

    assert "up to date" in sundbench("extract", "statins", "--freeze", "f1")[1]
    assert "up to date" not in sundbench("extract", "statins", "--freeze", "f1", "--again")[1]

    file.write_text(TEXT.replace("since = 2010-01-01", "since = 2009-01-01"))
    sundbench("permit", "create", str(file))
    out = sundbench("extract", "statins", "--freeze", "f1")[1]
    assert "against the extract before" in out
    assert any(line.split() == ["lmdb", "same", "30", "0"] for line in out.splitlines())


def test_what_the_user_can_mend_is_one_line_and_exit_1(sundbench):
    code, out, err = sundbench("extract", "nothing", "--freeze", "f1")

    assert (code, out) == (1, "")
    assert err.strip() == "error: unknown permit nothing: `sundbench permit list` shows those there are"


def test_wrong_usage_is_exit_2(sundbench):
    assert sundbench("extract", "nothing")[0] == 2
