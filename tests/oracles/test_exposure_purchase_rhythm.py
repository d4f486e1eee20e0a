"""Periods of use against the R package PRE2DUP (oracle exposure_periods_pre2dup): every column, every row."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sundbench.cohort.exposure import purchase_rhythm


@pytest.fixture
def example(oracle):
    folder, _ = oracle("exposure_periods_pre2dup")
    purchases = pl.read_csv(folder / "purchases_example.csv", try_parse_dates=True).select(
        pl.col("id").cast(pl.Int32).alias("person"),
        pl.col("ATC").alias("atc"),
        pl.col("vnr").cast(pl.String),
        pl.col("purchase_date").alias("date"),
        pl.col("n_packages").alias("packages"),
        pl.col("amount").alias("ddd"),
    )
    limits = {"minimum_dur": "minimum_days", "usual_dur": "usual_days", "maximum_dur": "maximum_days"}
    packages = (
        pl.read_csv(folder / "package_parameters_example.csv")
        .rename(limits)
        .with_columns(pl.col("vnr").cast(pl.String))
    )
    classes = pl.read_csv(folder / "ATC_parameters.csv")
    classes = classes.rename(
        {"partial_atc": "atc"} | {name: name.removesuffix("_atc") for name in classes.columns[1:]}
    )
    classes = classes.rename({"minimum_dur": "minimum_days", "maximum_dur": "maximum_days"})
    stays = pl.read_csv(folder / "hospitalizations_example.csv", try_parse_dates=True).select(
        pl.col("id").cast(pl.Int32).alias("person"),
        pl.col("hospital_start").alias("start"),
        pl.col("hospital_end").alias("end"),
    )
    return folder, purchases, packages, classes, stays


@pytest.mark.parametrize(
    ("file", "hospital"), [("expected_periods", True), ("expected_periods_no_hosp", False)]
)
def test_periods(example, file, hospital):
    folder, purchases, packages, classes, stays = example
    found = purchase_rhythm(purchases, packages, classes, stays=stays if hospital else None)
    expected = pl.read_csv(folder / f"{file}.csv", try_parse_dates=True).select(
        pl.col("id").cast(pl.Int32).alias("person"),
        pl.col("ATC").alias("atc"),
        pl.col("dup_start").alias("start"),
        pl.col("dup_end").alias("end"),
        pl.col("dup_days").alias("days"),
        pl.col("dup_hospital_days").alias("hospital_days"),
        pl.col("dup_n_purchases").alias("purchases"),
        pl.col("dup_last_purchase").alias("last_purchase"),
        pl.col("dup_total_DDD").cast(pl.Float64).alias("ddd"),
        pl.col("dup_temporal_average_DDDs").alias("mean_ddd"),
    )
    assert_frame_equal(found, expected, rel_tol=1e-6)
