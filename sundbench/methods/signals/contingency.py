"""Fourfold tables of drugs and events, counted in distinct reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

from sundbench.errors import MethodError
from sundbench.methods.inputs import Floats, Frame, frame
from sundbench.methods.rates.counts import whole


@dataclass(frozen=True)
class Contingency:
    """For each pair of a drug and an event, by stratum (one column where there are none).

    Attributes:
        pairs: drug, event.
        both: reports with both: pairs by strata.
        drug: reports with the drug.
        event: reports with the event.
        total: all reports: one a stratum, or one a pair by stratum.
    """

    pairs: pd.DataFrame
    both: Floats
    drug: Floats
    event: Floats
    total: Floats

    @property
    def expected(self) -> Floats:
        """How many reports would hold both, were drug and event reported independently within strata."""
        share = np.divide(self.event, self.total, out=np.zeros_like(self.event), where=self.total > 0)
        return np.asarray((self.drug * share).sum(axis=1))


def from_reports(
    data: Frame, *, report: str, drug: str, event: str, strata: Sequence[str] = ()
) -> Contingency:
    """Count distinct reports, from rows of a report, a drug and an event.

    A row says that the report holds both; other rows of the report hold others. All pairs that occur are
    counted.

    Raises:
        MethodError: missing values, or a report in several strata.
    """
    chosen = frame(data, [report, drug, event, *strata]).astype({drug: str, event: str})
    for name in (report, *strata):
        chosen[name] = pd.factorize(chosen[name])[0]
    table = pl.from_pandas(chosen)
    names = {report: "report", drug: "drug", event: "event"}
    table = table.with_columns(stratum=pl.struct(list(strata)) if strata else pl.lit(0)).rename(names)
    table = table.select(
        pl.col("report").rank("dense").alias("report"),
        "drug",
        "event",
        pl.col("stratum").rank("dense").cast(pl.Int64).alias("stratum") - 1
        if strata
        else pl.lit(0, dtype=pl.Int64).alias("stratum"),
    ).unique()
    reports = table.select("report", "stratum").unique()
    if reports.height > reports["report"].n_unique():
        raise MethodError(
            f"strata: {reports.height - reports['report'].n_unique()} reports lie in more than one stratum: "
            "give each report one"
        )
    size = reports["stratum"].n_unique()
    total = np.zeros(size)
    counts = reports["stratum"].value_counts()
    total[counts["stratum"].to_numpy()] = counts["count"].to_numpy()
    pairs = table.select("drug", "event").unique().sort("drug", "event").with_row_index("pair")
    both = table.join(pairs, on=["drug", "event"])
    return Contingency(
        pairs.select("drug", "event").to_pandas(),
        _dense(both["pair"], both["stratum"], pairs.height, size),
        _marginal(table, pairs["drug"], "drug", size),
        _marginal(table, pairs["event"], "event", size),
        total[None, :],
    )


def from_counts(
    data: Frame,
    *,
    drug: str,
    event: str,
    count: str,
    total: str | float,
    drug_total: str,
    event_total: str,
) -> Contingency:
    """Read counts that were made elsewhere.

    Raises:
        MethodError: missing, negative or broken counts, a pair given twice, marginals that differ between a
            drug's or an event's rows, or that the counts exceed.
    """
    columns = [drug, event, count, drug_total, event_total, *([total] if isinstance(total, str) else [])]
    table = frame(data, columns)
    if table.duplicated([drug, event]).any():
        twice = int(table.duplicated([drug, event]).sum())
        raise MethodError(f"{twice} pairs of {drug} and {event} come more than once: give each pair one row")
    for name, margin in ((drug, drug_total), (event, event_total)):
        if (table.groupby(name)[margin].nunique() > 1).any():
            raise MethodError(f"{margin}: rows of one {name} differ: give its number of reports in each row")
    both, n1, m1 = (whole(table[c], c) for c in (count, drug_total, event_total))
    n = (
        whole(table[total], total)
        if isinstance(total, str)
        else whole(pd.Series([total] * both.size), "total")
    )
    wrong = (both > n1) | (both > m1) | (n1 > n) | (m1 > n) | (n1 + m1 - both > n)
    if wrong.any():
        raise MethodError(
            f"{count}: {int(wrong.sum())} of {both.size} rows don't fit their marginals: {drug_total} and "
            f"{event_total} count distinct reports with the drug and with the event, of {int(n.max())} in all"
        )
    pairs = table[[drug, event]].rename(columns={drug: "drug", event: "event"})
    return Contingency(pairs, both[:, None], n1[:, None], m1[:, None], n[:, None])


def _marginal(table: pl.DataFrame, of_pairs: pl.Series, name: str, strata: int) -> Floats:
    levels = of_pairs.unique().sort().to_frame(name).with_row_index("place")
    own = table.select("report", name, "stratum").unique().join(levels, on=name)
    counted = _dense(own["place"], own["stratum"], levels.height, strata)
    place = of_pairs.to_frame(name).join(levels, on=name, how="left", maintain_order="left")["place"]
    return np.asarray(counted[place.to_numpy()])


def _dense(row: pl.Series, column: pl.Series, rows: int, columns: int) -> Floats:
    flat = row.to_numpy().astype(np.int64) * columns + column.to_numpy()
    return np.bincount(flat, minlength=rows * columns).astype(np.float64).reshape(rows, columns)
