"""Periods of drug use from the rhythm of purchases: the method of PRE2DUP.

Tanskanen A, Taipale H, Koponen M, et al. From prescription drug purchases to drug use periods - a second
generation method (PRE2DUP). BMC Med Inform Decis Mak 2015;15:21. What the article leaves open is done as its
authors' R package does it (PRE2DUP 0.2.0); docs/exposure.md says what that means at the boundaries.

A purchase lasts as long as its defined daily doses do at the dose that the person's purchases around it
show (a sliding average), stretched by how much that dose varies; for one or two purchases, as long as its
packages usually do.
"""

from __future__ import annotations

import polars as pl

from sundbench.cohort.exposure.grouped import in_order
from sundbench.cohort.exposure.hospital import merged_stays
from sundbench.cohort.exposure.purchase_days import purchase_days
from sundbench.cohort.exposure.rhythm_hospital import days_between, days_within
from sundbench.cohort.exposure.rhythm_limits import RhythmLimits
from sundbench.errors import StudyError

GROUP = ["person", "atc"]
ROW = pl.int_range(pl.len())
PURCHASES = ("person", "atc", "vnr", "date", "packages", "ddd")
PACKAGES = ("vnr", "lower_ddd", "usual_ddd", "minimum_days", "usual_days", "maximum_days")
CLASSES = ("atc", "lower_ddd", "usual_ddd", "minimum_days", "maximum_days")


def purchase_rhythm(
    purchases: pl.DataFrame,
    packages: pl.DataFrame,
    classes: pl.DataFrame,
    *,
    stays: pl.DataFrame | None = None,
    limits: RhythmLimits | None = None,
) -> pl.DataFrame:
    """Periods of use of each ATC code by each person.

    Args:
        purchases: ``person``, ``atc``, ``vnr``, ``date``, ``packages`` (may be a part of one) and ``ddd`` (of
            the whole purchase; null where unknown), as the view ``dispensings`` gives them.
        packages: for each product number ``vnr``: ``lower_ddd`` and ``usual_ddd`` taken a day, and
            ``minimum_days``, ``usual_days`` and ``maximum_days`` that a package lasts. Products may be
            missing, and so may values.
        classes: the same for ATC codes or their beginnings (``atc``; ``usual_days`` isn't needed). The
            longest that fits counts; one must fit each purchase.
        stays: ``person``, ``start`` and ``end`` (day of discharge) of stays in hospital.
        limits: as PRE2DUP's defaults if nothing is said.

    Returns:
        One row a period, sorted by person, code and start: ``person``, ``atc``, ``start`` (first purchase),
        ``end`` (last day of use), ``days``, ``hospital_days``, ``purchases`` (days with one),
        ``last_purchase``, ``ddd`` (in all), ``mean_ddd`` (a day).

    Raises:
        StudyError: a column is missing, a purchase has no day or no packages, or no class fits a code.
    """
    limits = limits if limits is not None else RhythmLimits()
    for frame, name, columns in (
        (purchases, "purchases", PURCHASES),
        (packages, "packages", PACKAGES),
        (classes, "classes", CLASSES),
    ):
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            raise StudyError(f"purchase_rhythm(): {name} has no column {', '.join(missing)}")
    hospital = None if stays is None else merged_stays(stays)
    rows = purchase_days(purchases, packages, classes, limits)
    rows = _stockpiled(_continued(_dosed(_blocks(rows, limits), limits), hospital, limits), limits)
    rows = _short_periods(rows, hospital, limits)
    return _summed(rows, _joined(_ended(rows, hospital, limits), limits), hospital)


def _near(column: str, by: int, within: str = "block") -> pl.Expr:
    """A column of the row so many before (or after, if below zero) in the same block; null beyond it.

    Rows of a block are neighbours, so this is a shift; a window function would take each block by itself.
    """
    return pl.when(pl.col(within) == pl.col(within).shift(by)).then(pl.col(column).shift(by))


def _blocks(rows: pl.DataFrame, limits: RhythmLimits) -> pl.DataFrame:
    """Purchases with no more than the longest gap between them are a block; one may hold several periods."""
    first = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in GROUP) | (ROW == 0)
    start = pl.when("begins").then(ROW).forward_fill()
    return (
        in_order(rows, GROUP, ["date"])
        .with_columns(first.alias("begins"))
        .with_columns(pl.col("begins").cum_sum().alias("group"))
        .with_columns((pl.col("date") - _near("date", 1, "group")).fill_null(0).alias("since"))
        .with_columns((pl.col("begins") | (pl.col("since") > limits.longest_gap)).alias("begins"))
        .with_columns(pl.col("begins").cum_sum().alias("block"), (ROW - start + 1).alias("place"))
        .with_columns(pl.len().over("block").alias("size"))
    )


