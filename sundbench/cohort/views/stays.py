"""Stays in hospital: inpatient contacts with transfers merged."""

from __future__ import annotations

from datetime import date

import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.views.contact_class import refuse_unclassed
from sundbench.cohort.views.contacts import contacts
from sundbench.cohort.views.selection import Schema

STAY: Schema = {
    "start": pl.Date,
    "end": pl.Date,
    "contacts": pl.UInt32,
    "acute": pl.Boolean,
}


def stays(bucket: Bucket) -> pl.LazyFrame:
    """Stays in hospital: inpatient contacts with transfers merged.

    A contact that begins on the day, or the day after, an earlier one ends continues its stay; so does one
    that begins while an earlier one lasts. A contact without end keeps its stay open: what begins later is of
    that stay.

    Returns:
        One row per stay: ``person`` int32, ``start`` date, ``end`` date (null: not ended), ``contacts``
        uint32, how many it is made of, ``acute`` bool, whether it began acutely. Sorted by person and start.

    Raises:
        StudyError: as ``contacts``, or the columns that tell inpatient contacts apart are missing.
    """
    refuse_unclassed(bucket)
    inpatient = contacts(bucket).filter(pl.col("class") == "inpatient")
    far = pl.lit(date(9999, 12, 30))
    reach = pl.max_horizontal(pl.col("end").fill_null(far), pl.col("start"))
    return (
        inpatient.select("person", "start", "acute", "contact", "source", reach.alias("reach"), "end")
        .sort("person", "start", "reach", "source", "contact")
        .with_columns(pl.col("reach").cum_max().shift(1).over("person").alias("before"))
        .with_columns(
            (pl.col("before").is_null() | (pl.col("start") > pl.col("before").dt.offset_by("1d"))).alias(
                "new"
            )
        )
        .with_columns(pl.col("new").cum_sum().over("person").alias("stay"))
        .group_by("person", "stay", maintain_order=True)
        .agg(
            pl.col("start").first(),
            pl.col("reach").max().alias("end"),
            pl.len().alias("contacts"),
            pl.col("acute").first(),
        )
        .select(
            "person",
            "start",
            pl.when(pl.col("end") < far).then(pl.col("end")).alias("end"),
            "contacts",
            "acute",
        )
    )
