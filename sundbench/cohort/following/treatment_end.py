"""When the index drug is discontinued, and when another one takes its place."""

from __future__ import annotations

import polars as pl

from sundbench.cohort.events.event import Event
from sundbench.cohort.following.episodes import treated
from sundbench.cohort.following.occurrences import Rows, named, of_view
from sundbench.cohort.following.regimen import columns
from sundbench.cohort.following.treatment import OnTreatment

DISCONTINUED, SWITCHED = "discontinued", "switched"


def treatment_ends(
    frame: pl.DataFrame,
    rows: Rows,
    drugs: tuple[Event, ...],
    treatment: OnTreatment,
    stays: pl.DataFrame | None,
) -> pl.DataFrame:
    """The days on which follow-up on treatment ends.

    Args:
        frame: ``row``, ``person``, ``drug`` (place in the listing) and ``index``.
        rows: of the drugs' views.
        drugs: the compared drugs.
        treatment: the rules.
        stays: of those persons, if they count.

    Returns:
        ``row``, ``discontinued`` (last day of the first episode, and the lag) and ``switched`` (first later
        day with another drug in a row that isn't of the index drug too; null where there is none or it
        doesn't count).
    """
    cohort = frame.lazy().select(pl.col("row").cast(pl.Int64), "person", "index", "drug")
    wanted = columns(treatment.rules)
    marked = []
    for view in dict.fromkeys(part.view for event in drugs for part in event.parts):
        names = [f"drug_{place}" for place in range(len(drugs))]
        of_drugs = [
            pl.Series(name, of_view(event, view, rows[view]))
            for name, event in zip(names, drugs, strict=True)
        ]
        own = [(pl.col("drug") == place) & pl.col(name) for place, name in enumerate(names)]
        other = [(pl.col("drug") != place) & pl.col(name) for place, name in enumerate(names)]
        marked.append(
            rows[view]
            .rows.lazy()
            .with_columns(of_drugs)
            .filter(pl.any_horizontal(names))
            .join(cohort, on="person", how="inner")
            .filter(pl.col("date") >= pl.col("index"))
            .with_columns(
                pl.any_horizontal(own).alias("own"),
                (pl.any_horizontal(other) & (pl.col("date") > pl.col("index"))).alias("other"),
            )
            .filter(pl.col("own") | pl.col("other"))
            .select("row", "date", "own", "other", *named(wanted))
        )
    found = pl.concat(marked).collect()
    of_rows = None
    if stays is not None:  # a person can be in several rows, each with an index day of its own
        of_rows = stays.join(cohort.select("person", "row").collect(), on="person").select(
            pl.col("row").alias("person"), "start", "end"
        )
    bought = found.filter("own").rename({"row": "person"}).drop("own", "other")
    first = treated(treatment.rules, bought, of_rows, "follow_up, on_treatment").unique(
        "person", keep="first", maintain_order=True
    )
    ends = frame.select("row").join(
        first.select(
            pl.col("person").cast(frame.schema["row"]).alias("row"),
            (pl.col("end") + pl.duration(days=treatment.lag_days)).alias(DISCONTINUED),
        ),
        on="row",
        how="left",
    )
    if not treatment.switching:
        return ends.with_columns(pl.lit(None, dtype=pl.Date).alias(SWITCHED))
    switched = (
        found.filter(pl.col("other") & ~pl.col("own"))
        .group_by("row")
        .agg(pl.col("date").min().alias(SWITCHED))
        .with_columns(pl.col("row").cast(frame.schema["row"]))
    )
    return ends.join(switched, on="row", how="left")