def _dosed(rows: pl.DataFrame, limits: RhythmLimits) -> pl.DataFrame:
    """The dose a day by the purchases around, and how long each purchase lasts by it."""
    ddd, since = pl.col("ddd"), pl.col("since")

    # The last purchase lasts as long as it would at the dose of the one before it.
    expected = ddd / (_near("ddd", 1) / since)
    expected = pl.when(expected.is_not_nan()).then(expected.clip(upper_bound=limits.longest)).otherwise(0.0)
    after = _near("since", -1)
    rows = rows.with_columns(expected.alias("expected"))
    after_next = _near("since", -2).fill_null(_near("expected", -1))
    past, current, following = limits.weight_past, limits.weight_current, limits.weight_next
    edge = limits.weight_edge
    place, size = pl.col("place"), pl.col("size")
    average = (
        pl.when(size < 3)
        .then(None)
        .when(place == 1)
        .then((edge * ddd + following * _near("ddd", -1)) / (edge * after + following * _near("since", -2)))
        .when(place < size)
        .then(
            (past * _near("ddd", 1) + current * ddd + following * _near("ddd", -1))
            / (past * since + current * after + following * after_next)
        )
        .otherwise((edge * ddd + edge * _near("ddd", 1)) / (edge * pl.col("expected") + edge * since))
    )
    away = pl.col("average") - pl.col("mean")
    spread = pl.col("squared").mean().over("block").sqrt() / pl.col("mean")
    by_dose = pl.col("ddd") * (1 + pl.col("spread")) / pl.col("average")
    return (
        rows.with_columns(average.clip(upper_bound=99).alias("average"))
        .with_columns(pl.col("average").mean().over("block").alias("mean"))
        .with_columns((away * away).alias("squared"))
        .with_columns(spread.fill_nan(None).clip(0.2, 0.5).alias("spread"))  # no doses at all: no spread
        .with_columns(
            pl.min_horizontal(pl.max_horizontal("average", "lower_ddd"), pl.lit(limits.highest_ddd))
            .pipe(lambda kept: pl.when(pl.col("average").is_not_null()).then(kept))
            .alias("average")
        )
        .with_columns(pl.when(by_dose > 0).then(by_dose).alias("by_dose"))
        .with_columns(
            pl.coalesce("by_dose", "by_package").alias("lasts"),
            (pl.col("by_dose").is_null() & pl.col("by_class_alone")).alias("unlimited"),
        )
        .with_columns(
            pl.when("unlimited")
            .then("lasts")
            .otherwise(pl.min_horizontal(pl.max_horizontal("lasts", "minimum_days"), "maximum_days"))
            .alias("lasts")
        )
    )


def _continued(rows: pl.DataFrame, hospital: pl.DataFrame | None, limits: RhythmLimits) -> pl.DataFrame:
    """A period goes on where a purchase lasts to the next, a few days and days in hospital helping."""
    unreached = (pl.col("lasts").shift(1) < pl.col("since")).fill_null(False)
    rows = rows.with_columns(
        (pl.col("begins") | unreached).alias("begins"),
        _near("date", -1, "group").alias("next_date"),
    )
    rows = days_between(rows, pl.col("date") + pl.col("lasts"), hospital).with_columns(
        pl.col("hospital_days").alias("stay_days")
    )
    rows = rows.with_columns(_extended(limits).alias("extended"))
    reaches = _near("extended", 1) >= pl.col("since")
    bridged = (pl.col("since") > 0) & (pl.col("since") <= limits.longest_gap) & reaches
    return rows.with_columns((pl.col("begins") & ~bridged.fill_null(False)).alias("begins"))


def _extended(limits: RhythmLimits) -> pl.Expr:
    return pl.col("lasts") + pl.col("stay_days").clip(upper_bound=limits.longest_stay) + limits.extra_days


def _stockpiled(rows: pl.DataFrame, limits: RhythmLimits) -> pl.DataFrame:
    """A period also goes on over the gap after stockpiling: two purchases together reach the next."""
    average = pl.col("average")
    below_next = _near("average", -1) > average
    falling_at_end = (average > _near("average", -1)) & (pl.col("place") == pl.col("size") - 1)
    drops = (_near("average", 1) > average) & (below_next | falling_at_end)
    together = ((_near("ddd", 1) + pl.col("ddd")) * (1 + pl.col("spread")) / average).clip(
        upper_bound=_near("maximum_days", 1) + pl.col("maximum_days")
    )
    stay = (_near("stay_days", 1) + pl.col("stay_days")).clip(upper_bound=limits.longest_stay)
    reaches = together + stay + limits.extra_days >= pl.col("since") + _near("since", -1)
    stocked = (pl.col("size") > 2) & drops & _near("begins", -1) & reaches
    rows = rows.with_columns(stocked.fill_null(False).alias("stocked"))
    return rows.with_columns(
        (pl.col("begins") & ~_near("stocked", 1).fill_null(False)).alias("begins")
    ).with_columns(pl.col("begins").cum_sum().alias("period"))


