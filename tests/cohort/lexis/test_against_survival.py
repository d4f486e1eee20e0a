"""The same pieces as R's package survival gives, which comes with R: ``survSplit`` and ``tmerge``."""

import os
import shutil
import subprocess
from datetime import date

import numpy as np
import polars as pl
import pytest

from sundbench.cohort import lexis
from sundbench.cohort.following.changing import intervals

PROGRAM = """
suppressMessages(library(survival))
d <- read.csv("followed.csv"); ch <- read.csv("changes.csv")
write.csv(survSplit(Surv(fu, ev) ~ ., d, cut = c(30, 90, 365, 500), episode = "band"), "split.csv")
t <- tmerge(d, d, id = id, death = event(fu, ev))
write.csv(tmerge(t, ch, id = id, state = tdc(time, v, 0)), "merged.csv")
"""
INDEX = date(2012, 1, 1)


@pytest.fixture
def in_r(tmp_path):
    def run(**tables):
        for name, table in tables.items():
            table.write_csv(tmp_path / f"{name}.csv")
        done = subprocess.run(
            ["Rscript", "-e", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        if done.returncode:
            problem = f"R's package survival is needed: {done.stderr}"
            if os.environ.get("CI") == "true":
                pytest.fail(problem)
            pytest.skip(problem)
        return pl.read_csv(tmp_path / "split.csv"), pl.read_csv(tmp_path / "merged.csv")

    if shutil.which("Rscript") is None and os.environ.get("CI") != "true":
        pytest.skip("Rscript is needed")
    return run


def test_the_same_pieces_and_intervals(in_r):
    draw = np.random.default_rng(7)
    persons = 200
    followed = pl.DataFrame(
        {
            "id": range(1, persons + 1),
            "fu": draw.integers(1, 900, persons),
            "ev": draw.integers(0, 2, persons),
        }
    )
    changes, episodes = [], []
    for person in range(1, persons + 1):
        days = np.sort(draw.choice(850, 2 * draw.integers(0, 4), replace=False)) - 50
        for first, last in days.reshape(-1, 2).tolist():
            changes += [(person, first, 1), (person, last, 2)]
            episodes.append((person, first, last))
    split, merged = in_r(
        followed=followed, changes=pl.DataFrame(changes, schema=["id", "time", "v"], orient="row")
    )

    fu, ev = followed["fu"].to_numpy(), followed["ev"].to_numpy()
    cut = lexis.split(
        lexis.Spans(np.zeros(persons, np.int64), fu),
        [lexis.SinceEntry(lexis.entry_bands([30, 90, 365, 500]))],
    )
    ends = (cut.stop == fu[cut.row]) * ev[cut.row]
    pieces = np.column_stack([cut.row + 1, cut.start, cut.stop, ends, cut.codes[0] + 1])
    assert (
        pieces.tolist()
        == split.sort("id", "tstart").select("id", "tstart", "fu", "ev", "band").to_numpy().tolist()
    )

    frame = followed.select(
        pl.col("id").alias("row"),
        pl.col("id").alias("person"),
        pl.lit(INDEX).alias("index"),
        pl.lit(INDEX).alias("start"),
        (pl.lit(INDEX) + pl.duration(days=pl.col("fu"))).alias("end"),
    )
    of_r = (
        merged.sort("id", "tstart")
        .with_columns(pl.struct("id", "state").rle_id().alias("run"))  # tmerge leaves equal neighbours apart
        .group_by("run", maintain_order=True)
        .agg(pl.col("id", "tstart").first(), pl.col("tstop").last(), pl.col("state").first())
    )
    found = intervals(
        frame,
        pl.DataFrame(episodes, schema=["person", "start", "end"], orient="row").with_columns(
            (pl.lit(INDEX) + pl.duration(days=pl.col(name))).alias(name) for name in ("start", "end")
        ),
        lag_days=0,
        recent_days=0,
    )
    states = pl.col("state").replace_strict({0: 0, 1: 1, 3: 2}, return_dtype=pl.Int64)
    assert (
        found.select("row", "start_day", "stop_day", states).rows()
        == of_r.select("id", "tstart", "tstop", "state").rows()
    )
