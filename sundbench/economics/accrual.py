"""What a study's persons cost while they are followed, from the registers, nothing counted twice.

Components: ``study medicine`` (a price an administration), ``study visits`` (the visit at which it is given),
``hospital`` (DRG tariffs of contacts and spells), ``prescriptions`` (community pharmacies) and
``primary care`` (fees of general practitioners, specialists and others).

A DRG tariff for a visit at which a medicine is given holds the average price of such medicines already. So
either the medicine is counted at its price and that tariff is left out, or the tariff is counted alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
import pandas as pd
import polars as pl

from sundbench.cohort.bucket import Bucket
from sundbench.cohort.database import Database
from sundbench.cohort.views import dispensings, hospital_medicines, services, tariffs
from sundbench.economics.history import distinct_persons
from sundbench.errors import StudyError
from sundbench.methods.inputs import Frame, frame
from sundbench.progress import Report, silent

TariffRule = Literal["groups", "same day", "tariff"]

COMPONENTS = ("study medicine", "study visits", "hospital", "prescriptions", "primary care")

ORE = 100
"""Øre in a krone."""

_FEE_WEEK_MIDDLE = 3
"""Fees are dated by their week's Monday: Thursday is the middle, so that neither end of follow-up gains."""

_SOURCES = ("smr", "drg_forloeb", "lmdb", "sssy")
"""The registers that costs are still delivered from; those before them ended."""


@dataclass(frozen=True)
class Medicine:
    """What one administration of a study medicine costs.

    Attributes:
        atc: today's ATC code, or its beginning.
        price: kroner an administration, the medicine alone.
        visit: kroner for the visit at which it is given, without medicine.
    """

    atc: str
    price: float
    visit: float


@dataclass(frozen=True)
class Accrual:
    """Costs of a cohort.

    Attributes:
        costs: person, component, start, stop (days from index, both in it), cost (kroner); what began within
            follow-up. A hospital stay that outlasts follow-up keeps its stop day.
        administrations: administrations of study medicines within follow-up, one a person and day.
        covered: how many of them have a tariff that was left out because it holds the medicine (rule
            ``tariff``: that was counted instead).
    """

    costs: pd.DataFrame
    administrations: int
    covered: int


def covered_until(db: Database) -> date:
    """The last day on which every register of costs still delivers.

    Raises:
        StudyError: the extract lacks one of them, or doesn't say what it covers.
    """
    ends = []
    for register in _SOURCES:
        covered = db.coverage(register)
        if covered is None:
            raise StudyError(f"costs: the extract doesn't say what {register} covers: make it again")
        ends.append(covered[1])
    return min(ends)


def follow_up_within(
    persons: pd.DataFrame, until: date, *, time: str = "time", event: str = "event"
) -> pd.DataFrame:
    """End everybody's follow-up on a day at the latest: who lives then is censored.

    Args:
        persons: with ``index`` (a day), time (days from index) and event.
        until: the last day.
        time: the column of times.
        event: the column of events.

    Returns:
        The same persons, less those whose index day lies after it.
    """
    days = (pd.Timestamp(until) - pd.to_datetime(persons["index"])).dt.days
    kept = persons.loc[days >= 0].copy()
    days = days[days >= 0]
    kept[event] = kept[event].astype(bool) & (kept[time] <= days)
    kept[time] = np.minimum(kept[time], days)
    return kept.reset_index(drop=True)


def care_costs(
    db: Database,
    persons: Frame,
    *,
    medicines: Mapping[str, Medicine],
    horizon_days: float,
    tariff_rule: TariffRule = "groups",
    medicine_groups: tuple[str, ...] = (),
    time: str = "time",
    workers: int | None = None,
    report: Report = silent,
) -> Accrual:
    """Add up what care cost, one task a bucket.

    Args:
        db: the extract.
        persons: one row a person: person, index (a day), drug (a name in ``medicines``), time (days of
            follow-up).
        medicines: each arm's study medicine. Another arm's medicine counts too, at its own price.
        horizon_days: how far from index costs are wanted.
        tariff_rule: ``groups``: tariffs of ``medicine_groups`` that span an administration are left out, and
            the medicine counts at its price, with a visit. ``same day``: so are, of any group, tariffs of a
            single day on which a study medicine is given; too many where another visit falls on that day.
            ``tariff``: all tariffs count and the medicine doesn't.
        medicine_groups: the DRG groups whose tariffs hold the study medicines.
        time: the column of follow-up times.
        workers: threads; all processors if nothing is said.
        report: told of progress.

    Returns:
        Costs in kroner, sorted by person, component and start.

    Raises:
        StudyError: an unknown rule; rule ``groups`` without groups, or none of whose tariffs spans an
            administration, so that medicines would be counted twice; a register that the extract lacks.
    """
    if tariff_rule not in get_args(TariffRule):
        raise StudyError(
            f"costs: tariff_rule {tariff_rule!r}: choose among {', '.join(get_args(TariffRule))}"
        )
    if tariff_rule == "groups" and not medicine_groups:
        raise StudyError("costs: tariff_rule 'groups' needs medicine_groups: name the groups that hold it")
    table = frame(persons, ["person", "index", time])
    distinct_persons(table["person"].to_numpy(dtype=np.int64))
    followed = pl.DataFrame(
        {
            "person": table["person"].to_numpy(dtype=np.int32),
            "index": pl.Series(pd.to_datetime(table["index"]).to_numpy().astype("datetime64[ms]")).cast(
                pl.Date
            ),
            "until": np.minimum(table[time].to_numpy(dtype=np.float64), horizon_days),
        }
    )
    wanted = _Wanted(followed, tuple(medicines.values()), tariff_rule, medicine_groups)
    parts = _over_buckets(db, wanted, workers or len(os.sched_getaffinity(0)), report)
    administrations, covered = sum(part[1] for part in parts), sum(part[2] for part in parts)
    if tariff_rule == "groups" and administrations and not covered:
        raise StudyError(
            f"costs: no tariff of {', '.join(medicine_groups)} spans an administration, so the medicine "
            "would count twice: name the groups that hold it, or use tariff_rule 'same day'"
        )
    order = ["person", "component", "start", "stop", "cost"]
    costs = pl.concat([part[0] for part in parts]).sort(order)
    return Accrual(costs.to_pandas(), administrations, covered)