def _short_periods(rows: pl.DataFrame, hospital: pl.DataFrame | None, limits: RhythmLimits) -> pl.DataFrame:
    """One or two purchases have no rhythm: they last as their packages do, and may so reach the next."""
    short = pl.len().over("period") < 3
    rows = rows.with_columns(short.alias("short")).with_columns(
        pl.when("short").then("by_package").otherwise("lasts").alias("lasts")
    )
    rows = days_between(rows, pl.col("date") + pl.col("lasts"), hospital).with_columns(
        pl.when("short").then("hospital_days").otherwise("stay_days").alias("stay_days")
    )
    rows = rows.with_columns(_extended(limits).alias("extended"))
    reaches = (_near("extended", 1) >= pl.col("since")).fill_null(False)
    return rows.with_columns((pl.col("begins") & ~(pl.col("short") & reaches)).alias("begins")).with_columns(
        pl.col("begins").cum_sum().alias("period")
    )


def _ended(rows: pl.DataFrame, hospital: pl.DataFrame | None, limits: RhythmLimits) -> pl.DataFrame:
    """Each period's start and end: by how long its last purchase lasts."""
    count = pl.col("purchases")
    fading = (
        pl.col("ddd") * (1 + pl.col("spread")) / (pl.col("average") * (1 + (-count.cast(pl.Float64)).exp()))
    )
    rhythm = (count > 2) & pl.col("spread").is_not_null() & (pl.col("ddd") > 0)
    lasts = pl.when(rhythm).then(fading).otherwise("lasts")
    lasts = pl.min_horizontal(pl.max_horizontal(lasts, "minimum_days"), "maximum_days")
    single = pl.min_horizontal(lasts, pl.lit(float(limits.longest_single)))
    last = (
        rows.with_columns(
            pl.col("date").first().over("period").alias("start"), pl.len().over("period").alias("purchases")
        )
        .filter(pl.col("period") != pl.col("period").shift(-1, fill_value=-1))
        .with_columns(pl.when(count == 1).then(single).otherwise(lasts).alias("lasts"))
        .with_columns(pl.lit(None, dtype=pl.Int64).alias("next_date"))
    )
    last = days_between(last, pl.col("date") + pl.col("lasts"), hospital)
    stay = pl.col("hospital_days").clip(upper_bound=limits.longest_stay)
    return last.select(
        *GROUP, "group", "period", "start", (pl.col("date") + (pl.col("lasts") + stay)).alias("end")
    )


def _joined(periods: pl.DataFrame, limits: RhythmLimits) -> pl.DataFrame:
    """Periods whose gap is a small part of the first are one; those that overlap are in any case."""
    percent = limits.bridged_percent
    periods = periods.with_columns(pl.col("period").alias("last_period"))
    while True:
        before = _near("end", 1, "group")
        length = before - _near("start", 1, "group")
        close = (pl.col("start") - before <= percent / 100 * length).fill_null(False)
        marked = periods.with_columns((~close).cum_sum().alias("joined"))
        joined = marked.group_by("joined", maintain_order=True).agg(
            pl.col(*GROUP, "group", "start").first(), pl.col("end", "last_period").last()
        )
        percent -= 0.1
        if joined.height == periods.height:
            return joined
        periods = joined.drop("joined")


def _summed(rows: pl.DataFrame, periods: pl.DataFrame, hospital: pl.DataFrame | None) -> pl.DataFrame:
    """What was bought in each period, and its days."""
    starts = rows.select("date", "ddd", "period").join_asof(
        periods.select("joined", pl.col("last_period").alias("period")).set_sorted("period"),
        on="period",
        strategy="forward",
    )
    totals = starts.group_by("joined", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("purchases"),
        pl.col("date").max().alias("last_purchase"),
        pl.col("ddd").sum(),
    )
    whole = periods.join(totals, on="joined", how="left", maintain_order="left")
    days = (pl.col("end") - pl.col("start")).round(0, mode="half_to_even").cast(pl.Int64)
    found = days_within(whole, hospital).with_columns(days.alias("days"))
    return found.select(
        *GROUP,
        pl.col("start").cast(pl.Int32).cast(pl.Date),
        pl.col("end").floor().cast(pl.Int32).cast(pl.Date),
        "days",
        "hospital_days",
        "purchases",
        pl.col("last_purchase").cast(pl.Int32).cast(pl.Date),
        "ddd",
        (pl.col("ddd") / pl.col("days")).round(3).alias("mean_ddd"),
    )
