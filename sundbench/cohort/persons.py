"""What is known of the person on the index day: age, sex, region, residence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import polars as pl

from sundbench.cohort import canonical, views
from sundbench.cohort.events.conditions import coded
from sundbench.cohort.features.attributes import REGIONS, SEXES, Age, Region, Resident, Sex
from sundbench.cohort.features.feature import Feature
from sundbench.cohort.features.society import YEAR, Education, OfYear
from sundbench.cohort.narrowed import FewPersons, Neighbours, among
from sundbench.cohort.sources import PERSONS

SEX_CODES = {"2": SEXES[0], "1": SEXES[1]}
"""CPR's sex (``koen``)."""

REGION_CODES = dict(zip(("81", "82", "83", "84", "85"), REGIONS, strict=True))
"""Statistics Denmark's region of residence (``reg``), without the leading zero that some years have."""


BORN = "person_born"
"""The column of the day of birth, which comes with age."""


def attributes(bucket: Neighbours, cohort: pl.DataFrame, wanted: Iterable[Feature]) -> list[pl.LazyFrame]:
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
    of_years = [one for one in features if isinstance(one, OfYear)]
    for register in sorted({one.register for one in of_years}):
        asked = [one for one in of_years if one.register == register]
        found.append(_of_years(bucket, cohort, register, asked))
    days = sorted({one.days for one in features if isinstance(one, Resident)})
    if days:
        found.append(_residence(bucket, cohort, days))
    return found


def filled(features: Iterable[Feature]) -> list[pl.Expr]:
    """The attributes' columns with the value of persons whom no register shows filled in."""
    return [
        pl.col(f"resident_{one.days}").fill_null(value=False) for one in features if isinstance(one, Resident)
    ]


def column(feature: Feature) -> str | None:
    """The column of an attribute; None for features that are no attributes."""
    if isinstance(feature, Resident):
        return f"resident_{feature.days}"
    if isinstance(feature, OfYear):
        return f"{feature.register}_{canonical.digest(feature)[:16]}"
    names = {Age: "age", Sex: "sex", Region: "region"}
    name = names.get(type(feature))
    return f"person_{name}" if name is not None else None


def _of_register(bucket: Neighbours, cohort: pl.DataFrame, wanted: Sequence[Feature]) -> pl.LazyFrame:
    """Birth and sex by the latest snapshot that tells them; region by the latest one at or before index."""
    rows = bucket.scan(PERSONS)
    assert rows is not None  # noqa: S101 - compiling refuses an absent register
    kinds = frozenset(_NEEDED[type(one)] for one in wanted)
    dated = bucket.has(PERSONS, "referencetid")
    when = pl.col("referencetid") if dated else pl.lit(None, dtype=pl.Date).alias("referencetid")
    return (
        rows.filter(among(cohort))
        .select("person", when, *sorted(kinds))
        .join(cohort.lazy().select("row", "person", "index"), on="person", how="inner")
        .sort("row", "referencetid")
        .group_by("row")
        .agg(_latest(kinds))
        .select("row", *_told(kinds))
    )


_NEEDED: Mapping[type[Feature], str] = {Age: "foed_dato", Sex: "koen", Region: "reg"}


@cache
def _latest(kinds: frozenset[str]) -> list[pl.Expr]:
    known = (pl.col("referencetid") <= pl.col("index")).fill_null(value=True)
    of_kind = {
        "foed_dato": pl.col("foed_dato").drop_nulls().last(),
        "koen": pl.col("koen").drop_nulls().last(),
        "reg": pl.col("reg").filter(known).last(),
    }
    return [pl.col("index").first(), *(of_kind[kind] for kind in sorted(kinds))]


@cache
def _told(kinds: frozenset[str]) -> list[pl.Expr]:
    of_kind = {
        "foed_dato": whole_years(pl.col("foed_dato"), pl.col("index")).alias("person_age"),
        "koen": _labelled(pl.col("koen"), SEX_CODES).alias("person_sex"),
        "reg": _labelled(pl.col("reg"), REGION_CODES).alias("person_region"),
    }
    born = [pl.col("foed_dato").alias(BORN)] if "foed_dato" in kinds else []
    return [*(of_kind[kind] for kind in sorted(kinds)), *born]


def whole_years(born: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Birthdays passed: who is born on 29 February has theirs on 1 March in common years."""
    before_birthday = (day.dt.month() < born.dt.month()) | (
        (day.dt.month() == born.dt.month()) & (day.dt.day() < born.dt.day())
    )
    return (day.dt.year() - born.dt.year() - before_birthday.cast(pl.Int32)).cast(pl.Int32)


def _labelled(code: pl.Expr, labels: dict[str, str]) -> pl.Expr:
    return code.replace_strict(labels, default=None, return_dtype=pl.String)


def _of_years(
    bucket: Neighbours, cohort: pl.DataFrame, register: str, wanted: Sequence[OfYear]
) -> pl.LazyFrame:
    """The values of the latest year before the index day's own: a year's value is known when it is over."""
    rows = bucket.scan(register)
    assert rows is not None  # noqa: S101 - compiling refuses an absent register
    return (
        rows.filter(among(cohort))
        .select("person", YEAR, *{one.column for one in wanted})
        .join(cohort.lazy().select("row", "person", "index"), on="person", how="inner")
        .filter(pl.col(YEAR) < pl.col("index").dt.year())
        .group_by("row")
        .agg(_of_latest_year(one).alias(str(column(one))) for one in wanted)
        .with_columns(
            _of_level(pl.col(str(column(one))), one.levels)
            for one in wanted
            if isinstance(one, Education) and one.levels
        )
    )


def _of_latest_year(wanted: OfYear) -> pl.Expr:
    """The value of the latest year that has one; of several of one year the largest."""
    value = pl.col(wanted.column)
    last = pl.col(YEAR).filter(value.is_not_null()).max()
    return value.filter(pl.col(YEAR) == last).max()


def _of_level(code: pl.Expr, levels: Sequence[tuple[str, tuple[str, ...]]]) -> pl.Expr:
    spelled = code.str.strip_chars().str.to_uppercase()
    names = [pl.when(coded(spelled, codes, prefix=True)).then(pl.lit(name)) for name, codes in levels]
    return pl.coalesce(names).alias(code.meta.output_name())


def _residence(bucket: Neighbours, cohort: pl.DataFrame, days: list[int]) -> pl.LazyFrame:
    few = FewPersons(
        bucket.root,
        bucket.number,
        bucket.numbers,
        cohort.select("person"),
        snapshots=(PERSONS, "referencetid"),
    )
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
