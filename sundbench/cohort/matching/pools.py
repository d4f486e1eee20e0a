"""What a bucket tells of those who may be found for a case: small frames, put together by the driver."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from sundbench.cohort import entering, views
from sundbench.cohort.entering import prevalent
from sundbench.cohort.narrowed import Neighbours
from sundbench.cohort.persons import REGION_CODES, SEX_CODES
from sundbench.cohort.populations.families import Relatives
from sundbench.cohort.populations.matched import Matched
from sundbench.cohort.populations.onset import Onset
from sundbench.cohort.populations.prevalent import PrevalentNewUsers
from sundbench.cohort.sources import PERSONS, SOURCES
from sundbench.cohort.study import Study

Pools = Mapping[str, pl.DataFrame]


def pools(study: Study, rows: Mapping[str, pl.DataFrame], bucket: Neighbours) -> Pools:
    """The frames that a bucket gives to the driver; none where a population knows no other than its own.

    Args:
        study: the protocol.
        rows: of each view that the population reads, the rows of its events.
        bucket: the buckets that they are of.
    """
    match study.population:
        case Matched() as design:
            return _at_risk(study, design, rows, bucket)
        case PrevalentNewUsers() as design:
            return {"days": prevalent.comparators(design, (study.first_day, study.last_day), rows)}
        case Relatives():
            return {"people": _parents(bucket)}
        case _:
            return {}


def _at_risk(
    study: Study, design: Matched, rows: Mapping[str, pl.DataFrame], bucket: Neighbours
) -> dict[str, pl.DataFrame]:
    """Who may be at risk in the entry period: where they live, what they are matched on, until when.

    ``people``: ``person``, ``sex`` and ``birth_year`` where they are matched on, ``since``: the first day on
    which they are not at risk. ``stays``: ``person``, ``from``, ``until``. ``regions``: ``person``, ``from``,
    ``region`` (0 where unknown).
    """
    inside = (pl.col("from") <= study.last_day) & (pl.col("until") >= study.first_day)
    stays = views.residence(bucket).filter(inside)
    frames = [stays, _people(bucket, design)]
    if "region" in design.on:
        frames.append(_regions(study, bucket))
    found = pl.collect_all(frames)
    ends = [_since(design, rows)]
    if any(bucket.has(register) for register in SOURCES["deaths"].registers):
        ends.append(views.deaths(bucket).select("person", pl.col("date").alias("since")).collect())
    since = pl.concat(ends).group_by("person").agg(pl.col("since").min())
    people = found[1].join(since, on="person", how="left").sort("person")
    told = {"people": people, "stays": found[0].sort("person", "from")}
    return told | ({"regions": found[2]} if "region" in design.on else {})


def _since(design: Matched, rows: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The first day with what a control mustn't have had; a feature of controls is seen to later."""
    nth = design.cases.nth if isinstance(design.cases, Onset) and design.at_risk is None else 1
    events = [] if design.free_of is None else [design.free_of]
    return entering.nth_day(entering.rows_of(events, rows), nth).rename({"date": "since"})


def _snapshots(bucket: Neighbours) -> pl.LazyFrame:
    rows = bucket.scan(PERSONS)
    assert rows is not None  # noqa: S101 - compiling refuses an absent register
    if not bucket.has(PERSONS, "referencetid"):
        return rows
    return rows.sort("referencetid", nulls_last=False, maintain_order=True)


def _people(bucket: Neighbours, design: Matched) -> pl.LazyFrame:
    """Sex and year of birth by the latest snapshot that tells them."""
    told = []
    if "sex" in design.on:
        codes = {code: n for n, code in enumerate(sorted(SEX_CODES), 1)}
        sex = pl.col("koen").drop_nulls().last()
        told.append(sex.replace_strict(codes, default=None, return_dtype=pl.UInt8).alias("sex"))
    if "birth_year" in design.on:
        told.append(pl.col("foed_dato").drop_nulls().last().dt.year().cast(pl.Int16).alias("birth_year"))
    return _snapshots(bucket).group_by("person").agg(told)


def _regions(study: Study, bucket: Neighbours) -> pl.LazyFrame:
    """The regions that a person's snapshots show until the last day of entry, one row a change."""
    codes = {code: n for n, code in enumerate(REGION_CODES, 1)}
    number = pl.col("reg").replace_strict(codes, default=0, return_dtype=pl.UInt8).fill_null(0)
    return (
        _snapshots(bucket)
        .filter(pl.col("referencetid") <= study.last_day)
        .select("person", pl.col("referencetid").alias("from"), number.alias("region"))
        .sort("person", "from", maintain_order=True)
        .filter(pl.col("region").ne_missing(pl.col("region").shift(1).over("person")))
    )


def _parents(bucket: Neighbours) -> pl.DataFrame:
    """``person``, ``mother``, ``father``, ``born``: each by the latest snapshot that tells it."""
    return (
        _snapshots(bucket)
        .group_by("person")
        .agg(
            pl.col("mor_id").drop_nulls().last().alias("mother"),
            pl.col("far_id").drop_nulls().last().alias("father"),
            pl.col("foed_dato").drop_nulls().last().alias("born"),
        )
        .sort("person")
        .collect()
    )
