"""Treatment episodes against AdhereR's compute.treatment.episodes (oracle adherence_adherer): every row.

AdhereR counts to the day that follows an episode, and its follow-up of 730 days to the day that follows that.
"""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sundbench.cohort.exposure import Rules, episodes, given_days


@pytest.mark.parametrize(
    ("file", "gap", "by_product"),
    [
        ("expected_episodes_gap30", 30, False),
        ("expected_episodes_gap180", 180, False),
        ("expected_episodes_gap90_medchange", 90, True),
    ],
)
def test_episodes(oracle, file, gap, by_product):
    folder, _ = oracle("adherence_adherer")
    events = pl.read_csv(folder / "med_events.csv").select(
        pl.col("PATIENT_ID").alias("person"),
        pl.col("DATE").str.to_date("%m/%d/%Y").alias("date"),
        pl.col("CATEGORY").alias("product"),
        pl.col("DURATION").alias("duration"),
    )
    followed = events.with_columns((pl.col("date").min().over("person") + timedelta(days=729)).alias("until"))
    rules = Rules(given_days("duration"), grace_days=gap, switch_ends_episode=by_product)
    found = episodes(followed, rules, by=("person",), product="product", until="until")
    expected = pl.read_csv(folder / f"{file}.csv", try_parse_dates=True)
    assert_frame_equal(
        found.select(
            pl.col("person").alias("PATIENT_ID"),
            pl.col("episode").alias("episode.ID"),
            pl.col("start").alias("episode.start"),
            pl.col("gap_days").alias("end.episode.gap.days"),
            pl.col("days").alias("episode.duration"),
            (pl.col("end") + timedelta(days=1)).alias("episode.end"),
        ),
        expected,
    )
