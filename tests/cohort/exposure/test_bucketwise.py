"""Episodes straight from a bucket of an extract."""

from datetime import date

import polars as pl
import pytest

import sundbench as sb
from sundbench.cohort.exposure import Rules, ddd, fixed_days, of_bucket
from sundbench.errors import StudyError


@pytest.fixture
def lmdb():
    bought = pl.DataFrame(
        {
            "person": [1, 1, 1, 2, 1],
            "eksd": ["2020-01-01", "2020-01-31", "2020-03-01", "2020-01-01", "2020-03-01"],
            "atc": ["B01AF02", "B01AF02", "B01AF02", "B01AF02", "C07AB02"],
            "vnr": ["100001", "100001", "100001", "100001", "100002"],
            "apk": [1, 1, 1, 2, 1],
            "volume": [30.0, 30.0, 30.0, 30.0, 10.0],
        }
    )
    correction = bought.head(1).with_columns(
        pl.lit("2020-03-01").alias("eksd"), pl.lit(-1).cast(pl.Int64).alias("apk")
    )
    return pl.concat([bought, correction])


@pytest.fixture
def bucket(write_extract, lmdb):
    return sb.connect(write_extract({"lmdb": lmdb})).bucket(0)


def test_a_medicine_with_corrections_netted(bucket):
    found = of_bucket(bucket, sb.dispensing("B01AF"), Rules(ddd(), grace_days=30))
    assert found.select("person", "atc", "start", "end", "dispensings").rows() == [
        (1, "B01AF02", date(2020, 1, 1), date(2020, 2, 29), 2),
        (2, "B01AF02", date(2020, 1, 1), date(2020, 2, 29), 1),
    ]


def test_every_code_by_itself_and_all_as_one(bucket):
    every = of_bucket(bucket, None, Rules(fixed_days(30)))
    assert every.select("person", "atc").unique(maintain_order=True).rows() == [
        (1, "B01AF02"),
        (1, "C07AB02"),
        (2, "B01AF02"),
    ]
    one = of_bucket(
        bucket, None, Rules(fixed_days(30), switch_ends_episode=True), by=("person",), product="atc"
    )
    assert one.filter(pl.col("person") == 1).height == 2


def test_supply_outlasts_stays_in_hospital(write_extract, lmdb):
    admitted = pl.DataFrame(
        {
            "person": [2],
            "recnum": [1],
            "d_inddto": ["2010-01-05"],
            "d_uddto": ["2010-01-15"],
            "c_pattype": ["0"],
            "c_indm": ["1"],
        }
    )
    early = lmdb.with_columns(pl.col("eksd").str.replace("2020", "2010"))
    bucket = sb.connect(write_extract({"lmdb": early, "lpr_adm": admitted})).bucket(0)
    found = of_bucket(bucket, sb.dispensing("B01AF"), Rules(ddd(), grace_days=30), outside_hospital=True)
    assert found.filter(pl.col("person") == 2)["end"].item() == date(2010, 3, 11)


def test_what_the_extract_lacks_is_named(bucket):
    with pytest.raises(StudyError):
        of_bucket(bucket, None, Rules(ddd()), outside_hospital=True)
