"""What is known of the person on the index day: age, sex, region, residence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from sundbench.cohort import views
from sundbench.cohort.bucket import Bucket
from sundbench.cohort.features import REGIONS, SEXES, Age, Feature, Region, Resident, Sex
from sundbench.cohort.sources import PERSONS

SEX_CODES = {"2": SEXES[0], "1": SEXES[1]}
"""CPR's sex (``koen``)."""

REGION_CODES = dict(zip(("81", "82", "83", "84", "85"), REGIONS, strict=True))
"""Statistics Denmark's region of residence (``reg``), without the leading zero that some years have."""

EVERYBODY = 0
"""No pseudonym: stands in every snapshot while residence is worked out for a few persons."""


@dataclass(frozen=True)
class FewPersons(Bucket):
    """A bucket as if it held the population register of these persons alone.

    Residence is inferred from the days of all snapshots: these are kept, under a person who is nobody.
    """

    persons: pl.DataFrame

    def scan(self, register: str) -> pl.LazyFrame | None:
        """A register's rows; those of the population register narrowed."""
        rows = Bucket.scan(self, register)
        if rows is None:
            return None
        few = rows.filter(among(self.persons))
        if register != PERSONS:
            return few
        days = (
            rows.select("referencetid")
            .unique()
            .with_columns(pl.lit(EVERYBODY, dtype=pl.Int32).alias("person"))
        )
        return pl.concat([few, days], how="diagonal")


def attributes(bucket: Bucket, cohort: pl.DataFrame, wanted: Iterable[Feature]) -> list[pl.LazyFrame]:
    """The attributes that a study asks for.

    Args:
        bucket: the bucket to read.
        cohort: ``row``, ``person``, ``index``.
        wanted: features without parts.

    Returns:
        Frames with ``row`` and one column per attribute, named by ``column``; rows may be missing.
    """
    features = list(wanted)
    found = []
    of_register = [one for one in features if isinstance(one, Age | Sex | Region)]
    if of_register:
        found.append(_of_register(bucket, cohort, of_register))
    days = sorted({one.days for one in features if isinstance(one, Resident)})
    if days:
        found.append(_residence(bucket, cohort, days))
    return found


def filled(features: Iterable[Feature]) -> list[pl.Expr]:
    """The attributes' columns with the value of persons whom no register shows filled in."""
    return [
        pl.col(f"resident_{one.days}").fill_null(value=False) for one in features if isinstance(one, Resident)
    ]


def among(cohort: pl.DataFrame) -> pl.Expr:
    """Whether a row is of a person of the cohort; unlike a join it is decided while the file is read."""
    return pl.col("person").is_in(cohort["person"].implode())


def column(feature: Feature) -> str | None:
    """The column of an attribute; None for features that are no attributes."""
    if isinstance(feature, Resident):
        return f"resident_{feature.days}"
    names = {Age: "age", Sex: "sex", Region: "region"}
    name = names.get(type(feature))
    return f"person_{name}" if name is not None else None


def _of_register(bucket: Bucket, cohort: pl.DataFrame, wanted: Sequence[Feature]) -> pl.LazyFrame:
    """Birth and sex by the latest snapshot that tells them; region by the latest one at or before index."""
    rows = bucket.scan(PERSONS)
    assert rows is not None  # noqa: S101 - compiling refuses an absent register
    kinds = {type(one) for one in wanted}
    dated = bucket.has(PERSONS, "referencetid")
    when = pl.col("referencetid") if dated else pl.lit(None, dtype=pl.Date).alias("referencetid")
    needed = {Age: "foed_dato", Sex: "koen", Region: "reg"}
    rows = (
        rows.filter(among(cohort))
        .select("person", when, *(name for kind, name in needed.items() if kind in kinds))
        .join(cohort.lazy().select("row", "person", "index"), on="person", how="inner")
        .sort("row", "referencetid")
    )
    aggregates = [pl.col("index").first()]
    if Age in kinds:
        aggregates.append(pl.col("foed_dato").drop_nulls().last())
    if Sex in kinds:
        aggregates.append(pl.col("koen").drop_nulls().last())
    if Region in kinds:
        known = (pl.col("referencetid") <= pl.col("index")).fill_null(value=True)
        aggregates.append(pl.col("reg").filter(known).last())
    people = rows.group_by("row").agg(aggregates)
    columns = []
    if Age in kinds:
        columns.append(_whole_years(pl.col("foed_dato"), pl.col("index")).alias("person_age"))
    if Sex in kinds:
        columns.append(_labelled(pl.col("koen"), SEX_CODES).alias("person_sex"))
    if Region in kinds:
        columns.append(
            _labelled(pl.col("reg").str.strip_chars_start("0"), REGION_CODES).alias("person_region")
        )
    return people.select("row", *columns)


def _whole_years(born: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Birthdays passed: who is born on 29 February has theirs on 1 March in common years."""
    before_birthday = (day.dt.month() < born.dt.month()) | (
        (day.dt.month() == born.dt.month()) & (day.dt.day() < born.dt.day())
    )
    return (day.dt.year() - born.dt.year() - before_birthday.cast(pl.Int32)).cast(pl.Int32)


def _labelled(code: pl.Expr, labels: dict[str, str]) -> pl.Expr:
    return code.replace_strict(labels, default=None, return_dtype=pl.String)


def _residence(bucket: Bucket, cohort: pl.DataFrame, days: list[int]) -> pl.LazyFrame:
    few = FewPersons(bucket.root, bucket.number, cohort.select("person").unique())
    intervals = views.residence(few).join(
        cohort.lazy().select("row", "person", "index"), on="person", how="inner"
    )
    first, last = pl.col("from"), pl.col("until")
    covers = [
        ((first <= pl.col("index") - pl.duration(days=n)) & (last >= pl.col("index")))
        .any()
        .alias(f"resident_{n}")
        for n in days
    ]
    return intervals.group_by("row").agg(covers)
