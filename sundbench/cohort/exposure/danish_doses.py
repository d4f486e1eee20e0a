"""Daily doses by the Danish rules: what ``medicinMacro`` reckons from strengths and purchases.

The rules are those of Rytgaard and Gerds, "From %x_recepter to Rcpp: a mathematical formulation of the
algorithm" (the R package heaven, worg/medicin-macro.org), after Christian Torp-Pedersen's SAS macro. Only
purchases before a day tell of the dose on it: nothing looks into the future. Where the package's program
does something else than the text, docs/exposure.md says what is followed and why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from sundbench.cohort.exposure.grouped import Bools, Groups, Ints, in_order
from sundbench.cohort.exposure.hospital import Calendar, Clock, OutsideHospital
from sundbench.cohort.language import Language, listed, number, said
from sundbench.errors import StudyError

Doses = npt.NDArray[np.float64]

NEVER = 1 << 40
"""Days to the next purchase, where there is none."""


@dataclass(frozen=True)
class DoseRange:
    """What is taken a day of units of one strength.

    Attributes:
        strength: of one unit (tablet).
        lowest: the least dose a day, in the strength's unit.
        highest: the highest.
        typical: what is taken where purchases don't tell.
    """

    strength: float
    lowest: float
    highest: float
    typical: float


@dataclass(frozen=True)
class DanishDoses:
    """The rules for one medicine.

    Attributes:
        ranges: one for each strength on the market, in any order.
        depot: the most (in the strength's unit) that is left over from one purchase to the next.
        window: how many purchases before a day tell of the dose on it.

    Raises:
        StudyError: no range, a strength twice, doses not in order, or a window of none.
    """

    ranges: tuple[DoseRange, ...]
    depot: float = math.inf
    window: int = 2

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.ranges, key=lambda one: one.strength))
        object.__setattr__(self, "ranges", ordered)
        if not ordered:
            raise StudyError("DanishDoses(): no ranges: give one for each strength")
        for one in ordered:
            if not (one.strength > 0 and 0 < one.lowest <= one.typical <= one.highest):
                raise StudyError(
                    f"DanishDoses(): strength {one.strength:g}: the order is 0 < lowest <= typical <= highest"
                )
        strengths = [one.strength for one in ordered]
        if len(set(strengths)) < len(strengths):
            raise StudyError("DanishDoses(): a strength stands there twice")
        if self.depot < 0 or self.window < 1:
            raise StudyError(
                "DanishDoses(): the depot can't be below zero, and the window is at least one purchase"
            )

    def in_words(self, language: Language = "en") -> str:
        """As a protocol says it."""
        typically = said(language, "typically", "typisk")
        ranges = [
            f"{number(language, one.strength)}: {number(language, one.lowest)}-"
            f"{number(language, one.highest)}, {typically} {number(language, one.typical)}"
            for one in self.ranges
        ]
        told = listed(language, ranges)
        window = number(language, self.window)
        words = said(
            language,
            f"doses by the Danish rules (medicinMacro) from at most {window} purchases before; "
            f"a day, by strength: {told}",
            f"doser efter de danske regler (medicinMacro) ud fra højst {window} tidligere køb; "
            f"om dagen, efter styrke: {told}",
        )
        if math.isinf(self.depot):
            return words
        depot = number(language, self.depot)
        return words + said(language, f"; at most {depot} left over", f"; højst {depot} tilovers")


def danish_doses(
    dispensings: pl.DataFrame,
    rules: DanishDoses,
    *,
    by: Sequence[str] = ("person",),
    stays: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Periods with a dose a day, and periods without between them.

    Args:
        dispensings: of one medicine: ``person``, ``date``, ``strength``, ``packages``, ``package_size``,
            corrections netted; in any order.
        rules: the doses.
        by: what a period is of.
        stays: ``person``, ``start`` and ``end`` (day of discharge) of stays in hospital.

    Returns:
        One row a period, sorted by ``by`` and start: ``by``, ``dose`` (a day; 0 in a gap between two),
        ``start``, ``end`` (the last day; both in it), ``days``.

    Raises:
        StudyError: a column is missing, a value is unknown or not positive, or a strength has no range.
    """
    rows = _days_of_purchase(dispensings, rules, by)
    groups = Groups(rows, by)
    person, date = (
        rows["person"].cast(pl.Int64).to_numpy(),
        rows["date"].to_physical().cast(pl.Int64).to_numpy(),
    )
    clock: Clock = Calendar() if stays is None else OutsideHospital(stays)
    outside = clock.counted(person, date)
    bought, longest = rows["bought"].to_numpy(), rows["longest"].to_numpy()
    last = np.append(groups.first[1:], True)[: date.size]
    until_next = np.where(last, 0, np.roll(date, -1) - date)
    outside_until_next = np.where(last, 0, np.roll(outside, -1) - outside)
    strengths = np.array([one.strength for one in rules.ranges])
    nearest = np.searchsorted(strengths, rows["strength"].to_numpy(), side="right") - 1
    days = np.maximum(outside_until_next, 1)
    reaches = ~last & (longest > days)
    doses = _doses(groups, bought, days, nearest=nearest, reaches=reaches, rules=rules)
    lasts = _lasts(
        groups,
        bought,
        doses,
        until_next=np.where(last, NEVER, until_next),
        hospital=until_next - outside_until_next,
        reaches=reaches,
        depot=rules.depot,
    )
    pieces = _pieces(rows.select(*by), doses, date, date + lasts, np.where(last, 0, until_next - lasts))
    return _periods(pieces, by)


def _days_of_purchase(dispensings: pl.DataFrame, rules: DanishDoses, by: Sequence[str]) -> pl.DataFrame:
    """One row a day of purchase: ``bought`` in all, ``strength`` on average, ``longest`` it can last."""
    needed = ("person", *by, "date", "strength", "packages", "package_size")
    missing = sorted(set(needed) - set(dispensings.columns))
    if missing:
        raise StudyError(f"danish_doses(): the frame has no column {', '.join(missing)}")
    numbers = ("strength", "packages", "package_size")
    kept = dispensings.select(
        *dict.fromkeys(["person", *by, "date"]), *(pl.col(name).cast(pl.Float64) for name in numbers)
    )
    unknown = pl.any_horizontal(
        pl.col("date").is_null(), *(~(pl.col(name) > 0).fill_null(False) for name in numbers)
    )
    wrong = kept.select(unknown.sum()).item()
    if wrong:
        raise StudyError(
            f"danish_doses(): {wrong} of {kept.height} dispensings have no day, strength, packages or size:"
            " net corrections, and leave out what is unknown"
        )
    lowest = {one.strength: one.lowest for one in rules.ranges}
    strange = sorted(set(kept["strength"].unique()) - set(lowest))
    if strange:
        raise StudyError(
            f"danish_doses(): no range for strength {', '.join(f'{one:g}' for one in strange[:5])}"
        )
    amount = pl.col("packages") * pl.col("package_size") * pl.col("strength")
    return (
        in_order(kept, by, ["date", *numbers])
        .with_columns(amount.alias("bought"))
        .with_columns((pl.col("bought") / pl.col("strength").replace_strict(lowest)).alias("longest"))
        .group_by(*dict.fromkeys(["person", *by]), "date", maintain_order=True)
        .agg(pl.col("bought").sum(), pl.col("longest").sum(), pl.col("strength").mean())
    )


def _doses(
    groups: Groups, bought: Doses, days: Ints, *, nearest: Ints, reaches: Bools, rules: DanishDoses
) -> Doses:
    """The dose from each purchase on."""
    lowest, highest, typical = (
        np.array([float(getattr(one, name)) for one in rules.ranges])[nearest]
        for name in ("lowest", "highest", "typical")
    )
    place = np.arange(nearest.size) - np.repeat(groups.starts, groups.lengths)
    like_next = np.append(nearest[1:] == nearest[:-1], False)[: nearest.size]
    reached = np.roll(reaches, 1) & (place > 0)
    same = np.roll(like_next, 1) & (place > 0)
    amount, time = np.zeros(nearest.size), np.zeros(nearest.size)
    counts = np.ones(nearest.size, bool)
    for back in range(1, rules.window + 1):
        counts &= (place >= back) & np.roll(reaches, back) & (~same | np.roll(like_next, back))
        amount += np.where(counts, np.roll(bought, back), 0)
        time += np.where(counts, np.roll(days, back), 0)
    mean = np.divide(amount, time, out=typical.copy(), where=time > 0)
    multiple = np.floor(mean / lowest + 0.5) * lowest
    within = np.where(same, multiple, typical)
    dose = np.where(mean > highest, highest, np.where(mean < lowest, lowest, within))
    return np.where(reached, dose, typical)


def _lasts(
    groups: Groups,
    bought: Doses,
    doses: Doses,
    *,
    until_next: Ints,
    hospital: Ints,
    reaches: Bools,
    depot: float,
) -> Ints:
    """Days for which each purchase lasts, with what is left over of those before; to the next at most."""
    supply = bought.copy()
    lasts = np.minimum(np.floor(supply / doses).astype(np.int64), until_next)
    for rows in groups.steps():
        before = rows - 1
        used = doses[before] * np.maximum(lasts[before] - hospital[before], 0)
        left = np.clip(supply[before] - used, 0, depot)
        supply[rows] = bought[rows] + np.where(reaches[before], left, 0)
        lasts[rows] = np.minimum(np.floor(supply[rows] / doses[rows]).astype(np.int64), until_next[rows])
    return lasts


def _pieces(of: pl.DataFrame, doses: Doses, start: Ints, stop: Ints, gap: Ints) -> pl.DataFrame:
    """Each purchase with its days, and each gap after one with dose 0; what has no days is left out."""
    treated = of.with_columns(
        pl.Series("dose", doses), pl.Series("start", start), pl.Series("stop", stop)
    ).filter(pl.col("stop") > pl.col("start"))
    gaps = of.with_columns(
        pl.lit(0.0).alias("dose"), pl.Series("start", stop), pl.Series("stop", stop + gap)
    ).filter(pl.col("stop") > pl.col("start"))
    return pl.concat([treated, gaps])


def _periods(pieces: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """What adjoins and has one dose is one period."""
    pieces = in_order(pieces, by, ["start"])
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in (*by, "dose"))
    adjoining = pl.col("start") == pl.col("stop").shift(1)
    return (
        pieces.with_columns((~(same & adjoining).fill_null(False)).cum_sum().alias("_period"))
        .group_by("_period", maintain_order=True)
        .agg(pl.col(*by, "dose", "start").first(), pl.col("stop").last())
        .select(
            *by,
            "dose",
            pl.col("start").cast(pl.Int32).cast(pl.Date),
            (pl.col("stop") - 1).cast(pl.Int32).cast(pl.Date).alias("end"),
            (pl.col("stop") - pl.col("start")).alias("days"),
        )
    )
