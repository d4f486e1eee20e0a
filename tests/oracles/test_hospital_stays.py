"""Stays in hospital against the limits of the R package heaven (oracle danish_registry_heaven)."""

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views import stays


def test_the_first_and_last_day_of_every_stay(oracle, tmp_path):
    folder, _ = oracle("danish_registry_heaven")
    admissions = pl.read_csv(folder / "admissions.csv", try_parse_dates=True).with_row_index("contact")
    register = admissions.select(
        pl.col("pnr").cast(pl.Int32).alias("person"),
        pl.col("contact").cast(pl.Int64).alias("recnum"),
        pl.col("inddto").alias("d_inddto"),
        pl.col("uddto").alias("d_uddto"),
        pl.lit("0").alias("c_pattype"),  # heaven was told that all of them are inpatients
        pl.lit("1").alias("c_indm"),
    )
    (tmp_path / "lpr_adm").mkdir()
    register.sort("person", "d_inddto").write_parquet(tmp_path / "lpr_adm" / "bucket-00000.parquet")
    ours = stays(Bucket(tmp_path, 0)).collect()
    theirs = pl.read_csv(folder / "expected_admission_limits.csv", try_parse_dates=True)
    assert ours.height < admissions.height
    assert (
        ours.select("person", "start", "end").rows()
        == theirs.sort("pnr", "first.indate", "last.outdate").rows()
    )
