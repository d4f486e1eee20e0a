"""Diabetes and its type by the rules of the Open-Source Diabetes Classifier (docs/phenotypes.md).

Pure functions over frames of persons' events: ``events`` finds the four kinds of inclusion events,
``classified`` dates and types them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import polars as pl

from sundbench.cohort.events.conditions import begins
from sundbench.cohort.phenotypes.definitions import Diabetes, Pregnancy, Purchases

MILLIONTHS = 1_000_000
"""Daily doses are added as whole millionths, so that sums are exact whatever the order of the rows."""


@dataclass(frozen=True)
class Sources:
    """What registers tell of persons, retracted diagnoses and corrected purchases left out.

    Attributes:
        diagnoses: ``person``, ``date``, ``code``, ``type``, ``version`` (2 or 3, of LPR), ``specialty`` (as
            delivered).
        services: ``person``, ``date``, ``specialty``, ``child`` (``barnmak``).
        purchases: ``person``, ``date``, ``atc``, ``packages``, ``ddd``, ``indication``.
        results: ``person``, ``date``, ``npu``, ``value``, ``operator``.
        persons: ``person``, ``sex``, ``born``, one row each.
    """

    diagnoses: pl.LazyFrame
    services: pl.LazyFrame
    purchases: pl.LazyFrame
    results: pl.LazyFrame
    persons: pl.LazyFrame


@dataclass(frozen=True)
class Events:
    """Inclusion events, exclusions made.

    Attributes:
        diagnoses: ``person``, ``date`` and what the diagnosis tells: ``primary``, ``type_1``, ``type_2``,
            ``endocrinology``, ``medical``. Diagnoses of a day that tell the same are one.
        services: ``person``, ``date``, ``specialty``; services of one specialty and week are one.
        purchases: ``person``, ``date``, ``atc``, ``packages``, ``ddd``; equal purchases of a day are one.
        results: ``person``, ``date`` with an elevated HbA1c.
    """

    diagnoses: pl.LazyFrame
    services: pl.LazyFrame
    purchases: pl.LazyFrame
    results: pl.LazyFrame


Frames = TypeVar("Frames", Sources, Events)


def held(frames: Frames) -> Frames:
    """The same frames, computed all at once and held in memory."""
    names = [one.name for one in fields(frames)]
    found = pl.collect_all([getattr(frames, name) for name in names])
    return type(frames)(**{name: frame.lazy() for name, frame in zip(names, found, strict=True)})


def events(sources: Sources, rules: Diabetes) -> Events:
    """The inclusion events of persons."""
    of_type = sources.diagnoses.filter(pl.col("type").is_in(rules.diagnoses.types))
    endings = of_type.filter(begins("code", rules.pregnancy.endings)).select("person", "date").unique()
    counted = drugs(rules.purchases)
    if rules.purchases_from is not None:
        counted &= pl.col("date") >= rules.purchases_from
    purchases = _not_for_polycystic_ovaries(sources.purchases.filter(counted), sources.persons, rules)
    bought = ["person", "date", "atc", "packages", "ddd"]
    return Events(
        diagnoses=_diagnoses(of_type, rules),
        services=sources.services.filter(
            begins("specialty", rules.podiatry.specialties) & (pl.col("child") == rules.podiatry.recipient)
        )
        .select("person", "date", "specialty")
        .unique(),
        purchases=_not_pregnant(purchases, endings, rules.pregnancy).select(bought).unique(),
        results=_not_pregnant(
            sources.results.filter(_elevated(rules)).select("person", "date").unique(),
            endings,
            rules.pregnancy,
        ),
    )


def classified(found: Events, rules: Diabetes) -> pl.LazyFrame:
    """Who has diabetes, since when and of which type.

    Returns:
        ``pid``, ``raw_inclusion_date``, ``stable_inclusion_date`` (null before the rules' ``stable_from``),
        ``has_t1d``, ``has_t2d`` for those with two inclusion events, sorted by ``pid``.
    """
    raw = pl.col("raw_inclusion_date")
    type_1 = pl.col("has_t1d").fill_null(value=False)
    return (
        _second_events(found)
        .join(_told_by_diagnoses(found.diagnoses), on="person", how="left")
        .join(_told_by_purchases(found.purchases, rules), on="person", how="left")
        .with_columns(_is_type_1().alias("has_t1d"))
        .select(
            pl.col("person").alias("pid"),
            raw,
            pl.when(raw >= rules.stable_from).then(raw).alias("stable_inclusion_date"),
            type_1,
            (~type_1).alias("has_t2d"),
        )
        .sort("pid")
    )


def drugs(rules: Purchases) -> pl.Expr:
    """Whether an ATC code is of a glucose-lowering drug that counts."""
    chosen = begins("atc", rules.drugs)
    return chosen & ~begins("atc", rules.not_) if rules.not_ else chosen


def _elevated(rules: Diabetes) -> pl.Expr:
    """Whether a result is an elevated HbA1c; "<50" is none, whatever it may have been."""
    over = [(pl.col("npu") == npu) & (pl.col("value") >= threshold) for npu, threshold in rules.hba1c.items()]
    return pl.any_horizontal(over) & ~pl.col("operator").is_in(["<", "<="]).fill_null(value=False)


def _diagnoses(of_type: pl.LazyFrame, rules: Diabetes) -> pl.LazyFrame:
    told = rules.diagnoses
    diabetes = begins("code", told.icd_10) | (begins("code", told.icd_8) & (pl.col("version") == 2))
    number = pl.col("specialty").cast(pl.Int32, strict=False)
    name = pl.col("specialty").str.strip_chars().str.to_lowercase()
    departments = {"endocrinology": rules.departments.endocrinology, "medical": rules.departments.medical}
    of_department = [
        pl.when(pl.col("version") == 2)
        .then(number.is_in(one.lpr2))
        .otherwise(name.is_in(one.lpr3))
        .fill_null(value=False)
        .alias(department)
        for department, one in departments.items()
    ]
    return (
        of_type.filter(diabetes)
        .select(
            "person",
            "date",
            (pl.col("type") == told.primary).alias("primary"),
            begins("code", told.type_1).alias("type_1"),
            begins("code", told.type_2).alias("type_2"),
            *of_department,
        )
        .unique()
    )


def _not_for_polycystic_ovaries(
    purchases: pl.LazyFrame, persons: pl.LazyFrame, rules: Diabetes
) -> pl.LazyFrame:
    """Without what may be bought for polycystic ovaries; whose sex and age nobody knows is left out."""
    rule = rules.polycystic_ovaries
    young = (pl.col("date") < pl.col("born").dt.offset_by(f"{rule.before_age}y")).fill_null(value=True)
    indicated = pl.col("indication").is_in(rule.indications).fill_null(value=False)
    woman = (pl.col("sex") == rule.sex).fill_null(value=True)
    suspect = (pl.col("atc") == rule.drug) & woman & (young | indicated)
    return purchases.join(persons, on="person", how="inner").filter(~suspect).drop("sex", "born")


def _not_pregnant(rows: pl.LazyFrame, endings: pl.LazyFrame, rule: Pregnancy) -> pl.LazyFrame:
    """Without what lies within a pregnancy's weeks, both ends of which belong to them."""
    ended = pl.col("ended")
    within = pl.col("date").is_between(
        ended - pl.duration(weeks=rule.weeks_before), ended + pl.duration(weeks=rule.weeks_after)
    )
    pregnant = (
        rows.select("person", "date")
        .unique()
        .join(endings.rename({"date": "ended"}), on="person", how="inner")
        .filter(within)
        .select("person", "date")
        .unique()
    )
    return rows.join(pregnant, on=["person", "date"], how="anti")


def _second_events(found: Events) -> pl.LazyFrame:
    """The day of each person's second event.

    Several events of one kind on a day are several; an elevated HbA1c beside a purchase, or events of other
    kinds on the same day, are one.
    """
    bought = pl.concat([found.purchases.select("person", "date"), found.results], how="vertical")
    of_drugs = found.purchases.group_by("person", "date").len()
    kinds = [
        found.diagnoses.group_by("person", "date").len(),
        found.services.group_by("person", "date").len(),
        bought.unique()
        .join(of_drugs, on=["person", "date"], how="left")
        .with_columns(pl.col("len").fill_null(1)),
    ]
    return (
        pl.concat(kinds, how="vertical")
        .group_by("person", "date")
        .agg(pl.col("len").max())
        .sort("person", "date")
        .filter(pl.col("len").cum_sum().over("person") >= 2)
        .group_by("person", maintain_order=True)
        .agg(pl.col("date").first().alias("raw_inclusion_date"))
    )


def _told_by_diagnoses(diagnoses: pl.LazyFrame) -> pl.LazyFrame:
    """By person: whether any, and whether most, primary diagnoses that tell the type say type 1.

    Most: of endocrinology's if it has made any, else of the other medical departments'.
    """
    primary = diagnoses.filter("primary")
    counts = primary.group_by("person").agg(
        (pl.col(kind) & pl.col(department)).sum().cast(pl.Int64).alias(f"{kind}_{department}")
        for kind in ("type_1", "type_2")
        for department in ("endocrinology", "medical")
    )
    one, two = pl.col("type_1_endocrinology"), pl.col("type_2_endocrinology")
    most = (
        pl.when(one + two > 0).then(one > two).otherwise(pl.col("type_1_medical") > pl.col("type_2_medical"))
    )
    return counts.select(
        "person",
        ((one + pl.col("type_1_medical")) >= 1).alias("any_type_1"),
        most.alias("most_type_1"),
    )


def _told_by_purchases(purchases: pl.LazyFrame, rules: Diabetes) -> pl.LazyFrame:
    """By person: whether insulin alone was bought, enough of it, and soon enough."""
    insulin = begins("atc", rules.purchases.insulins)
    if rules.purchases.not_insulins:
        insulin &= ~begins("atc", rules.purchases.not_insulins)
    doses = (pl.col("ddd") * MILLIONTHS).round().cast(pl.Int64).fill_null(0)
    part, whole = rules.type_1.insulin_share
    soon = pl.col("date") <= pl.col("date").min() + pl.duration(days=rules.type_1.insulin_within_days)
    return (
        purchases.group_by("person")
        .agg(
            doses.filter(insulin).sum().alias("of_insulin"),
            doses.sum().alias("of_all"),
            (insulin & soon).any().alias("insulin_soon"),
        )
        .select(
            "person",
            "insulin_soon",
            ((pl.col("of_insulin") >= MILLIONTHS) & (pl.col("of_insulin") == pl.col("of_all"))).alias(
                "insulin_alone"
            ),
            ((pl.col("of_all") > 0) & (pl.col("of_insulin") * whole >= pl.col("of_all") * part)).alias(
                "insulin_mostly"
            ),
        )
    )


def _is_type_1() -> pl.Expr:
    def told(name: str) -> pl.Expr:
        return pl.col(name).fill_null(value=False)

    by_insulin_alone = told("insulin_alone") & told("any_type_1")
    by_pattern = ~told("insulin_alone") & told("most_type_1") & told("insulin_mostly") & told("insulin_soon")
    return by_insulin_alone | by_pattern
