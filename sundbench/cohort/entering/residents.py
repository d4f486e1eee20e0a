"""All residents on a day."""

from __future__ import annotations

import polars as pl

from sundbench.cohort import views
from sundbench.cohort.entering.entered import Entered
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.populations.residents import Residents


def enter(population: Residents, bucket: Neighbours) -> Entered:
    """Who lives in Denmark on the day, of those whom the extract's population register shows at all."""
    intervals = views.residence(bucket).collect()
    there = (pl.col("from") <= population.on) & (pl.col("until") >= population.on)
    known = intervals["person"].n_unique()
    frame = (
        intervals.filter(there)
        .select(
            "person",
            pl.lit(0, dtype=pl.UInt8).alias("drug"),
            pl.lit(population.on, dtype=pl.Date).alias("index"),
        )
        .sort("person")
        .with_row_index("row")
    )
    return Entered(frame, ((known, known), (frame.height, frame.height)))
