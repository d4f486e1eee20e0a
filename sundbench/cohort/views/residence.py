"""Residence in Denmark: intervals made of population snapshots (BEF), migrations (VNDS) and deaths.

The rules, in order:

1. VNDS rows are put in order of person and day, a day's emigration before its immigration; of several of one
   kind in a row the first counts. What is left are the person's *moves*.
2. Between moves: from an immigration to the next emigration the person is resident. Before a first
   emigration, resident since the first snapshot that shows them.
3. Where the moves say "away" (after an emigration, before a first immigration) or nothing, a snapshot is
   still proof of residence on its day: resident from the first to the last such snapshot, and on to the next
   snapshot, but not beyond the next move. The same ends the time after a last immigration, counted from the
   last snapshot that shows the person.
4. Whoever was born after the snapshot before the first that shows them is resident from birth.
5. Death ends residence. After the last snapshot of the register, residence lasts to the end of its coverage.

Without VNDS rule 3 holds for everybody: absence between two snapshots doesn't interrupt residence.
"""

from __future__ import annotations

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.deaths import REGISTERS as DEATH_REGISTERS
from sundbench.cohort.views.deaths import deaths
from sundbench.cohort.views.migrations import migrations, spans
from sundbench.cohort.views.selection import Schema

RESIDENCE: Schema = {"from": pl.Date, "until": pl.Date}


def residence(bucket: Bucket) -> pl.LazyFrame:
    """Intervals of residence.

    Returns:
        ``person`` int32, ``from`` and ``until`` date, the first and the last day of residence, both included
        (the day before an emigration; the day of death). A person's intervals neither overlap nor touch.
        Sorted by person and from.

    Raises:
        StudyError: the extract has no BEF, or BEF without the snapshots' dates.
    """
    bucket.need("bef", "referencetid")
    population = bucket.scan("bef")
    assert population is not None  # noqa: S101 - need refuses an absent register
    born = "foed_dato" if bucket.has("bef", "foed_dato") else None
    seen = population.select(
        "person",
        pl.col("referencetid").alias("seen"),
        (pl.col(born) if born else pl.lit(None, dtype=pl.Date)).alias("born"),
    ).filter(pl.col("seen").is_not_null())
    covered = bucket.coverage("bef")
    # A snapshot and the day before the one that follows it; the last stands to the end of coverage.
    days = seen.select(pl.col("seen").unique().sort())
    end = pl.lit(covered[1]) if covered else pl.col("seen")
    snapshots = days.select(
        "seen",
        pl.col("seen").shift(1).alias("earlier"),
        (pl.col("seen").shift(-1) - pl.duration(days=1))
        .fill_null(pl.max_horizontal("seen", end))
        .alias("lasts"),
    )
    moves = migrations(bucket) if bucket.has("vnds") else None
    intervals = _bounded(spans(seen, moves), seen, snapshots)
    if any(bucket.has(register) for register in DEATH_REGISTERS):
        died = deaths(bucket).select("person", pl.col("date").alias("died"))
        intervals = intervals.join(died, on="person", how="left").with_columns(
            pl.min_horizontal("until", "died").alias("until")
        )
    return _merged(intervals.filter(pl.col("from") <= pl.col("until")))


def _bounded(between: pl.LazyFrame, seen: pl.LazyFrame, snapshots: pl.LazyFrame) -> pl.LazyFrame:
    """Rules 2 to 4 on each span: its interval of residence, if it has any."""
    span = ["person", "since", "next", "after"]
    inside = (
        between.join(seen, on="person", how="left")
        .filter(
            pl.col("seen").is_not_null()
            & (pl.col("since").is_null() | (pl.col("seen") > pl.col("since")))
            & (pl.col("next").is_null() | (pl.col("seen") <= pl.col("next")))
        )
        .group_by(span)
        .agg(
            pl.col("seen").min().alias("first"),
            pl.col("seen").max().alias("last"),
            pl.col("born").drop_nulls().min().alias("born"),
        )
    )
    shown = (
        between.join(inside, on=span, how="left", nulls_equal=True)
        .join(snapshots.select(pl.col("seen").alias("first"), "earlier"), on="first", how="left")
        .join(snapshots.select(pl.col("seen").alias("last"), "lasts"), on="last", how="left")
    )
    newborn = (pl.col("born") <= pl.col("first")) & (pl.col("born") > pl.col("earlier"))
    begun = pl.when(newborn).then("born").otherwise("first")
    starts = (
        pl.when(pl.col("after").eq("in") & pl.col("since").is_not_null())
        .then("since")
        .when(pl.col("since").is_null())
        .then(begun)
        .otherwise("first")
    )
    lasting = pl.when(pl.col("after").eq("in")).then(
        (pl.col("coming") - pl.duration(days=1)).fill_null(pl.max_horizontal("since", "end"))
    )
    leaving = pl.col("next") - pl.duration(days=1)
    return (
        shown.sort("since", nulls_last=False)
        .join_asof(
            snapshots.select(pl.col("seen").alias("coming")),
            left_on="since",
            right_on="coming",
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .join(snapshots.select(pl.col("lasts").max().alias("end")), how="cross")
        .with_columns(
            starts.alias("from"),
            pl.when(pl.col("after").eq("in") & pl.col("next").is_not_null())
            .then(leaving)
            .otherwise(pl.min_horizontal(pl.col("lasts").fill_null(lasting), leaving))
            .alias("until"),
        )
        .filter(pl.col("from").is_not_null() & pl.col("until").is_not_null())
        .select("person", "from", "until")
    )


def _merged(intervals: pl.LazyFrame) -> pl.LazyFrame:
    """Intervals that overlap or touch made one."""
    reach = pl.col("until").cum_max().shift(1).over("person")
    return (
        intervals.sort("person", "from", "until")
        .with_columns((pl.col("from") > reach + pl.duration(days=1)).fill_null(value=True).alias("new"))
        .with_columns(pl.col("new").cum_sum().over("person").alias("interval"))
        .group_by("person", "interval", maintain_order=True)
        .agg(pl.col("from").first(), pl.col("until").max())
        .select("person", "from", "until")
    )
