"""One row for each day on which a person bought an ATC code: what it comes to, and its limits."""

from __future__ import annotations

import polars as pl

from sundbench.cohort.exposure.rhythm_limits import RhythmLimits
from sundbench.errors import StudyError

DAY = ["person", "atc", "date"]
KNOWN = ("lower_ddd", "usual_ddd", "usual_days")


def purchase_days(
    purchases: pl.DataFrame, packages: pl.DataFrame, classes: pl.DataFrame, limits: RhythmLimits
) -> pl.DataFrame:
    """A day's purchases of a code as one.

    Returns:
        ``person``, ``atc``, ``date`` (int64, days), ``ddd`` (0 where unknown), ``lower_ddd`` (a day),
        ``minimum_days``, ``maximum_days``, ``by_package`` (days by package or class), ``by_class_alone``
        (nothing but the class's minimum was known).
    """
    bought = (
        purchases.with_columns(
            pl.col("date").to_physical().cast(pl.Int64),
            pl.col("packages").cast(pl.Float64),
            pl.col("ddd").cast(pl.Float64).fill_null(0.0),
        )
        .sort(*DAY, "vnr", "packages", "ddd")
        .group_by(*DAY, "vnr", maintain_order=True)
        .agg(pl.col("packages", "ddd").sum())
    )
    wrong = bought.select((pl.col("date").is_null() | ~(pl.col("packages") > 0)).fill_null(True).sum()).item()
    if wrong:
        raise StudyError(
            f"purchase_rhythm(): {wrong} purchases have no day or no packages: net corrections first"
        )
    package = packages.select(
        pl.col("vnr").cast(purchases["vnr"].dtype),
        *(
            pl.col(name).cast(pl.Float64).alias(f"package_{name}")
            for name in ("lower_ddd", "usual_ddd", "minimum_days", "usual_days", "maximum_days")
        ),
    )
    _once(package, "vnr", "packages")
    bought = bought.join(package, on="vnr", how="left", maintain_order="left")
    bought = bought.join(_classes_of(bought["atc"], classes), on="atc", how="left", maintain_order="left")
    number = pl.col("packages")
    of_each = bought.with_columns(
        (pl.col("ddd") / pl.col("package_usual_ddd")).alias("by_dose"),
        (number * pl.col("package_usual_days")).alias("by_days"),
        (number * pl.coalesce("package_minimum_days", "class_minimum_days")).alias("minimum_days"),
        (number * pl.coalesce("package_maximum_days", "class_maximum_days")).alias("maximum_days"),
        (pl.col("ddd") > 0).alias("has_ddd"),
        *(pl.col(f"package_{name}").is_not_null().alias(f"knows_{name}") for name in KNOWN),
    )
    # Plain sums and extremes alone: conditions within an aggregation are evaluated day by day.
    of_day = of_each.group_by(*DAY, maintain_order=True).agg(
        pl.col("ddd", "by_dose", "by_days").sum(),
        number.max().alias("most_packages"),
        number.sum(),
        pl.col("package_lower_ddd").min(),
        pl.col("^class_.*$").first(),
        pl.col("minimum_days", "maximum_days").max(),
        pl.col("has_ddd", "^knows_.*$").min(),
    )
    share = pl.col("most_packages") / pl.col("packages")
    known_dose = pl.col("knows_usual_ddd") & pl.col("has_ddd")
    known_class_dose = pl.col("class_usual_ddd").is_not_null() & pl.col("has_ddd")
    return of_day.select(
        *DAY,
        "ddd",
        pl.when("knows_lower_ddd").then("package_lower_ddd").otherwise("class_lower_ddd").alias("lower_ddd"),
        pl.col("minimum_days", "maximum_days").clip(limits.shortest, limits.longest),
        pl.when(known_dose)
        .then(share * pl.col("by_dose"))
        .when("knows_usual_days")
        .then(share * pl.col("by_days"))
        .when(known_class_dose)
        .then(pl.col("ddd") / pl.col("class_usual_ddd"))
        .otherwise("class_minimum_days")
        .alias("by_package"),
        (~known_dose & ~pl.col("knows_usual_days") & ~known_class_dose).alias("by_class_alone"),
    )


def _classes_of(codes: pl.Series, classes: pl.DataFrame) -> pl.DataFrame:
    """For each ATC code that was bought the limits of the longest class that it belongs to."""
    _once(classes, "atc", "classes")
    names = ("lower_ddd", "usual_ddd", "minimum_days", "maximum_days")
    known = {row["atc"]: row for row in classes.select("atc", *names).to_dicts()}
    found = {code: _longest(code, known) for code in codes.unique().sort()}
    unknown = [code for code, row in found.items() if row is None]
    if unknown:
        raise StudyError(
            f"purchase_rhythm(): classes: none fits {', '.join(unknown[:5])}: add one, a letter is enough"
        )
    return pl.DataFrame(
        [
            {"atc": code, **{f"class_{name}": row[name] for name in names}}
            for code, row in found.items()
            if row
        ],
        schema={"atc": pl.String, **{f"class_{name}": pl.Float64 for name in names}},
        strict=False,
    )


def _longest(code: str, known: dict[str, dict[str, float]]) -> dict[str, float] | None:
    return next((known[code[:end]] for end in range(len(code), 0, -1) if code[:end] in known), None)


def _once(frame: pl.DataFrame, key: str, name: str) -> None:
    if frame[key].null_count() or frame[key].is_duplicated().any():
        raise StudyError(f"purchase_rhythm(): {name}: each {key} once, and none empty")