@dataclass(frozen=True)
class _Wanted:
    followed: pl.DataFrame
    medicines: tuple[Medicine, ...]
    rule: TariffRule
    groups: tuple[str, ...]


def _over_buckets(
    db: Database, wanted: _Wanted, workers: int, report: Report
) -> list[tuple[pl.DataFrame, int, int]]:
    from dask.threaded import get

    total = len(db.buckets)

    def one(number: int) -> tuple[pl.DataFrame, int, int]:
        return _bucket_costs(db.bucket(number), wanted)

    graph = {("costs", number): (one, number) for number in db.buckets}
    report("costs", 0, total)
    parts = list(get(graph, [("costs", number) for number in db.buckets], num_workers=workers))
    report("costs", total, total)
    return parts


def _bucket_costs(bucket: Bucket, wanted: _Wanted) -> tuple[pl.DataFrame, int, int]:
    given = _administrations(bucket, wanted)
    care = _within(tariffs(bucket), wanted, first="start", last="end", amount="tariff", more=["drg"])
    care = care.with_row_index("row")
    spanned = care.join(given.select("person", pl.col("start").alias("day")), on="person").filter(
        pl.col("day").is_between(pl.col("start"), pl.col("stop"))
    )
    if wanted.rule == "groups":
        spanned = spanned.filter(pl.col("drg").is_in(list(wanted.groups)))
    elif wanted.rule == "same day":
        spanned = spanned.filter(pl.col("start") == pl.col("stop"))
    held = given.join(spanned, left_on=["person", "start"], right_on=["person", "day"], how="semi")
    study = []
    if wanted.rule != "tariff":
        care = care.join(spanned, on="row", how="anti")
        visits = given.group_by("person", "start", "stop").agg(pl.col("visit").max())
        study = [_costs(given, "study medicine", "price"), _costs(visits, "study visits", "visit")]
    dispensed = _within(dispensings(bucket), wanted, first="date", last="date", amount="price")
    middle = services(bucket).with_columns(pl.col("date").dt.offset_by(f"{_FEE_WEEK_MIDDLE}d"))
    served = _within(middle, wanted, first="date", last="date", amount="fee")
    parts = [
        *study,
        _costs(care, "hospital", pl.col("tariff") / ORE),
        _costs(dispensed, "prescriptions", pl.col("price") / ORE),
        _costs(served, "primary care", pl.col("fee") / ORE),
    ]
    return pl.concat(parts), given.height, held.height


def _administrations(bucket: Bucket, wanted: _Wanted) -> pl.DataFrame:
    """person, start, stop, atc, price, visit: each study medicine once a person and day."""
    medicines = [
        hospital_medicines(bucket)
        .filter(pl.col("atc").str.starts_with(one.atc))
        .select(
            "person", "date", pl.lit(one.atc).alias("atc"), price=pl.lit(one.price), visit=pl.lit(one.visit)
        )
        .unique()
        for one in wanted.medicines
    ]
    more = ["atc", "visit"]
    return _within(pl.concat(medicines), wanted, first="date", last="date", amount="price", more=more)


def _within(
    rows: pl.LazyFrame, wanted: _Wanted, *, first: str, last: str, amount: str, more: Sequence[str] = ()
) -> pl.DataFrame:
    """The cohort's rows that begin within follow-up: person, start and stop (days from index), the rest."""
    begins, ends = pl.col(first), pl.coalesce(last, first)
    return (
        rows.filter(pl.col(amount).is_not_null())
        .join(wanted.followed.lazy(), on="person")
        .select(
            "person",
            (begins - pl.col("index")).dt.total_days().alias("start"),
            (pl.max_horizontal(begins, ends) - pl.col("index")).dt.total_days().alias("stop"),
            amount,
            *more,
            "until",
        )
        .filter(pl.col("start").is_between(0, pl.col("until")))
        .drop("until")
        .collect()
    )


def _costs(rows: pl.DataFrame, component: str, cost: str | pl.Expr) -> pl.DataFrame:
    expression = pl.col(cost) if isinstance(cost, str) else cost
    return rows.select(
        "person",
        pl.lit(component).alias("component"),
        pl.col("start").cast(pl.Int64),
        pl.col("stop").cast(pl.Int64),
        expression.cast(pl.Float64).alias("cost"),
    )
